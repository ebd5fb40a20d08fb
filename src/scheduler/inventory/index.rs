//! The open nodes in the order that a fit chooses in. Keeps the order; `choice` reads it.

use model::Fit;

use super::grid::{Entry, Grid};
use super::ladder::Ladder;
use super::pages::Places;
use super::score::Capacity;

/// The index of one fit.
///
/// Best-fit and worst-fit read the order of one grid. The fits that weigh shares of a node's capacity have a grid for
/// each capacity, by its group. First-fit has its ladder, and pinned needs none.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub order: Order,
    /// Where each node lies in its grid.
    places: Places,
}

/// The order of the nodes.
#[derive(Clone, Debug)]
pub(super) enum Order {
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
        let order = match fit {
            Fit::Pinned => Order::Pinned,
            Fit::FirstFit => Order::First(Ladder::new(most_memory)),
            Fit::BestFit => Order::Best(Grid::new()),
            Fit::WorstFit => Order::Worst(Grid::new()),
            Fit::L2 => Order::L2(Vec::new()),
            Fit::DotProduct => Order::Dot(Vec::new()),
        };
        Self { order, places: Vec::new() }
    }

    /// Makes room for one more node of a group of equal capacities. Groups come in ascending order. `false` when the
    /// index must be built anew for nodes with so much memory.
    pub(super) fn reserve(&mut self, group: u32, capacity: Capacity, node: u32) -> bool {
        if let Order::First(ladder) = &self.order {
            return ladder.covers(capacity.memory);
        }
        if let Order::L2(grids) | Order::Dot(grids) = &mut self.order
            && group as usize == grids.len()
        {
            grids.push((capacity, Grid::new()));
        }
        let most = Entry { cores: capacity.cores, memory: capacity.memory, node };
        if let Some((grid, places)) = self.grid(group) {
            places.resize(places.len().max(node as usize + 1), 0);
            grid.reserve(places, most);
        }
        true
    }

    /// A node is offered: it was closed, or is new.
    pub(super) fn insert(&mut self, group: u32, entry: Entry) {
        if let Order::First(ladder) = &mut self.order {
            ladder.set(entry.node, Some((entry.cores, entry.memory)));
        } else if let Some((grid, places)) = self.grid(group) {
            grid.insert(places, entry);
        }
    }

    /// A node is offered no more.
    pub(super) fn remove(&mut self, group: u32, entry: Entry) {
        if let Order::First(ladder) = &mut self.order {
            ladder.set(entry.node, None);
        } else if let Some((grid, places)) = self.grid(group) {
            grid.remove(places, entry);
        }
    }

    /// What is free on an offered node changes.
    #[inline]
    pub(super) fn change(&mut self, group: u32, before: Entry, after: Entry) {
        if let Order::First(ladder) = &mut self.order {
            ladder.set(after.node, Some((after.cores, after.memory)));
        } else if let Some((grid, places)) = self.grid(group) {
            grid.remove(places, before);
            grid.insert(places, after);
        }
    }

    /// The grid of a group.
    #[inline]
    fn grid(&mut self, group: u32) -> Option<(&mut Grid, &mut Places)> {
        let grid = match &mut self.order {
            Order::Pinned | Order::First(_) => return None,
            Order::Best(grid) | Order::Worst(grid) => grid,
            Order::L2(grids) | Order::Dot(grids) => &mut grids[group as usize].1,
        };
        Some((grid, &mut self.places))
    }

    /// All grids, one after the other.
    pub(super) fn grids(&self) -> impl Iterator<Item = &Grid> {
        let (one, many): (_, &[_]) = match &self.order {
            Order::Pinned | Order::First(_) => (None, &[]),
            Order::Best(grid) | Order::Worst(grid) => (Some(grid), &[]),
            Order::L2(grids) | Order::Dot(grids) => (None, grids),
        };
        one.into_iter().chain(many.iter().map(|(_, grid)| grid))
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        let ladder = if let Order::First(ladder) = &self.order { ladder.bytes() } else { 0 };
        let grids = self.grids().map(|grid| size_of::<Grid>() + grid.bytes()).sum::<usize>();
        ladder + grids + self.places.capacity() * size_of::<u32>()
    }
}
