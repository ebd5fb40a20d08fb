//! What carries messages between hosts: ZeroMQ sockets on ipc, the mutual-TLS relay, certificates, framing. It knows no machine.

mod bulk;
mod clock;
mod counters;
mod crypto;
mod dialer;
mod error;
mod files;
pub mod identity;
mod listener;
mod relay;
pub mod session;
pub mod token;

pub use bulk::{BulkGuest, BulkListener, BulkStream, dial_bulk};
pub use counters::Counters;
pub use dialer::{Dialer, DialerOptions, FromServer, join};
pub use error::LinkError;
pub use listener::{FromPeer, Gatekeeper, Listener, ListenerOptions};
pub use relay::LinkLimits;

#[cfg(test)]
mod loopback;
