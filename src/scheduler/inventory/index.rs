//! The open nodes in the order that a fit chooses in. Keeps the order; `choice` reads it.

use model::Fit;

use super::grid::{Entry, Grid};
use super::ladder::Ladder;
use super::score::Capacity;

/// The index of one fit.
///
/// Best-fit and worst-fit read the order of one grid. The fits that weigh shares of a node's capacity have a grid for
/// each capacity, by its group. First-fit has its ladder, and pinned needs none.
#[derive(Clone, Debug)]
pub(super) enum Index {
    Pinned,
    First(Ladder),
    Best(Grid),
    Worst(Grid),
    L2(Vec<(Capacity, Grid)>),
    Dot(Vec<(Capacity, Grid)>),
}

impl Index {
    /// The index of a fit, without nodes, for nodes with up to so much memory.
    pub(super) fn new(fit: Fit, most_memory: u64) -> Self {
        match fit {
            Fit::Pinned => Self::Pinned,
            Fit::FirstFit => Self::First(Ladder::new(most_memory)),
            Fit::BestFit => Self::Best(Grid::new()),
            Fit::WorstFit => Self::Worst(Grid::new()),
            Fit::L2 => Self::L2(Vec::new()),
            Fit::DotProduct => Self::Dot(Vec::new()),
        }
    }

    /// Makes room for one more node of a group of equal capacities. Groups come in ascending order. `false` when the
    /// index must be built anew for nodes with so much memory.
    pub(super) fn reserve(&mut self, group: u32, capacity: Capacity, node: u32) -> bool {
        let most = Entry { cores: capacity.cores, memory: capacity.memory, node };
        match self {
            Self::Pinned => {}
            Self::First(ladder) => return ladder.covers(capacity.memory),
            Self::Best(grid) | Self::Worst(grid) => grid.reserve(most, 1),
            Self::L2(grids) | Self::Dot(grids) => {
                if group as usize == grids.len() {
                    grids.push((capacity, Grid::new()));
                }
                grids[group as usize].1.reserve(most, 1);
            }
        }
        true
    }

    /// A node is offered: it was closed, or is new.
    pub(super) fn insert(&mut self, group: u32, entry: Entry) {
        match self {
            Self::Pinned => {}
            Self::First(ladder) => ladder.set(entry.node, Some((entry.cores, entry.memory))),
            Self::Best(grid) | Self::Worst(grid) => grid.insert(entry),
            Self::L2(grids) | Self::Dot(grids) => grids[group as usize].1.insert(entry),
        }
    }

    /// A node is offered no more.
    pub(super) fn remove(&mut self, group: u32, entry: Entry) {
        match self {
            Self::Pinned => {}
            Self::First(ladder) => ladder.set(entry.node, None),
            Self::Best(grid) | Self::Worst(grid) => grid.remove(entry),
            Self::L2(grids) | Self::Dot(grids) => grids[group as usize].1.remove(entry),
        }
    }

    /// What is free on an offered node changes.
    #[inline]
    pub(super) fn change(&mut self, group: u32, before: Entry, after: Entry) {
        let grid = match self {
            Self::Pinned => return,
            Self::First(ladder) => return ladder.set(after.node, Some((after.cores, after.memory))),
            Self::Best(grid) | Self::Worst(grid) => grid,
            Self::L2(grids) | Self::Dot(grids) => &mut grids[group as usize].1,
        };
        grid.remove(before);
        grid.insert(after);
    }

    /// All grids, one after the other.
    pub(super) fn grids(&self) -> impl Iterator<Item = &Grid> {
        let (one, many): (_, &[_]) = match self {
            Self::Pinned | Self::First(_) => (None, &[]),
            Self::Best(grid) | Self::Worst(grid) => (Some(grid), &[]),
            Self::L2(grids) | Self::Dot(grids) => (None, grids),
        };
        one.into_iter().chain(many.iter().map(|(_, grid)| grid))
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        let ladder = if let Self::First(ladder) = self { ladder.bytes() } else { 0 };
        ladder + self.grids().map(|grid| size_of::<Grid>() + grid.bytes()).sum::<usize>()
    }
}
