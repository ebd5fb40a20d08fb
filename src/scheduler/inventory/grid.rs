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
        let (row, column, number) = self.seek(cores, memory)?;
        Some(self.shape.entry(row, column, number))
    }

    /// The node of the least entry with so many free cores or more, and so much free memory or more.
    #[inline]
    pub(super) fn least_node(&self, cores: u32, memory: u64) -> Option<u32> {
        let (_, _, number) = self.seek(cores, memory)?;
        Some(self.shape.node(number))
    }

    /// The next entry after this one with so much free memory or more, which this one has.
    pub(super) fn after(&self, entry: Entry, memory: u64) -> Option<Entry> {
        let (row, column) = (entry.cores as usize, self.shape.column(entry.memory));
        let in_cell = self.pages.ceil(self.cells[self.shape.cell(row, column)], self.shape.number(entry.memory, entry.node + 1));
        let in_row = || self.occupied.column_after(row, column).map(|column| (column, self.first(row, column)));
        match in_cell.map(|number| (column, number)).or_else(in_row) {
            Some((column, number)) => Some(self.shape.entry(row, column, number)),
            None => self.least(entry.cores + 1, memory),
        }
    }

    /// The row, column and number of the least entry that has as much of both.
    #[inline]
    fn seek(&self, cores: u32, memory: u64) -> Option<(usize, usize, u64)> {
        let shape = &self.shape;
        if cores > shape.most.cores || memory > shape.most.memory {
            return None;
        }
        let (mut row, from) = (cores as usize, shape.column(memory));
        loop {
            if let Some(column) = self.occupied.next_column(row, from) {
                if column > from {
                    return Some((row, column, self.first(row, column)));
                }
                // Only in the first column there may be entries with less.
                let found = self.bounded(row, column, memory);
                if found.is_some() {
                    return found;
                }
            }
            row = self.occupied.row_after(row)?;
        }
    }

    /// The first entry of the row from this occupied cell on that has so much memory.
    #[inline(never)]
    fn bounded(&self, row: usize, column: usize, memory: u64) -> Option<(usize, usize, u64)> {
        if let Some(number) = self.pages.ceil(self.cells[self.shape.cell(row, column)], self.shape.number(memory, 0)) {
            return Some((row, column, number));
        }
        let column = self.occupied.column_after(row, column)?;
        Some((row, column, self.first(row, column)))
    }

    /// The least number of an occupied cell.
    #[inline]
    fn first(&self, row: usize, column: usize) -> u64 {
        self.pages.first(self.cells[self.shape.cell(row, column)])
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
