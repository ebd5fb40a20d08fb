//! Frames over mutual TLS over TCP: what goes over the wire, how long each step may take, how much may come.

mod channel;
mod limits;
mod pump;
mod wire;

pub use limits::LinkLimits;

pub(crate) use channel::{Channel, Reader, Writer, connect, prepare};
pub(crate) use pump::{Outgoing, pump};
pub(crate) use wire::{Control, Frame, PROTOCOL};
