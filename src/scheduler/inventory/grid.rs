//! Nodes in the order of (free cores, free memory, node), with quick access to any place in that order. No policy.
//!
//! Rows are numbers of free cores, columns are equal ranges of free memory. Each cell is an ordered set of (memory
//! within the column, node), and a bitmap knows the cells that are not empty. Columns become narrower as nodes become
//! more, so that cells stay small and the grid does too; order never depends on how wide they are.

use super::bitmap::Bitmap;
use super::branch::Set;
use super::pages::{Pages, Places};

/// A node's place in the order. Compares by free cores, then free memory, then node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub cores: u32,
    pub memory: u64,
    pub node: u32,
}

/// The ordered set.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    shape: Shape,
    cells: Vec<Set>,
    occupied: Bitmap,
    pages: Pages,
    len: usize,
}

/// What a grid has room for, and how an entry becomes a cell and a number within it.
#[derive(Clone, Copy, Debug)]
struct Shape {
    most: Entry,
    /// Entries that the columns are made for.
    planned: usize,
    column_bits: u32,
    /// Low bits of the memory, which a column does not tell apart.
    memory_bits: u32,
    node_bits: u32,
}

/// The share of a cell that one planned node pays for: two nodes a cell.
const NODES_PER_CELL: usize = 2;

impl Shape {
    /// A shape for entries up to `most` in each part, `planned` of them.
    fn new(most: Entry, planned: usize) -> Self {
        let bits = |value: u64| 64 - value.leading_zeros();
        let memory_bits = bits(most.memory);
        // One bit pattern more than needed, so that no number is all ones.
        let node_bits = bits(u64::from(most.node) + 1);
        let wanted = bits((planned / NODES_PER_CELL / (most.cores as usize + 1)) as u64);
        let needed = (memory_bits + node_bits).saturating_sub(64);
        let column_bits = wanted.min(memory_bits).max(needed);
        Self { most, planned, column_bits, memory_bits: memory_bits - column_bits, node_bits }
    }

    fn rows(&self) -> usize {
        self.most.cores as usize + 1
    }

    fn holds(&self, entry: Entry) -> bool {
        entry.cores <= self.most.cores && entry.memory <= self.most.memory && entry.node <= self.most.node
    }

    #[inline]
    fn cell(&self, cores: u32, memory: u64) -> usize {
        (cores as usize) << self.column_bits | self.column(memory)
    }

    #[inline]
    fn column(&self, memory: u64) -> usize {
        (memory >> self.memory_bits) as usize
    }

    #[inline]
    fn number(&self, memory: u64, node: u32) -> u64 {
        (memory & ((1 << self.memory_bits) - 1)) << self.node_bits | u64::from(node)
    }

    #[inline]
    fn entry(&self, cell: usize, number: u64) -> Entry {
        let column = cell & ((1 << self.column_bits) - 1);
        let memory = (column as u64) << self.memory_bits | number >> self.node_bits;
        Entry { cores: (cell >> self.column_bits) as u32, memory, node: (number & ((1 << self.node_bits) - 1)) as u32 }
    }
}

impl Grid {
    /// An empty grid that has room for nothing yet.
    pub(super) fn new() -> Self {
        Self::shaped(Shape::new(Entry { cores: 0, memory: 0, node: 0 }, 0))
    }

    fn shaped(shape: Shape) -> Self {
        let cells = shape.rows() << shape.column_bits;
        Self { shape, cells: vec![Set::EMPTY; cells], occupied: Bitmap::new(cells), pages: Pages::new(shape.node_bits), len: 0 }
    }

    /// Makes room for one more node, up to this one and these free amounts.
    pub(super) fn reserve(&mut self, places: &mut Places, most: Entry) {
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
    pub(super) fn insert(&mut self, places: &mut Places, entry: Entry) {
        let cell = self.shape.cell(entry.cores, entry.memory);
        let set = self.cells[cell];
        if set.is_empty() {
            self.occupied.insert(cell);
        }
        let grown = self.pages.insert(places, set, self.shape.number(entry.memory, entry.node));
        if grown != set {
            self.cells[cell] = grown;
        }
        self.len += 1;
    }

    /// Takes out an entry that is in it.
    #[inline]
    pub(super) fn remove(&mut self, places: &mut Places, entry: Entry) {
        let cell = self.shape.cell(entry.cores, entry.memory);
        let set = self.cells[cell];
        let shrunk = self.pages.remove(places, set, self.shape.number(entry.memory, entry.node));
        if shrunk != set {
            self.cells[cell] = shrunk;
            if shrunk.is_empty() {
                self.occupied.remove(cell);
            }
        }
        self.len -= 1;
    }

    /// The least entry with so many free cores or more, and so much free memory or more.
    #[inline]
    pub(super) fn least(&self, cores: u32, memory: u64) -> Option<Entry> {
        self.ceil(Entry { cores, memory, node: 0 }, memory)
    }

    /// The next entry after this one with so much free memory or more, which this one has.
    #[inline]
    pub(super) fn after(&self, entry: Entry, memory: u64) -> Option<Entry> {
        self.ceil(Entry { node: entry.node + 1, ..entry }, memory)
    }

    /// The least entry that is `from` or more and has at least `memory`, as `from` has.
    #[inline]
    fn ceil(&self, from: Entry, memory: u64) -> Option<Entry> {
        let Shape { most, column_bits, .. } = self.shape;
        if from.cores > most.cores || from.memory > most.memory {
            return None;
        }
        let least = self.shape.column(memory);
        let start = self.shape.cell(from.cores, from.memory);
        let mut at = start;
        loop {
            let cell = self.occupied.next(at)?;
            let column = cell & ((1 << column_bits) - 1);
            if cell == start {
                if let Some(number) = self.pages.ceil(self.cells[cell], self.shape.number(from.memory, from.node)) {
                    return Some(self.shape.entry(cell, number));
                }
            } else if column > least {
                return Some(self.shape.entry(cell, self.pages.first(self.cells[cell])));
            } else if column == least {
                if let Some(number) = self.pages.ceil(self.cells[cell], self.shape.number(memory, 0)) {
                    return Some(self.shape.entry(cell, number));
                }
            } else {
                at = cell - column + least;
                continue;
            }
            at = cell + 1;
        }
    }

    /// The most free cores and memory, in this order, that any entry has with no more than these.
    pub(super) fn floor(&self, cores: u32, memory: u64) -> Option<(u32, u64)> {
        let most = self.shape.most;
        let (cores, memory) = if cores > most.cores { (most.cores, u64::MAX) } else { (cores, memory) };
        let memory = memory.min(most.memory);
        let start = self.shape.cell(cores, memory);
        let highest = self.shape.number(memory, 0) | ((1 << self.shape.node_bits) - 1);
        let pair = |cell, number| {
            let entry = self.shape.entry(cell, number);
            (entry.cores, entry.memory)
        };
        let mut at = self.occupied.prev(start);
        if let Some(cell) = at.filter(|&cell| cell == start) {
            if let Some(number) = self.pages.floor(self.cells[cell], highest) {
                return Some(pair(cell, number));
            }
            at = cell.checked_sub(1).and_then(|below| self.occupied.prev(below));
        }
        at.and_then(|cell| self.pages.floor(self.cells[cell], u64::MAX).map(|number| pair(cell, number)))
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
            numbers.into_iter().map(move |number| self.shape.entry(cell, number))
        })
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Set>() + self.occupied.bytes() + self.pages.bytes()
    }
}
