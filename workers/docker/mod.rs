//! Docker, as the guards of containers and the worker itself speak to it: the client, what a run becomes as a container, its image, and
//! what is left of a container whose guard is gone.

mod body;
mod checkpoint;
mod client;
mod doctor;
mod image;
mod remains;
mod swarm;
mod verdict;

pub use body::{LABEL_ROOT, LABEL_RUN, body, with_address};
pub use checkpoint::{Places, checkpoint, criu, places, restore};
pub use client::{Docker, Fault};
pub use doctor::checks;
pub use image::ensure;
pub use remains::{conclude, kill_outright, sweep};
pub use swarm::{Swarm, SwarmSettings};
pub use verdict::{KILLED, out_of_memory};
