//! The rooms of the `management` program, for its binary, tests and benches.

pub mod api;
pub mod cli;
pub mod client;
pub mod config;
pub mod journal;
pub mod report;
pub mod runtime;
pub mod sim;
pub mod store;
pub mod stress;
pub mod whatif;
