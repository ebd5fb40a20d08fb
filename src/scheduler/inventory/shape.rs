//! How free amounts become cells of a grid, and numbers within a cell. Only arithmetic.

/// A node's place in the order. Compares by free cores, then free memory, then node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub cores: u32,
    pub memory: u64,
    pub node: u32,
}

/// What a grid has room for, and how wide its columns are.
///
/// Columns are as a logarithmic scale, so many for each doubling of memory, and one for all that is below the scale. On
/// a full cluster most nodes have little memory left, and there the columns are narrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub most: Entry,
    /// Entries that the columns are made for.
    pub planned: usize,
    pub columns: usize,
    /// Low bits of the memory that a floating-point number has no room for.
    coarse_bits: u32,
    /// The bits of a floating-point number that no column tells apart.
    blur_bits: u32,
    /// The bits above those where the scale begins.
    scale_from: u64,
    pub node_bits: u32,
    node_mask: u64,
}

/// Cells for each entry, at most.
const CELLS_PER_ENTRY: usize = 8;

/// Bits of a floating-point number below its exponent.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;

impl Shape {
    /// A shape for entries up to `most` in each part, `planned` of them.
    pub(super) fn new(most: Entry, planned: usize) -> Self {
        let bits = |value: u64| 64 - value.leading_zeros();
        let memory_bits = bits(most.memory);
        // One bit pattern more than needed, so that no number is all ones.
        let node_bits = bits(u64::from(most.node) + 1);
        let rows = most.cores as usize + 1;
        // Up to 64 columns, so that a row is one word of bits: in each of 7 doublings 8, 4, 2 or 1, or none at all.
        let fitting = |fine: &u32| rows * (8 << fine) <= planned * CELLS_PER_ENTRY;
        let wanted = (0..=3).rev().find(fitting).map(|fine| (fine, 7));
        // What a column does not tell must go into a number, beside the node.
        let needed = (memory_bits + node_bits).saturating_sub(64);
        let (fine, doublings) = match wanted {
            Some((fine, doublings)) => (fine.max(needed), doublings.max(needed)),
            None => (needed, needed),
        };
        let blur_bits = FRACTION_BITS - fine;
        let coarse_bits = memory_bits.saturating_sub(f64::MANTISSA_DIGITS);
        let begin = (memory_bits - coarse_bits).saturating_sub(1 + doublings);
        let scale_from = if (fine, doublings) == (0, 0) { u64::MAX } else { (power(begin) >> blur_bits) - 1 };
        let mut shape = Self { most, planned, columns: 0, coarse_bits, blur_bits, scale_from, node_bits, node_mask: (1 << node_bits) - 1 };
        shape.columns = shape.column(most.memory) + 1;
        shape
    }

    pub(super) fn rows(&self) -> usize {
        self.most.cores as usize + 1
    }

    /// Whether an entry lies within the grid.
    pub(super) fn holds(&self, entry: Entry) -> bool {
        entry.cores <= self.most.cores && entry.memory <= self.most.memory && entry.node <= self.most.node
    }

    #[inline]
    pub(super) fn cell(&self, row: usize, column: usize) -> usize {
        row * self.columns + column
    }

    /// The column of an amount of memory. Never less for more memory.
    #[inline]
    pub(super) fn column(&self, memory: u64) -> usize {
        // The exponent and the first bits after it are the logarithmic scale. The conversion rounds nothing.
        let float = (memory >> self.coarse_bits) as i64 as f64;
        (float.to_bits() >> self.blur_bits).saturating_sub(self.scale_from) as usize
    }

    /// The least memory of a column.
    #[inline]
    fn least(&self, column: usize) -> u64 {
        if column == 0 { 0 } else { (f64::from_bits((self.scale_from + column as u64) << self.blur_bits) as u64) << self.coarse_bits }
    }

    /// The number of an entry: in the order of memory and node among all entries of a cell. The highest bits of the
    /// memory may be cut off; those are the column's.
    #[inline]
    pub(super) fn number(&self, memory: u64, node: u32) -> u64 {
        memory << self.node_bits | u64::from(node)
    }

    /// The highest number that an entry with so much memory may have.
    pub(super) fn last_number(&self, memory: u64) -> u64 {
        memory << self.node_bits | self.node_mask
    }

    #[inline]
    pub(super) fn node(&self, number: u64) -> u32 {
        (number & self.node_mask) as u32
    }

    /// The entry of a number in a cell.
    #[inline]
    pub(super) fn entry(&self, row: usize, column: usize, number: u64) -> Entry {
        let told = u64::MAX >> self.node_bits;
        let memory = self.least(column) & !told | number >> self.node_bits;
        Entry { cores: row as u32, memory, node: self.node(number) }
    }
}

/// The bits of a power of two as a floating-point number.
fn power(exponent: u32) -> u64 {
    f64::from(exponent).exp2().to_bits()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_keep_the_order_and_tell_the_entry(
            (bits, amounts) in (1u32..=64).prop_flat_map(|bits| (Just(bits), prop::collection::vec((0..=u64::MAX >> (64 - bits), 0u32..1 << 20), 2..20))),
            planned in 0usize..100_000, cores in 0u32..70,
        ) {
            let most = Entry { cores, memory: u64::MAX >> (64 - bits), node: 1 << 20 };
            let shape = Shape::new(most, planned);
            let mut amounts = amounts;
            amounts.push((most.memory, most.node));
            amounts.sort_unstable();
            let cells: Vec<(usize, u64)> = amounts.iter().map(|&(memory, node)| (shape.column(memory), shape.number(memory, node))).collect();
            prop_assert!(cells.is_sorted());
            for (&(column, number), &(memory, node)) in cells.iter().zip(&amounts) {
                prop_assert!(column < shape.columns && number != u64::MAX);
                prop_assert_eq!(shape.entry(0, column, number), Entry { cores: 0, memory, node });
            }
        }
    }
}
