//! The live carrier: mailboxes, timers, links and the system clock round the pure machines. It moves messages and decides nothing.

mod clock;
mod door;
mod status;
#[cfg(test)]
pub mod trial;

pub use clock::Clock;
pub use door::{Door, LogTrouble, Trouble};
pub use engine::wire::{LogPart, LogQuery};
pub use status::{ActorStatus, Counts, Status};
