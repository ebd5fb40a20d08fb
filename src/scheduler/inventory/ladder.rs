//! Nodes by index, with quick access to the next one that has room: the index of first-fit.
//!
//! A tree with 32 children a block; each entry has the most free cores and the most free memory of any node below it.
//! Both are kept in 15 bits, cores as they are and memory in steps that cover the largest node, so that a block is one
//! cache line for each and the compiler compares it with a few vector instructions. What the tree finds is therefore
//! only likely; the caller checks it exactly.

/// Children of a block.
const BLOCK: usize = 32;

/// An entry that no need is as low as: a closed node, or none.
const CLOSED: i16 = -1;

/// The tree.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// From the nodes up to a single block.
    rungs: Vec<Rung>,
    /// How many low bits of memory are dropped.
    memory_shift: u32,
}

/// Blocks of one level.
#[derive(Clone, Debug, Default)]
struct Rung {
    cores: Vec<Lane>,
    memory: Vec<Lane>,
}

/// One dimension of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
struct Lane([i16; BLOCK]);

impl Lane {
    const CLOSED: Self = Self([CLOSED; BLOCK]);

    fn most(&self) -> i16 {
        self.0.iter().copied().fold(CLOSED, i16::max)
    }
}

impl Rung {
    /// Sets an entry, and says what the block's entry one level up must be now, where that has changed.
    fn set(&mut self, at: usize, cores: i16, memory: i16) {
        let (block, slot) = (at / BLOCK, at % BLOCK);
        if block >= self.cores.len() {
            self.cores.resize(block + 1, Lane::CLOSED);
            self.memory.resize(block + 1, Lane::CLOSED);
        }
        self.cores[block].0[slot] = cores;
        self.memory[block].0[slot] = memory;
    }

    fn get(&self, at: usize) -> Option<(i16, i16)> {
        let (block, slot) = (at / BLOCK, at % BLOCK);
        Some((self.cores.get(block)?.0[slot], self.memory[block].0[slot]))
    }

    fn most(&self, block: usize) -> (i16, i16) {
        (self.cores[block].most(), self.memory[block].most())
    }

    /// Bit i is set where entry i of the block has as much of both.
    #[inline]
    fn holders(&self, block: usize, cores: i16, memory: i16) -> u32 {
        let (own_cores, own_memory) = (&self.cores[block].0, &self.memory[block].0);
        let half = |from: usize| {
            let bits = (0..16).map(|at| {
                let holds = own_cores[from + at] >= cores && own_memory[from + at] >= memory;
                if holds { 1u16 << at } else { 0 }
            });
            u32::from(bits.fold(0, |all, bit| all | bit))
        };
        half(0) | half(16) << 16
    }
}

impl Ladder {
    /// A ladder without nodes for nodes with up to so much memory.
    pub(super) fn new(most_memory: u64) -> Self {
        let memory_shift = (64 - most_memory.leading_zeros()).saturating_sub(15);
        Self { rungs: vec![Rung::default()], memory_shift }
    }

    /// Whether a node with so much memory can be told from one with more.
    pub(super) fn covers(&self, memory: u64) -> bool {
        memory >> self.memory_shift <= i16::MAX as u64
    }

    /// Sets what is free on a node; `None` when it is closed.
    #[inline]
    pub(super) fn set(&mut self, node: u32, free: Option<(u32, u64)>) {
        let (mut cores, mut memory) =
            free.map_or((CLOSED, CLOSED), |(cores, memory)| (brief(u64::from(cores)), brief(memory >> self.memory_shift)));
        let mut at = node as usize;
        for height in 0.. {
            if height == self.rungs.len() {
                self.raise();
            }
            let rung = &mut self.rungs[height];
            if rung.get(at) == Some((cores, memory)) {
                return;
            }
            rung.set(at, cores, memory);
            if rung.cores.len() == 1 && height + 1 == self.rungs.len() {
                return;
            }
            at /= BLOCK;
            (cores, memory) = self.rungs[height].most(at);
        }
    }

    /// A new top over a level that no longer is a single block; its first block stands for the old top's.
    fn raise(&mut self) {
        let mut top = Rung::default();
        let below = &self.rungs[self.rungs.len() - 1];
        for block in 0..below.cores.len() {
            let (cores, memory) = below.most(block);
            top.set(block, cores, memory);
        }
        self.rungs.push(top);
    }

    /// The lowest node that seems to have room and of which `check` says that it has.
    #[inline]
    pub(super) fn find(&self, cores: u32, memory: u64, mut check: impl FnMut(u32) -> bool) -> Option<u32> {
        let need = (brief(u64::from(cores)), brief(memory >> self.memory_shift));
        self.find_in(self.rungs.len() - 1, 0, need, &mut check)
    }

    fn find_in(&self, height: usize, block: usize, need: (i16, i16), check: &mut impl FnMut(u32) -> bool) -> Option<u32> {
        let rung = &self.rungs[height];
        if block >= rung.cores.len() {
            return None;
        }
        let mut holders = rung.holders(block, need.0, need.1);
        while holders != 0 {
            let at = block * BLOCK + holders.trailing_zeros() as usize;
            holders &= holders - 1;
            if height > 0 {
                let found = self.find_in(height - 1, at, need, check);
                if found.is_some() {
                    return found;
                }
            } else if check(at as u32) {
                return Some(at as u32);
            }
        }
        None
    }

    /// Whether every entry is what the level below it makes it, and the nodes are as given.
    pub(super) fn agrees(&self, nodes: impl Iterator<Item = Option<(u32, u64)>>) -> bool {
        let mut other = Self { rungs: vec![Rung::default()], memory_shift: self.memory_shift };
        for (node, free) in nodes.enumerate().filter(|(_, free)| free.is_some()) {
            other.set(node as u32, free);
        }
        // Blocks of nodes that are all closed may be left from when they were open.
        let same_lanes =
            |one: &[Lane], other: &[Lane]| one.starts_with(other) && one[other.len()..].iter().all(|lane| *lane == Lane::CLOSED);
        let same = |one: &Rung, other: &Rung| same_lanes(&one.cores, &other.cores) && same_lanes(&one.memory, &other.memory);
        self.rungs.len() >= other.rungs.len() && self.rungs.iter().zip(&other.rungs).all(|(one, other)| same(one, other))
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.rungs.iter().map(|rung| (rung.cores.capacity() + rung.memory.capacity()) * size_of::<Lane>()).sum()
    }
}

/// The amount in 15 bits; an order that is only ever coarser than the true one.
fn brief(amount: u64) -> i16 {
    amount.min(i16::MAX as u64) as i16
}
