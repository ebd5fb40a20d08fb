//! Carrier 2, virtual time: the event heap, faults, inputs and the experiment runner. No tokio, no wall clock in a decision.

pub mod audit;
pub mod behaviour;
pub mod bound;
pub mod chance;
pub mod comparison;
pub mod config;
mod heap;
pub mod input;
pub mod observer;
pub mod random;
pub mod scenario;
pub mod simulation;
pub mod sizing;
pub mod snapshot;
pub mod state_file;
pub mod trace;
pub mod world;
