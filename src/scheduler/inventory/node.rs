//! What the inventory keeps of each node: half a cache line. No choices.

use super::pages::Places;

/// What is free on one node.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Node {
    pub memory: u64,
    /// The free cores, where the class has one word of them; else where the node's words begin.
    pub mask: u64,
    pub cores: u32,
    pub class: u32,
    /// Where the node lies in its grid.
    pub place: u32,
    pub open: bool,
}

impl Places for [Node] {
    #[inline]
    fn place(&self, owner: u64) -> u32 {
        self[owner as usize].place
    }

    #[inline]
    fn set_place(&mut self, owner: u64, place: u32) {
        self[owner as usize].place = place;
    }
}
