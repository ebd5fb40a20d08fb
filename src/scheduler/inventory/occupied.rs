//! Which cells of a grid are not empty. Only bits.

/// A bit for each cell, row by row, and a bit for each row that has any.
#[derive(Clone, Debug)]
pub(super) struct Occupied {
    words_a_row: usize,
    cells: Vec<u64>,
    rows: Vec<u64>,
}

/// The lowest set bit of `words` that is `from` or more.
#[inline]
fn next(words: &[u64], from: usize) -> Option<usize> {
    let word = from / 64;
    let rest = words.get(word)? & (u64::MAX << (from % 64));
    if rest != 0 {
        return Some(word * 64 + rest.trailing_zeros() as usize);
    }
    let later = words[word + 1..].iter().position(|&rest| rest != 0)?;
    Some((word + 1 + later) * 64 + words[word + 1 + later].trailing_zeros() as usize)
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
        next(&self.cells[row * self.words_a_row..][..self.words_a_row], from)
    }

    /// The last occupied column of the row up to this one.
    pub(super) fn prev_column(&self, row: usize, to: usize) -> Option<usize> {
        prev(&self.cells[row * self.words_a_row..][..self.words_a_row], to)
    }

    /// The first row with an occupied cell from this one on.
    #[inline]
    pub(super) fn next_row(&self, from: usize) -> Option<usize> {
        next(&self.rows, from)
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
                prop_assert_eq!(occupied.prev_column(row, column), in_row().rfind(|&at| at <= column));
                prop_assert_eq!(occupied.next_row(row), set.iter().map(|cell| cell.0).find(|&at| at >= row));
                prop_assert_eq!(occupied.prev_row(row), set.iter().map(|cell| cell.0).rfind(|&at| at <= row));
            }
            prop_assert_eq!(occupied.next_column(0, columns), None);
            prop_assert_eq!(occupied.next_row(200), None);
        }
    }
}
