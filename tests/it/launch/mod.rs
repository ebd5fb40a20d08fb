//! Workers launched by SSH, on two real sshds: what is launched, what is refused and why, and that nothing of it is left.
#![expect(clippy::unwrap_used, reason = "what starts programs for a test may panic like the test")]

mod beside;
mod ordinary;
mod refused;
mod yard;
