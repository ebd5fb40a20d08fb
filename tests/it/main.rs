//! Integration tests.
mod properties;
mod traces;
