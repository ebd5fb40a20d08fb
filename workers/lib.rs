//! `worker <frequency>`: a shell round the agent, with the real drivers. Nothing of management reaches here.
//!
//! A task is run by a chain of three processes of this one program: the worker, a guard for each run in a session of its own,
//! and the task itself, which begins as `worker launch` and becomes the user's program. What the three know of each other lies in the
//! run's folder, so that each may die at any moment without the others losing the thread.

pub mod arguments;
pub mod background;
pub mod cgroup;
pub mod docker;
pub mod drivers;
mod error;
pub mod guard;
pub mod host;
pub mod image;
mod neighbours;
mod orphans;
pub mod run;
pub mod shell;

pub use error::Error;
