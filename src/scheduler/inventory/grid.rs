//! Nodes in the order of (free cores, free memory, node), with quick access to any place in that order. No policy.
//!
//! Rows are numbers of free cores, columns are ranges of free memory. Each cell is an ordered set of (memory, node),
//! and a bitmap knows the cells that are not empty. There are more columns for more nodes, so that cells stay small and
//! the grid does too; the order never depends on how wide they are.

use super::branch::Set;
use super::occupied::Occupied;
use super::pages::{Pages, Places};
use super::shape::{Entry, Shape};

/// The ordered set.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    shape: Shape,
    cells: Vec<Set>,
    occupied: Occupied,
    pages: Pages,
    len: usize,
}

impl Grid {
    /// An empty grid that has room for nothing yet.
    pub(super) fn new() -> Self {
        Self::shaped(Shape::new(Entry { cores: 0, memory: 0, node: 0 }, 0))
    }

    fn shaped(shape: Shape) -> Self {
        let (rows, columns) = (shape.rows(), shape.columns);
        Self {
            shape,
            cells: vec![Set::EMPTY; rows * columns],
            occupied: Occupied::new(rows, columns),
            pages: Pages::new(shape.node_bits),
            len: 0,
        }
    }

    /// Makes room for one more node, up to this one and these free amounts.
    pub(super) fn reserve(&mut self, places: &mut (impl Places + ?Sized), most: Entry) {
        let wanted = self.len + 1;
        if self.shape.holds(most) && wanted <= self.shape.planned {
            return;
        }
        let node = if most.node <= self.shape.most.node { self.shape.most.node } else { most.node.saturating_mul(2) };
        let most = Entry { cores: most.cores.max(self.shape.most.cores), memory: most.memory.max(self.shape.most.memory), node };
        let mut grown = Self::shaped(Shape::new(most, wanted.next_power_of_two()));
        self.entries().for_each(|entry| grown.insert(places, entry));
        *self = grown;
    }

    /// Adds an entry that is not in it, for which room was made.
    #[inline]
    pub(super) fn insert(&mut self, places: &mut (impl Places + ?Sized), entry: Entry) {
        let (row, column) = (entry.cores as usize, self.shape.column(entry.memory));
        let set = &mut self.cells[self.shape.cell(row, column)];
        if set.is_empty() {
            self.occupied.insert(row, column);
        }
        *set = self.pages.insert(places, *set, self.shape.number(entry.memory, entry.node));
        self.len += 1;
    }

    /// Takes out an entry that is in it.
    #[inline]
    pub(super) fn remove(&mut self, places: &mut (impl Places + ?Sized), entry: Entry) {
        let number = self.shape.number(entry.memory, entry.node);
        self.len -= 1;
        if !self.pages.remove(places, number) {
            return;
        }
        let (row, column) = (entry.cores as usize, self.shape.column(entry.memory));
        let set = &mut self.cells[self.shape.cell(row, column)];
        *set = self.pages.tidy(places, *set, number);
        if set.is_empty() {
            self.occupied.remove(row, column);
        }
    }

    /// The least entry with so many free cores or more, and so much free memory or more.
    #[inline]
    pub(super) fn least(&self, cores: u32, memory: u64) -> Option<Entry> {
        let (row, column, number) = self.seek(Entry { cores, memory, node: 0 }, memory)?;
        Some(self.shape.entry(row, column, number))
    }

    /// The node of the least entry with so many free cores or more, and so much free memory or more.
    #[inline]
    pub(super) fn least_node(&self, cores: u32, memory: u64) -> Option<u32> {
        let (_, _, number) = self.seek(Entry { cores, memory, node: 0 }, memory)?;
        Some(self.shape.node(number))
    }

    /// The next entry after this one with so much free memory or more, which this one has.
    #[inline]
    pub(super) fn after(&self, entry: Entry, memory: u64) -> Option<Entry> {
        let (row, column, number) = self.seek(Entry { node: entry.node + 1, ..entry }, memory)?;
        Some(self.shape.entry(row, column, number))
    }

    /// The least entry that is `from` or more and has at least `memory`, as `from` has: its row, column and number.
    #[inline]
    fn seek(&self, from: Entry, memory: u64) -> Option<(usize, usize, u64)> {
        let shape = &self.shape;
        if from.cores > shape.most.cores || from.memory > shape.most.memory {
            return None;
        }
        let mut row = from.cores as usize;
        let (mut bounded, mut bound) = (shape.column(from.memory), shape.number(from.memory, from.node));
        loop {
            let mut column = bounded;
            while let Some(found) = self.occupied.next_column(row, column) {
                let set = self.cells[shape.cell(row, found)];
                if found > bounded {
                    return Some((row, found, self.pages.first(set)));
                }
                // Only in the first column there may be entries below the bound.
                if let Some(number) = self.pages.ceil(set, bound) {
                    return Some((row, found, number));
                }
                column = found + 1;
            }
            row = self.occupied.next_row(row + 1)?;
            if from.memory != memory {
                bounded = shape.column(memory);
            }
            bound = shape.number(memory, 0);
        }
    }

    /// The most free cores and memory, in this order, that any entry has with no more than these.
    pub(super) fn floor(&self, cores: u32, memory: u64) -> Option<(u32, u64)> {
        let most = self.shape.most;
        let (cores, memory) = if cores > most.cores { (most.cores, most.memory) } else { (cores, memory.min(most.memory)) };
        let mut row = cores as usize;
        let (mut bounded, mut bound) = (self.shape.column(memory), self.shape.last_number(memory));
        loop {
            let mut next = Some(bounded);
            while let Some(found) = next.and_then(|column| self.occupied.prev_column(row, column)) {
                let set = self.cells[self.shape.cell(row, found)];
                if let Some(number) = self.pages.floor(set, if found == bounded { bound } else { u64::MAX }) {
                    let entry = self.shape.entry(row, found, number);
                    return Some((entry.cores, entry.memory));
                }
                next = found.checked_sub(1);
            }
            row = self.occupied.prev_row(row.checked_sub(1)?)?;
            (bounded, bound) = (self.shape.column(most.memory), u64::MAX);
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All entries in their order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.cells.iter().enumerate().filter(|(_, set)| !set.is_empty()).flat_map(move |(cell, &set)| {
            let mut numbers = Vec::new();
            self.pages.collect(set, &mut numbers);
            let (row, column) = (cell / self.shape.columns, cell % self.shape.columns);
            numbers.into_iter().map(move |number| self.shape.entry(row, column, number))
        })
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Set>() + self.occupied.bytes() + self.pages.bytes()
    }
}
