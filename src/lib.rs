//! The rooms of the `management` program, for its binary, tests and benches.

pub mod cli;
pub mod report;
pub mod sim;
pub mod stress;
