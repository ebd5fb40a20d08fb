//! The live carrier: mailboxes, timers, links and the system clock round the pure machines. It moves messages and decides nothing.

mod clock;
mod door;
mod fleet;
mod gate;
pub mod launch;
mod links;
mod live;
mod machine;
mod narrator;
mod notebook;
mod start;
mod station;
mod status;
mod swarm;
#[cfg(test)]
pub mod trial;
mod turn;
mod workers;

pub use clock::Clock;
pub use door::{Door, Silence, Trouble};
pub use engine::question::{Fetch, Fetched, Leftover, LogPart, LogQuery};
pub use fleet::{AnyBehaviour, FleetOptions};
pub use live::Deed;
pub use machine::ActorName;
pub use notebook::keep_notebook;
pub use start::{LiveOptions, Network, StartError, System, start};
pub use status::{ActorStatus, Counts, Status};
pub use swarm::SwarmMembers;
pub use workers::Line;
