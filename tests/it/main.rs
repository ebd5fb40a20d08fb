//! Integration tests: one program, so that it is linked once.

mod support;
mod tidy;
mod traces;
