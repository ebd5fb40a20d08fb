//! A live system as its users see it: a `management` process that is started, asked, watched and ended from outside.

pub mod bench;
mod containers;
mod figures;
mod http;
mod process;
pub mod schemathesis;
mod server;
pub mod soak;
