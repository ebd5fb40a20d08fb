//! Amounts of capacity: what a task needs, and sums over many nodes. No policy.

use model::{Bytes, Cores};
use serde::{Deserialize, Serialize};

/// What a placement takes from one node. Either part may be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Need {
    /// Whole cores.
    pub cores: Cores,
    /// Memory in bytes.
    pub memory: Bytes,
}

/// Capacity summed over nodes; wide enough for any number of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Whole cores.
    pub cores: u64,
    /// Memory in bytes.
    pub memory: u128,
}

impl Totals {
    pub(super) fn add(&mut self, cores: u32, memory: u64) {
        self.cores += u64::from(cores);
        self.memory += u128::from(memory);
    }

    pub(super) fn sub(&mut self, cores: u32, memory: u64) {
        self.cores -= u64::from(cores);
        self.memory -= u128::from(memory);
    }
}
