//! Many ordered sets of numbers in one pool of pages, each set a B+tree. Knows nothing of what the numbers mean.
//!
//! Pages hold sixteen numbers and are padded with [`NONE`], so that the loops over a page have a fixed length and no
//! branch that depends on the numbers. A set of up to sixteen is a single page.

/// How many numbers a page holds.
const WIDTH: usize = 16;

/// What no set may contain.
const NONE: u64 = u64::MAX;

/// A set: its root page, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(u32);

impl Set {
    /// The set without numbers.
    pub(super) const EMPTY: Self = Self(u32::MAX);

    fn page(height: u32, index: usize) -> Self {
        assert!(index < 1 << 28, "fewer than 2^28 pages");
        Self(height << 28 | index as u32)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// How many levels of branches lie above its leaves.
    fn height(self) -> u32 {
        self.0 >> 28
    }

    fn index(self) -> usize {
        (self.0 & 0x0FFF_FFFF) as usize
    }
}

/// The pool.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    leaves: Vec<Row>,
    branches: Vec<Branch>,
    free_leaves: Vec<u32>,
    free_branches: Vec<u32>,
}

/// Ascending numbers, then padding.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Row([u64; WIDTH]);

/// Subtrees, and for each a number that none in it is below and all in the one before are. The first is always 0.
#[derive(Clone, Debug)]
struct Branch {
    from: Row,
    kids: [Set; WIDTH],
}

impl Row {
    const EMPTY: Self = Self([NONE; WIDTH]);

    /// How many are below `key`.
    fn rank(&self, key: u64) -> usize {
        self.0.iter().map(|&own| usize::from(own < key)).sum()
    }

    fn len(&self) -> usize {
        self.rank(NONE)
    }

    fn is_full(&self) -> bool {
        self.0[WIDTH - 1] != NONE
    }

    /// Puts `key` in its place; the row is not full.
    fn insert(&mut self, key: u64) {
        let old = self.0;
        self.0[0] = old[0].min(key);
        for at in 1..WIDTH {
            self.0[at] = old[at].min(key).max(old[at - 1]);
        }
    }

    /// Takes `key` out; it is in the row.
    fn remove(&mut self, key: u64) {
        debug_assert!(self.0.contains(&key), "what is removed is there");
        let old = self.0;
        for at in 0..WIDTH {
            let next = if at + 1 < WIDTH { old[at + 1] } else { NONE };
            self.0[at] = if old[at] < key { old[at] } else { next };
        }
    }

    /// Moves the upper half out.
    fn split(&mut self) -> Self {
        let mut upper = Self::EMPTY;
        upper.0[..WIDTH / 2].copy_from_slice(&self.0[WIDTH / 2..]);
        self.0[WIDTH / 2..].fill(NONE);
        upper
    }
}

impl Branch {
    /// The subtree that `key` belongs to.
    fn slot(&self, key: u64) -> usize {
        self.from.0.iter().map(|&from| usize::from(from <= key)).sum::<usize>() - 1
    }

    fn insert(&mut self, slot: usize, from: u64, kid: Set) {
        self.from.0.copy_within(slot..WIDTH - 1, slot + 1);
        self.kids.copy_within(slot..WIDTH - 1, slot + 1);
        (self.from.0[slot], self.kids[slot]) = (from, kid);
    }

    fn remove(&mut self, slot: usize) {
        self.from.0.copy_within(slot + 1.., slot);
        self.kids.copy_within(slot + 1.., slot);
        self.from.0[WIDTH - 1] = NONE;
        if !self.is_empty() {
            self.from.0[0] = 0;
        }
    }

    fn is_empty(&self) -> bool {
        self.from.0[0] == NONE
    }

    fn split(&mut self) -> (u64, Self) {
        let mut upper = Self { from: self.from.split(), kids: [Set::EMPTY; WIDTH] };
        upper.kids[..WIDTH / 2].copy_from_slice(&self.kids[WIDTH / 2..]);
        (std::mem::take(&mut upper.from.0[0]), upper)
    }
}

impl Pages {
    /// The set with `key`, which was not in it.
    #[inline]
    pub(super) fn insert(&mut self, set: Set, key: u64) -> Set {
        if set.is_empty() {
            return self.leaf_of(key);
        }
        let Some((from, kid)) = self.insert_below(set, key) else { return set };
        let mut root = Branch { from: Row::EMPTY, kids: [Set::EMPTY; WIDTH] };
        root.insert(0, from, kid);
        root.insert(0, 0, set);
        self.branch(set.height() + 1, root)
    }

