//! The real drivers. Each implements `engine::Driver`; none is known to the agent.

pub mod process;
