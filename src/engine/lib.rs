//! What runs on a node: the one driver trait, the per-node agent, and the simulated driver.
//!
//! No real driver lives here; those are modules of the worker. Nothing here waits: a driver takes commands and says later
//! what became of them, so that the same agent runs under an event heap and under a live runtime.

mod agent;
mod check;
mod driver;
pub mod question;
mod simulated;
pub mod wire;

pub use agent::Agent;
pub use check::{Check, Verdict};
pub use driver::{Command, Driver, Signal, Signals, What};
pub use simulated::{Behaviour, SimulatedDriver};
