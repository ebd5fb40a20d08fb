//! Load: arrival processes (pure). The HTTP client that plays them against a live FrontEnd comes with the live carrier.

mod load;
mod process;

pub use load::{Load, LoadIter, Share};
pub use process::Process;
