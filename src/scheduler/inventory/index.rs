//! The open nodes in the order that a fit chooses in. Keeps the order; `choice` reads it.

use model::Fit;

use super::grid::Grid;
use super::ladder::Ladder;
use super::node::Node;
use super::score::Capacity;
use super::shape::Entry;

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
    pub(super) fn reserve(&mut self, nodes: &mut [Node], group: u32, capacity: Capacity, node: u32) -> bool {
        if let Self::First(ladder) = self {
            return ladder.covers(capacity.memory);
        }
        if let Self::L2(grids) | Self::Dot(grids) = self
            && group as usize == grids.len()
        {
            grids.push((capacity, Grid::new()));
        }
        if let Some(grid) = self.grid(group) {
            grid.reserve(nodes, Entry { cores: capacity.cores, memory: capacity.memory, node });
        }
        true
    }

    /// A node is offered: it was closed, or is new.
    pub(super) fn insert(&mut self, nodes: &mut [Node], group: u32, entry: Entry) {
        if let Self::First(ladder) = self {
            ladder.set(entry.node, Some((entry.cores, entry.memory)));
        } else if let Some(grid) = self.grid(group) {
            grid.insert(nodes, entry);
        }
    }

    /// A node is offered no more.
    pub(super) fn remove(&mut self, nodes: &mut [Node], group: u32, entry: Entry) {
        if let Self::First(ladder) = self {
            ladder.set(entry.node, None);
        } else if let Some(grid) = self.grid(group) {
            grid.remove(nodes, entry);
        }
    }

    /// What is free on an offered node changes.
    #[inline]
    pub(super) fn change(&mut self, nodes: &mut [Node], group: u32, before: Entry, after: Entry) {
        if let Self::First(ladder) = self {
            ladder.set(after.node, Some((after.cores, after.memory)));
        } else if let Some(grid) = self.grid(group) {
            grid.remove(nodes, before);
            grid.insert(nodes, after);
        }
    }

    /// The grid of a group.
    #[inline]
    fn grid(&mut self, group: u32) -> Option<&mut Grid> {
        match self {
            Self::Pinned | Self::First(_) => None,
            Self::Best(grid) | Self::Worst(grid) => Some(grid),
            Self::L2(grids) | Self::Dot(grids) => Some(&mut grids[group as usize].1),
        }
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