    /// The set without `key`, which was in it.
    #[inline]
    pub(super) fn remove(&mut self, set: Set, key: u64) -> Set {
        if self.remove_below(set, key) {
            self.release(set);
            return Set::EMPTY;
        }
        if set.height() > 0 { self.without_idle_root(set) } else { set }
    }

    /// The least number of the set that is `key` or more.
    #[inline]
    pub(super) fn ceil(&self, set: Set, key: u64) -> Option<u64> {
        if set.height() == 0 {
            let leaf = &self.leaves[set.index()];
            return leaf.0.get(leaf.rank(key)).copied().filter(|&found| found != NONE);
        }
        let branch = &self.branches[set.index()];
        let slot = branch.slot(key);
        // No page is empty, so where the subtree of `key` has none the next one has.
        self.ceil(branch.kids[slot], key).or_else(|| {
            let next = slot + 1;
            (next < WIDTH && branch.from.0[next] != NONE).then(|| self.first(branch.kids[next]))
        })
    }

    /// The greatest number of the set that is `key` or less.
    pub(super) fn floor(&self, set: Set, key: u64) -> Option<u64> {
        if set.height() == 0 {
            let leaf = &self.leaves[set.index()];
            let rank = leaf.0.iter().map(|&own| usize::from(own <= key)).sum::<usize>().min(leaf.len());
            return rank.checked_sub(1).map(|at| leaf.0[at]);
        }
        let branch = &self.branches[set.index()];
        let slot = branch.slot(key.min(NONE - 1));
        self.floor(branch.kids[slot], key).or_else(|| slot.checked_sub(1).and_then(|before| self.floor(branch.kids[before], key)))
    }

    /// The least number of a set that is not empty.
    #[inline]
    pub(super) fn first(&self, mut set: Set) -> u64 {
        while set.height() > 0 {
            set = self.branches[set.index()].kids[0];
        }
        self.leaves[set.index()].0[0]
    }

    /// All numbers of the set, ascending, into `into`.
    pub(super) fn collect(&self, set: Set, into: &mut Vec<u64>) {
        if set.is_empty() {
            return;
        }
        if set.height() == 0 {
            let leaf = &self.leaves[set.index()];
            return into.extend_from_slice(&leaf.0[..leaf.len()]);
        }
        let branch = &self.branches[set.index()];
        branch.kids[..branch.from.len()].iter().for_each(|&kid| self.collect(kid, into));
    }

    /// How many bytes the pool keeps.
    pub(super) fn bytes(&self) -> usize {
        let free = (self.free_leaves.capacity() + self.free_branches.capacity()) * 4;
        self.leaves.capacity() * size_of::<Row>() + self.branches.capacity() * size_of::<Branch>() + free
    }

    /// Inserts into a page or below it. When it was full, the page beside it that took its upper half, and from where.
    #[inline]
    fn insert_below(&mut self, page: Set, key: u64) -> Option<(u64, Set)> {
        if page.height() > 0 {
            return self.insert_below_branch(page, key);
        }
        let leaf = &mut self.leaves[page.index()];
        if !leaf.is_full() {
            leaf.insert(key);
            return None;
        }
        if key > leaf.0[WIDTH - 1] {
            // Ascending numbers leave full pages behind.
            return Some((key, self.leaf_of(key)));
        }
        let mut upper = leaf.split();
        let from = upper.0[0];
        if key < from {
            leaf.insert(key)
        } else {
            upper.insert(key)
        }
        Some((from, self.leaf(upper)))
    }

    fn insert_below_branch(&mut self, page: Set, key: u64) -> Option<(u64, Set)> {
        let branch = &self.branches[page.index()];
        let slot = branch.slot(key);
        let (from, kid) = self.insert_below(branch.kids[slot], key)?;
        let branch = &mut self.branches[page.index()];
        if !branch.from.is_full() {
            branch.insert(slot + 1, from, kid);
            return None;
        }
        let (middle, mut upper) = branch.split();
        match (slot + 1).checked_sub(WIDTH / 2).filter(|&at| at > 0) {
            Some(at) => upper.insert(at, from, kid),
            None => branch.insert(slot + 1, from, kid),
        }
        Some((middle, self.branch(page.height(), upper)))
    }

    /// Removes from a page or below it. Whether nothing is left there.
    #[inline]
    fn remove_below(&mut self, page: Set, key: u64) -> bool {
        if page.height() > 0 {
            return self.remove_below_branch(page, key);
        }
        let leaf = &mut self.leaves[page.index()];
        leaf.remove(key);
        leaf.0[0] == NONE
    }

