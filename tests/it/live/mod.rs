//! The live system end to end: real `management` and `worker` programs, real tasks, and what happens when any of them is killed.
#![expect(clippy::unwrap_used, reason = "what starts programs for a test may panic like the test")]

mod apart;
mod cable;
mod carried;
mod causes;
mod chaos;
mod checkpoints;
mod containers;
mod earlier;
mod fleet;
mod full;
mod garbage;
mod interrupted;
mod killed;
mod lease;
mod mongo;
mod moves;
mod refused;
mod running;
pub mod site;
