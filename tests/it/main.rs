//! Integration tests.
mod traces;
