//! Keys of submissions.

use std::hash::{BuildHasher as _, RandomState};

/// A key that nobody else has: 128 bits of the system's randomness, as the hash maps of this process take it.
#[must_use]
pub fn new_key() -> String {
    let [high, low] = [0u8, 1].map(|half| RandomState::new().hash_one((half, std::process::id())));
    format!("{high:016x}{low:016x}")
}
