//! Load: arrival processes (pure), and the client that plays them against a live FrontEnd.

mod load;
mod player;
mod process;
mod submitter;
mod tally;
mod template;

pub use load::{Load, LoadIter, Share};
pub use player::{Play, Played};
pub use process::Process;
pub use submitter::Submitter;
pub use tally::{Fate, Tally};
pub use template::Template;
