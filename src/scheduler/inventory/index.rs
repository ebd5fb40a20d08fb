//! The open nodes in the order that a fit chooses in. Keeps the order; `choice` reads it.

use model::Fit;

use super::classes::Class;
use super::grid::Grid;
use super::ladder::Ladder;
use super::node::Node;
use super::score::Capacity;
use super::shape::Entry;

/// The index of one fit.
///
/// Best-fit and worst-fit read the order of one grid. The fits that weigh shares of a node's capacity have a grid for
/// each capacity, by its group. First-fit has its ladder, and pinned needs none.
///
/// A node with all its cores taken is in no grid: on a full cluster most nodes are such, no task with cores can use
/// them, and each placement that takes a node's last core would file it for nothing.
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

    /// Makes room for one more node. Classes come in the order of their groups. `false` when the index must be built
    /// anew for nodes with so much memory.
    pub(super) fn reserve(&mut self, nodes: &mut [Node], class: &Class, node: u32) -> bool {
        let Capacity { cores, memory } = class.capacity;
        if let Self::First(ladder) = self {
            return ladder.covers(memory);
        }
        if let Self::L2(grids) | Self::Dot(grids) = self
            && class.group as usize == grids.len()
        {
            grids.push((class.capacity, Grid::new()));
        }
        if let Some(grid) = self.grid(class, cores) {
            grid.reserve(nodes, Entry { cores, memory, node });
        }
        true
    }

    /// A node is offered: it was closed, or is new.
    pub(super) fn insert(&mut self, nodes: &mut [Node], class: &Class, entry: Entry) {
        if let Self::First(ladder) = self {
            ladder.set(entry.node, Some((entry.cores, entry.memory)));
        } else if let Some(grid) = self.grid(class, entry.cores) {
            grid.insert(nodes, entry);
        }
    }

    /// A node is offered no more.
    pub(super) fn remove(&mut self, nodes: &mut [Node], class: &Class, entry: Entry) {
        if let Self::First(ladder) = self {
            ladder.set(entry.node, None);
        } else if let Some(grid) = self.grid(class, entry.cores) {
            grid.remove(nodes, entry);
        }
    }

    /// What is free on an offered node changes.
    #[inline]
    pub(super) fn change(&mut self, nodes: &mut [Node], class: &Class, before: Entry, after: Entry) {
        if let Self::First(ladder) = self {
            return ladder.set(after.node, Some((after.cores, after.memory)));
        }
        if let Some(grid) = self.grid(class, before.cores) {
            grid.remove(nodes, before);
        }
        if let Some(grid) = self.grid(class, after.cores) {
            grid.insert(nodes, after);
        }
    }

    /// The grid in which nodes of the class with so many free cores are.
    #[inline]
    fn grid(&mut self, class: &Class, cores: u32) -> Option<&mut Grid> {
        match self {
            _ if class.leaves_out(cores) => None,
            Self::Pinned | Self::First(_) => None,
            Self::Best(grid) | Self::Worst(grid) => Some(grid),
            Self::L2(grids) | Self::Dot(grids) => Some(&mut grids[class.group as usize].1),
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
