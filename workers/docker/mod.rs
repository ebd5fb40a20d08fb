//! Docker, as the guards of containers and the worker itself speak to it: the client, what a run becomes as a container, its image, and
//! what is left of a container whose guard is gone.

mod body;
mod checkpoint;
mod client;
mod doctor;
mod image;
mod ready;
mod remains;
pub mod runtime;
mod shared;
mod sockets;
mod swarm;
mod verdict;

pub use body::{LABEL_ROOT, LABEL_RUN, body, to_restore};
pub use checkpoint::{Places, checkpoint, criu, host, places, restore};
pub use client::{Docker, Fault, block_on};
pub use doctor::checks;
pub use image::{Pull, ensure};
pub use ready::{holder, make_ready};
pub use remains::{conclude, found, kill_outright, sweep, take_away};
pub use shared::{SharedRoot, check as check_shared};
pub use sockets::is_bound;
pub use swarm::{Swarm, SwarmSettings};
pub use verdict::{KILLED, SIGNALLED, out_of_memory, signals};
