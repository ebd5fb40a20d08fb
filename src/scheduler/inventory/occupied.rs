//! Which cells of a grid are not empty. Only bits.

/// A bit for each cell, row by row, and a bit for each row that has any.
#[derive(Clone, Debug)]
pub(super) struct Occupied {
    words_a_row: usize,
    cells: Vec<u64>,
    rows: Vec<u64>,
}

/// The lowest set bit of `words` from a word on.
fn first_bit(words: &[u64], from: usize) -> Option<usize> {
    let word = from + words.get(from..)?.iter().position(|&word| word != 0)?;
    Some(word * 64 + words[word].trailing_zeros() as usize)
}

/// The highest set bit of `words` that is `to` or less.
fn prev(words: &[u64], to: usize) -> Option<usize> {
    let mut word = to / 64;
    let mut rest = words[word] & (u64::MAX >> (63 - to % 64));
    while rest == 0 {
        word = word.checked_sub(1)?;
        rest = words[word];
    }
    Some(word * 64 + 63 - rest.leading_zeros() as usize)
}

impl Occupied {
    /// No cell of a grid of this size is occupied.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let words_a_row = columns.div_ceil(64);
        Self { words_a_row, cells: vec![0; rows * words_a_row], rows: vec![0; rows.div_ceil(64)] }
    }

    #[inline]
    pub(super) fn insert(&mut self, row: usize, column: usize) {
        self.cells[row * self.words_a_row + column / 64] |= 1 << (column % 64);
        self.rows[row / 64] |= 1 << (row % 64);
    }

    #[inline]
    pub(super) fn remove(&mut self, row: usize, column: usize) {
        let cells = &mut self.cells[row * self.words_a_row..][..self.words_a_row];
        cells[column / 64] &= !(1 << (column % 64));
        if cells.iter().all(|&word| word == 0) {
            self.rows[row / 64] &= !(1 << (row % 64));
        }
    }

    /// The first occupied column of the row from this one on.
    #[inline]
    pub(super) fn next_column(&self, row: usize, from: usize) -> Option<usize> {
        let rest = self.cells[row * self.words_a_row + from / 64] & (u64::MAX << (from % 64));
        self.column_in(row, from, rest)
    }

    /// The first occupied column of the row after this one.
    pub(super) fn column_after(&self, row: usize, column: usize) -> Option<usize> {
        let rest = self.cells[row * self.words_a_row + column / 64] & (u64::MAX << (column % 64) << 1);
        self.column_in(row, column, rest)
    }

    /// The first column in what rest there is of the word of this one, or in the words after.
    #[inline]
    fn column_in(&self, row: usize, column: usize, rest: u64) -> Option<usize> {
        if rest != 0 {
            return Some(column / 64 * 64 + rest.trailing_zeros() as usize);
        }
        if self.words_a_row == 1 {
            return None;
        }
        first_bit(&self.cells[row * self.words_a_row..][..self.words_a_row], column / 64 + 1)
    }

    /// The last occupied column of the row up to this one.
    pub(super) fn prev_column(&self, row: usize, to: usize) -> Option<usize> {
        prev(&self.cells[row * self.words_a_row..][..self.words_a_row], to)
    }

    /// The first row with an occupied cell after this one.
    #[inline]
    pub(super) fn row_after(&self, row: usize) -> Option<usize> {
        let rest = self.rows[row / 64] & (u64::MAX << (row % 64) << 1);
        if rest != 0 {
            return Some(row / 64 * 64 + rest.trailing_zeros() as usize);
        }
        first_bit(&self.rows, row / 64 + 1)
    }

    /// The last row with an occupied cell up to this one.
    pub(super) fn prev_row(&self, to: usize) -> Option<usize> {
        prev(&self.rows, to)
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        (self.cells.capacity() + self.rows.capacity()) * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn neighbours_are_those_of_an_ordered_set(
            columns in 1usize..300, changes in proptest::collection::vec((0usize..200, 0usize..300, any::<bool>()), 0..60),
            probes in proptest::collection::vec((0usize..200, 0usize..300), 9),
        ) {
            let (mut occupied, mut set) = (Occupied::new(200, columns), BTreeSet::new());
            for (row, column, add) in changes {
                let cell = (row, column % columns);
                if add { occupied.insert(cell.0, cell.1); set.insert(cell); } else { occupied.remove(cell.0, cell.1); set.remove(&cell); }
            }
            for (row, column) in probes {
                let column = column % columns;
                let in_row = || set.iter().filter(|cell| cell.0 == row).map(|cell| cell.1);
                prop_assert_eq!(occupied.next_column(row, column), in_row().find(|&at| at >= column));
                prop_assert_eq!(occupied.column_after(row, column), in_row().find(|&at| at > column));
                prop_assert_eq!(occupied.prev_column(row, column), in_row().rfind(|&at| at <= column));
                prop_assert_eq!(occupied.row_after(row), set.iter().map(|cell| cell.0).find(|&at| at > row));
                prop_assert_eq!(occupied.prev_row(row), set.iter().map(|cell| cell.0).rfind(|&at| at <= row));
            }
        }
    }
}
