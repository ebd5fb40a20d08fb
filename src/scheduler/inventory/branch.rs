//! The upper pages of a set: which subtree a number belongs to. Nothing of leaves.

/// How many subtrees a branch holds.
const WIDTH: usize = 32;

/// Padding: more than any number.
const NONE: u64 = u64::MAX;

/// A set of numbers: its root page, or nothing. Also a page below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(u32);

impl Set {
    /// The set without numbers.
    pub(super) const EMPTY: Self = Self(u32::MAX);

    /// A page by the number of levels below it and its index among its like.
    pub(super) fn page(height: u32, index: usize) -> Self {
        assert!(index < 1 << 28 && height < 15, "fewer than 2^28 pages");
        Self(height << 28 | index as u32)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// How many levels of branches there are down from it: none for a leaf.
    pub(super) fn height(self) -> u32 {
        self.0 >> 28
    }

    pub(super) fn index(self) -> usize {
        (self.0 & 0x0FFF_FFFF) as usize
    }
}

/// Subtrees, and for each a number that none in it is below and all in the one before are. The first is always 0.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Branch {
    from: [u64; WIDTH],
    kids: [Set; WIDTH],
}

impl Branch {
    /// A branch of two: all below `from`, and the others.
    pub(super) fn root(lower: Set, from: u64, upper: Set) -> Self {
        let mut root = Self { from: [NONE; WIDTH], kids: [Set::EMPTY; WIDTH] };
        root.put(0, 0, lower);
        root.put(1, from, upper);
        root
    }

    /// The subtree that the number belongs to.
    #[inline]
    pub(super) fn slot(&self, number: u64) -> usize {
        // By halves, and without a branch: of the slots from `slot` on the first belongs to a number at most as large.
        let number = number.min(NONE - 1);
        [16, 8, 4, 2, 1].into_iter().fold(0, |slot, half| if self.from[slot + half] <= number { slot + half } else { slot })
    }

    /// The subtree in a slot.
    #[inline]
    pub(super) fn kid(&self, slot: usize) -> Set {
        self.kids[slot]
    }

    /// All subtrees.
    pub(super) fn kids(&self) -> &[Set] {
        &self.kids[..self.len()]
    }

    /// How many subtrees there are.
    pub(super) fn len(&self) -> usize {
        self.from.iter().map(|&from| usize::from(from != NONE)).sum()
    }

    /// Inserts a subtree. When the branch was full, the branch that took its upper half, and from where.
    pub(super) fn insert(&mut self, slot: usize, from: u64, kid: Set) -> Option<(u64, Self)> {
        if self.len() < WIDTH {
            self.put(slot, from, kid);
            return None;
        }
        let half = WIDTH / 2;
        let mut upper = Self { from: [NONE; WIDTH], kids: [Set::EMPTY; WIDTH] };
        upper.from[..half].copy_from_slice(&self.from[half..]);
        upper.kids[..half].copy_from_slice(&self.kids[half..]);
        self.from[half..].fill(NONE);
        let middle = std::mem::take(&mut upper.from[0]);
        if slot > half {
            upper.put(slot - half, from, kid)
        } else {
            self.put(slot, from, kid)
        }
        Some((middle, upper))
    }

    fn put(&mut self, slot: usize, from: u64, kid: Set) {
        self.from.copy_within(slot..WIDTH - 1, slot + 1);
        self.kids.copy_within(slot..WIDTH - 1, slot + 1);
        (self.from[slot], self.kids[slot]) = (from, kid);
    }

    /// Takes out a subtree.
    pub(super) fn remove(&mut self, slot: usize) {
        self.from.copy_within(slot + 1.., slot);
        self.kids.copy_within(slot + 1.., slot);
        self.from[WIDTH - 1] = NONE;
        if self.len() > 0 {
            self.from[0] = 0;
        }
    }
}