    fn remove_below_branch(&mut self, page: Set, key: u64) -> bool {
        let branch = &self.branches[page.index()];
        let slot = branch.slot(key);
        let kid = branch.kids[slot];
        if self.remove_below(kid, key) {
            self.release(kid);
            let branch = &mut self.branches[page.index()];
            branch.remove(slot);
            return branch.is_empty();
        }
        if kid.height() == 0 && self.leaves[kid.index()].0[WIDTH / 4] == NONE {
            self.merge(page, slot);
        }
        false
    }

    /// Merges a leaf that has become thin with a neighbour, where both fit into one with some room left.
    fn merge(&mut self, page: Set, slot: usize) {
        let branch = &self.branches[page.index()];
        let left = if slot + 1 < branch.from.len() { slot } else { slot.saturating_sub(1) };
        if left + 1 >= branch.from.len() {
            return;
        }
        let (lower, upper) = (branch.kids[left], branch.kids[left + 1]);
        let (own, add) = (self.leaves[lower.index()].len(), self.leaves[upper.index()].len());
        if own + add <= WIDTH * 3 / 4 {
            let moved = self.leaves[upper.index()];
            self.leaves[lower.index()].0[own..own + add].copy_from_slice(&moved.0[..add]);
            self.branches[page.index()].remove(left + 1);
            self.release(upper);
        }
    }

    fn without_idle_root(&mut self, mut set: Set) -> Set {
        while set.height() > 0 && self.branches[set.index()].from.0[1] == NONE {
            let only = self.branches[set.index()].kids[0];
            self.release(set);
            set = only;
        }
        set
    }

    fn leaf_of(&mut self, key: u64) -> Set {
        let mut leaf = Row::EMPTY;
        leaf.0[0] = key;
        self.leaf(leaf)
    }

    fn leaf(&mut self, leaf: Row) -> Set {
        let index = self.free_leaves.pop().map_or(self.leaves.len(), |index| index as usize);
        if index == self.leaves.len() {
            self.leaves.push(leaf)
        } else {
            self.leaves[index] = leaf
        }
        Set::page(0, index)
    }

    fn branch(&mut self, height: u32, branch: Branch) -> Set {
        let index = self.free_branches.pop().map_or(self.branches.len(), |index| index as usize);
        if index == self.branches.len() {
            self.branches.push(branch)
        } else {
            self.branches[index] = branch
        }
        Set::page(height, index)
    }

    fn release(&mut self, page: Set) {
        let free = if page.height() == 0 { &mut self.free_leaves } else { &mut self.free_branches };
        free.push(page.index() as u32);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(pages: &Pages, set: Set, model: &BTreeSet<u64>, probe: u64) {
        let mut all = Vec::new();
        pages.collect(set, &mut all);
        assert_eq!(all, model.iter().copied().collect::<Vec<_>>());
        if !set.is_empty() {
            assert_eq!(pages.ceil(set, probe), model.range(probe..).next().copied());
            assert_eq!(pages.floor(set, probe), model.range(..=probe).next_back().copied());
            assert_eq!(pages.floor(set, NONE), model.last().copied());
            assert_eq!(Some(&pages.first(set)), model.first());
        }
    }

    proptest! {
        #[test]
        fn a_set_is_an_ordered_set(changes in proptest::collection::vec((0u64..700, 0u32..20), 0..2500)) {
            let (mut pages, mut set, mut model) = (Pages::default(), Set::EMPTY, BTreeSet::new());
            for (turn, (key, kind)) in changes.into_iter().enumerate() {
                // Long spells of growing and of shrinking, so that pages split and merge.
                let grow = if turn / 600 % 2 == 0 { kind < 14 } else { kind < 5 };
                if grow && model.insert(key) {
                    set = pages.insert(set, key);
                } else if !grow && model.remove(&key) {
                    set = pages.remove(set, key);
                }
                if turn % 50 == 0 { check(&pages, set, &model, key) }
            }
            check(&pages, set, &model, 350);
            for key in model {
                set = pages.remove(set, key);
            }
            prop_assert!(set.is_empty());
            prop_assert_eq!((pages.leaves.len(), pages.branches.len()), (pages.free_leaves.len(), pages.free_branches.len()));
        }
    }

    #[test]
    fn ascending_numbers_fill_their_pages() {
        let mut pages = Pages::default();
        let set = (0..10_000).fold(Set::EMPTY, |set, key| pages.insert(set, key));
        assert_eq!(pages.leaves.len(), 625);
        assert_eq!(pages.ceil(set, 5000), Some(5000));
    }
}
