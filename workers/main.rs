//! The composition root of `worker`.

fn main() {}
