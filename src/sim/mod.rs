//! Carrier 2, virtual time: the event heap, faults, inputs and the experiment runner. No tokio, no wall clock in a decision.

pub mod config;
pub mod input;
pub mod random;
pub mod scenario;
pub mod state_file;
pub mod trace;
