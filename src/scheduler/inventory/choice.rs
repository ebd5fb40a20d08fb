//! The fits: which of the open nodes with room is chosen. Reads an index, changes nothing.

use std::cmp::Reverse;

use model::NodeId;

use super::Need;
use super::grid::Grid;
use super::index::Index;
use super::score::{Capacity, Score};

impl Index {
    /// The fit's choice among the nodes that have room and are allowed. `fits` says exactly whether a node has room.
    #[inline]
    pub(super) fn choose(&self, need: Need, fits: impl Fn(NodeId) -> bool, mut allow: impl FnMut(NodeId) -> bool) -> Option<NodeId> {
        let (cores, memory) = (need.cores.0, need.memory.0);
        let mut allow_node = |node: u32| allow(NodeId(node));
        let node = match self {
            Self::Pinned => None,
            Self::First(ladder) => ladder.find(cores, memory, |node| fits(NodeId(node)) && allow_node(node)),
            Self::Best(grid) => best(grid, cores, memory, allow_node),
            Self::Worst(grid) => worst(grid, cores, memory, allow_node),
            Self::L2(grids) => l2(grids, cores, memory, &mut allow_node),
            Self::Dot(grids) => dot(grids, cores, memory, &mut allow_node),
        };
        node.map(NodeId)
    }
}

/// How a fit ranks a node with room: the least is chosen, and among equals the lowest index.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Best(u32, u64),
    Worst(Reverse<(u32, u64)>),
    L2(Score),
    Dot(Reverse<Score>),
}

impl Index {
    /// The rank of a node with room; `None` for a fit that does not rank.
    pub(super) fn rank(&self, need: Need, free: Need, capacity: Capacity) -> Option<Rank> {
        let (cores, memory) = (free.cores.0, free.memory.0);
        match self {
            Self::Pinned | Self::First(_) => None,
            Self::Best(_) => Some(Rank::Best(cores, memory)),
            Self::Worst(_) => Some(Rank::Worst(Reverse((cores, memory)))),
            Self::L2(_) => Some(Rank::L2(Score::leftover(cores - need.cores.0, memory - need.memory.0, capacity))),
            Self::Dot(_) => Some(Rank::Dot(Reverse(Score::new((need.cores.0, cores), (need.memory.0, memory), capacity)))),
        }
    }
}

/// Fewest free cores left, then least memory left, then the lowest index: the order of the grid itself.
#[inline]
fn best(grid: &Grid, cores: u32, memory: u64, mut allow: impl FnMut(u32) -> bool) -> Option<u32> {
    // Nearly always the first will do, and then its amounts need not be known.
    let first = grid.least_node(cores, memory)?;
    if allow(first) {
        return Some(first);
    }
    let mut last = grid.least(cores, memory)?;
    loop {
        last = grid.after(last, memory)?;
        if allow(last.node) {
            return Some(last.node);
        }
    }
}

/// Most free cores left, then most memory left, then the lowest index: the order of the grid from its end, but nodes
/// with equal amounts from the lowest.
fn worst(grid: &Grid, cores: u32, memory: u64, mut allow: impl FnMut(u32) -> bool) -> Option<u32> {
    let mut at = grid.floor(u32::MAX, u64::MAX);
    while let Some((most_cores, most_memory)) = at {
        if most_cores < cores {
            return None;
        }
        if most_memory < memory {
            at = below_row(grid, most_cores);
            continue;
        }
        let found = first_allowed(grid, most_cores, most_memory, &mut allow);
        if found.is_some() {
            return found;
        }
        at = below(grid, most_cores, most_memory);
    }
    None
}

/// The smallest squared leftover. In a row it grows with the memory left; over the rows its core part alone soon is
/// more than the best so far.
fn l2(grids: &[(Capacity, Grid)], cores: u32, memory: u64, allow: &mut impl FnMut(u32) -> bool) -> Option<u32> {
    let mut best: Option<(Score, u32)> = None;
    for &(capacity, ref grid) in grids {
        let mut next = grid.least(cores, memory);
        while let Some(entry) = next {
            let left = entry.cores - cores;
            if best.is_some_and(|(score, _)| Score::leftover(left, 0, capacity) > score) {
                break;
            }
            let scored = (Score::leftover(left, entry.memory - memory, capacity), entry.node);
            let better = best.is_none_or(|best| scored < best);
            if better && !allow(entry.node) {
                next = grid.after(entry, memory);
                continue;
            }
            if better {
                best = Some(scored);
            }
            next = grid.least(entry.cores + 1, memory);
        }
    }
    best.map(|(_, node)| node)
}

/// The largest dot product of need and free. In a row it grows with the free memory (where the need has any); a row
/// can be no better than with all of the capacity's memory free.
fn dot(grids: &[(Capacity, Grid)], cores: u32, memory: u64, allow: &mut impl FnMut(u32) -> bool) -> Option<u32> {
    let mut best: Option<(Reverse<Score>, u32)> = None;
    for &(capacity, ref grid) in grids {
        let score = |free: u32, most: u64| Reverse(Score::new((cores, free), (memory, most), capacity));
        let mut at = grid.floor(u32::MAX, u64::MAX);
        while let Some((free, most)) = at {
            if free < cores || best.is_some_and(|(best, _)| score(free, capacity.memory) > best) {
                break;
            }
            if most < memory || best.is_some_and(|(best, _)| score(free, most) > best) {
                at = below_row(grid, free);
                continue;
            }
            let found = first_allowed(grid, free, most, &mut *allow).map(|node| (score(free, most), node));
            best = [best, found].into_iter().flatten().min();
            // Without a need for memory the whole row is equal.
            at = if found.is_some() && memory > 0 { below_row(grid, free) } else { below(grid, free, most) };
        }
    }
    best.map(|(_, node)| node)
}

/// The lowest allowed node with exactly these amounts free.
fn first_allowed(grid: &Grid, cores: u32, memory: u64, mut allow: impl FnMut(u32) -> bool) -> Option<u32> {
    let mut next = grid.least(cores, memory);
    while let Some(entry) = next.filter(|entry| (entry.cores, entry.memory) == (cores, memory)) {
        if allow(entry.node) {
            return Some(entry.node);
        }
        next = grid.after(entry, memory);
    }
    None
}

/// The amounts before these in the order of the grid.
fn below(grid: &Grid, cores: u32, memory: u64) -> Option<(u32, u64)> {
    match memory.checked_sub(1) {
        Some(less) => grid.floor(cores, less),
        None => below_row(grid, cores),
    }
}

/// The last amounts with fewer free cores.
fn below_row(grid: &Grid, cores: u32) -> Option<(u32, u64)> {
    grid.floor(cores.checked_sub(1)?, u64::MAX)
}
