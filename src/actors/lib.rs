//! The four control-plane machines. Each is pure: `step(now, input, outbox)`, with timers and messages as outputs.
//!
//! No tokio, no await, no clock, no socket, no randomness. A carrier (virtual time, or live) moves the messages and makes
//! what a step rests on durable before it lets the step's outputs leave.

mod discovery;
mod front_end;
mod global_manager;
mod job_manager;

pub use discovery::Discovery;
pub use front_end::{
    AttemptView, FrontEnd, JobView, KeptView, Limits, Mark, MovePhase, MoveView, NodeView, QueuedView, Sample, Standing, TaskView, Totals,
    View,
};
pub use global_manager::GlobalManager;
pub use job_manager::{JobManager, Status};
