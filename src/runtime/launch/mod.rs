//! Workers launched on other hosts by SSH, and on this one without: started, stopped and looked at, many hosts at once. What came of each is a row; what may pass by
//! itself can be tried again. It decides nothing about nodes: a worker that was started joins like any other.

mod connection;
mod error;
mod here;
mod host;
mod many;
mod program;
mod reach;
mod row;
mod trust;

pub use error::LaunchError;
pub use host::{Launcher, TokenMaker};
pub use many::{each, keep_trying};
pub use program::Program;
pub use reach::Reach;
pub use row::{Outcome, Row, Upload};
