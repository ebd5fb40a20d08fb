//! A set of small numbers that finds the next and the previous member in a few steps. Only bits.

/// Numbers below a fixed size. Level 0 has a bit for each; each level above has a bit for each word below it that is
/// not zero.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    levels: Vec<Vec<u64>>,
}

impl Bitmap {
    /// The empty set of numbers below `size`.
    pub(super) fn new(size: usize) -> Self {
        let mut levels = vec![vec![0; size.div_ceil(64).max(1)]];
        while let Some(words) = levels.last().map(Vec::len).filter(|&words| words > 1) {
            levels.push(vec![0; words.div_ceil(64)]);
        }
        Self { levels }
    }

    pub(super) fn insert(&mut self, mut number: usize) {
        for level in &mut self.levels {
            let word = &mut level[number / 64];
            let was_empty = *word == 0;
            *word |= 1 << (number % 64);
            if !was_empty {
                return;
            }
            number /= 64;
        }
    }

    pub(super) fn remove(&mut self, mut number: usize) {
        for level in &mut self.levels {
            let word = &mut level[number / 64];
            *word &= !(1 << (number % 64));
            if *word != 0 {
                return;
            }
            number /= 64;
        }
    }

    /// The smallest member that is `from` or more.
    #[inline]
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let mut at = from;
        for (height, level) in self.levels.iter().enumerate() {
            let rest = level.get(at / 64)? & (u64::MAX << (at % 64));
            if rest != 0 {
                let first = |at: usize, word: u64| at * 64 + word.trailing_zeros() as usize;
                let found = first(at / 64, rest);
                return Some(self.levels[..height].iter().rev().fold(found, |at, below| first(at, below[at])));
            }
            at = at / 64 + 1;
        }
        None
    }

    /// The largest member that is `to` or less.
    pub(super) fn prev(&self, to: usize) -> Option<usize> {
        let mut at = to;
        for (height, level) in self.levels.iter().enumerate() {
            let rest = level.get(at / 64)? & (u64::MAX >> (63 - at % 64));
            if rest != 0 {
                let last = |at: usize, word: u64| at * 64 + 63 - word.leading_zeros() as usize;
                let found = last(at / 64, rest);
                return Some(self.levels[..height].iter().rev().fold(found, |at, below| last(at, below[at])));
            }
            at = (at / 64).checked_sub(1)?;
        }
        None
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.capacity() * 8).sum()
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
            size in 1usize..10_000, changes in proptest::collection::vec((0usize..10_000, any::<bool>()), 0..40), probes in proptest::collection::vec(0usize..10_000, 9),
        ) {
            let (mut bitmap, mut set) = (Bitmap::new(size), BTreeSet::new());
            for (number, add) in changes {
                let number = number % size;
                if add { bitmap.insert(number); set.insert(number); } else { bitmap.remove(number); set.remove(&number); }
            }
            for probe in probes {
                let probe = probe % size;
                prop_assert_eq!(bitmap.next(probe), set.range(probe..).next().copied());
                prop_assert_eq!(bitmap.prev(probe), set.range(..=probe).next_back().copied());
            }
            prop_assert_eq!(bitmap.next(size), None);
        }
    }
}
