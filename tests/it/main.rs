//! Integration tests: one program, so that it is linked once.

mod cli;
mod dashboard;
mod journal;
mod kills;
mod launch;
mod live;
mod page;
mod parity;
mod properties;
mod readme;
mod reasons;
mod restore;
mod support;
mod tidy;
mod traces;
