//! The process driver with real processes. No test needs root; those of cgroups say so where the host has none.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in what its tests share")]

mod ends;
mod eyes;
mod groups;
mod node;
mod recovery;
mod starts;
