//! The image of a checkpointed container: files in a folder of its run, with a list that names each with its size and digest, and the way in which
//! another worker gets them.
//!
//! | file | holds |
//! |---|---|
//! | `list.json` | what the others are |
//! | `criu/*` | the processes and their memory, as CRIU writes them |
//! | `files.tar` | what the container has changed of its own files |
//!
//! Whoever receives an image trusts nothing of it: names are checked before anything is opened, sizes and digests before anything is used, and the
//! archive is unpacked entry by entry.

mod fetch;
mod files;
mod kept;
mod list;
mod room;
mod serve;

pub use fetch::{Source, fetch};
pub use files::{pack, unpack};
pub use kept::{KEPT, keep, place, task_of};
pub use list::{Entry, FILES, FOLDER, List, Trouble};
pub use room::{SOME, has_room};
pub use serve::Server;
