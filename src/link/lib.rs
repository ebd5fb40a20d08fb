//! What carries messages between hosts: ZeroMQ sockets on ipc, the mutual-TLS relay, certificates, framing. It knows no machine.

mod counters;
mod crypto;
mod error;
mod files;
pub mod identity;
pub mod session;
pub mod token;

pub use counters::Counters;
pub use error::LinkError;
