//! Integration tests.
mod cli;
mod properties;
mod traces;
