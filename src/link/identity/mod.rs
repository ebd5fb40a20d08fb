//! Who is who: the authority that issues certificates, what a certificate says, and the key and certificate of a peer.
//!
//! Private keys are made where they are used and never travel: whoever needs a certificate sends a request that its key has signed.

mod authority;
mod certificate;
mod held;
mod peer;
mod verify;

pub use authority::{Authority, Digest};
pub use held::{Identity, NewKey};
pub use peer::{PeerName, Role};

pub(crate) use certificate::Facts;
pub(crate) use verify::{client_config, exact_config, from_io, joining_config, server_config};
