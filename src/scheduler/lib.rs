//! Placement, pure: what fits where, who goes first, who waits and why.
//!
//! `inventory` holds the free capacity and its index, `ports` the host ports that are held; `shape` and `queue` what
//! waits; `room` filters; `gang` the transaction; `admission` what happens behind a unit that does not fit, with
//! `promise` (backfill) and `preempt`; `planner` puts them together; `check` distrusts the result. No clock, no
//! randomness, no unordered map.

mod admission;
pub mod check;
pub mod gang;
pub mod held;
pub mod inventory;
pub mod pack;
pub mod planner;
pub mod ports;
mod preempt;
pub mod promise;
pub mod queue;
mod room;
pub mod shape;

pub use preempt::Victim;
