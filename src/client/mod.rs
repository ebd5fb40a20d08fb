//! The client of the REST interface: blocking, one connection kept open, bounded waits, answers as the API's own body types.
//!
//! It asks and reads; what is shown to people is the command line's affair. Nothing here knows the machines or the store.

mod call;
mod error;
mod key;
mod options;
mod reply;
mod session;
mod stream;
#[cfg(test)]
mod tests;

pub use call::{Call, Method};
pub use error::ClientError;
pub use key::new_key;
pub use options::{Address, ClientOptions};
pub use reply::Reply;
pub use session::Client;
pub use stream::{Frame, Frames};
