//! Many ordered sets of numbers in one pool of pages, each set a B+tree. Knows nothing of what the numbers mean but
//! that the low bits of each name its owner, who has one number in the whole pool.
//!
//! Pages are in order, but a leaf keeps its few numbers in any order, and the pool knows where the number of each
//! owner lies: so a number comes and goes with a few stores, and what must be ordered is ordered when it is read. A
//! set of up to fifteen is a single leaf.

use super::branch::{Branch, Set};

/// How many numbers a leaf holds.
const WIDTH: usize = 15;

/// A leaf that shrinks to so few is merged with a neighbour, where both together leave some room.
const THIN: u64 = 3;
const ROOMY: u64 = 11;

/// What no set may contain.
const NONE: u64 = u64::MAX;

/// Where each owner's number lies: sixteen times its leaf, and its slot.
pub(super) trait Places {
    fn place(&self, owner: u64) -> u32;
    fn set_place(&mut self, owner: u64, place: u32);
}

/// Two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Leaf {
    len: u64,
    numbers: [u64; WIDTH],
}

/// The pool.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    owner_mask: u64,
    leaves: Vec<Leaf>,
    branches: Vec<Branch>,
    free_leaves: Vec<u32>,
    free_branches: Vec<u32>,
}

impl Leaf {
    /// A leaf with these numbers; what lies after them is never read.
    fn of(held: &[u64]) -> Self {
        let mut numbers = [0; WIDTH];
        numbers[..held.len()].copy_from_slice(held);
        Self { len: held.len() as u64, numbers }
    }

    #[inline]
    fn held(&self) -> &[u64] {
        &self.numbers[..self.len as usize]
    }

    /// The least number that is `from` or more, or [`NONE`].
    #[inline]
    fn ceil(&self, from: u64) -> u64 {
        self.held().iter().fold(NONE, |least, &number| least.min(if number < from { NONE } else { number }))
    }

    #[inline]
    fn first(&self) -> u64 {
        self.held().iter().fold(NONE, |least, &number| least.min(number))
    }

    fn floor(&self, to: u64) -> Option<u64> {
        self.held().iter().copied().filter(|&number| number <= to).max()
    }
}

impl Pages {
    /// An empty pool whose numbers name their owners in their `owner_bits` lowest bits.
    pub(super) fn new(owner_bits: u32) -> Self {
        let owner_mask = (1 << owner_bits) - 1;
        Self { owner_mask, leaves: Vec::new(), branches: Vec::new(), free_leaves: Vec::new(), free_branches: Vec::new() }
    }

    /// The set with a number whose owner had none.
    #[inline]
    pub(super) fn insert(&mut self, places: &mut (impl Places + ?Sized), set: Set, number: u64) -> Set {
        if set.is_empty() {
            return self.leaf_of(places, number);
        }
        let page = if set.height() == 0 { set } else { self.leaf_for(set, number) };
        let leaf = &mut self.leaves[page.index()];
        if leaf.len as usize == WIDTH {
            return self.insert_and_split(places, set, number);
        }
        let slot = leaf.len;
        leaf.numbers[slot as usize] = number;
        leaf.len = slot + 1;
        places.set_place(number & self.owner_mask, (page.index() * 16) as u32 + slot as u32);
        set
    }

    /// Takes out the number, which is in a set. Whether its leaf has become thin or empty, so that the set must be
    /// tidied.
    #[inline]
    #[must_use]
    pub(super) fn remove(&mut self, places: &mut (impl Places + ?Sized), number: u64) -> bool {
        let place = places.place(number & self.owner_mask);
        let (page, slot) = (place as usize / 16, place as usize % 16);
        let leaf = &mut self.leaves[page];
        debug_assert!(leaf.held().get(slot) == Some(&number), "what is removed is there");
        let last = leaf.len - 1;
        leaf.len = last;
        if slot as u64 != last {
            let moved = leaf.numbers[last as usize];
            leaf.numbers[slot] = moved;
            places.set_place(moved & self.owner_mask, place);
        }
        last == 0 || last == THIN
    }

    /// The set after this number left a leaf thin or empty.
    #[inline]
    pub(super) fn tidy(&mut self, places: &mut (impl Places + ?Sized), set: Set, number: u64) -> Set {
        if set.height() > 0 {
            return self.tidy_branches(places, set, number);
        }
        if self.leaves[set.index()].len > 0 {
            return set;
        }
        self.free_leaves.push(set.index() as u32);
        Set::EMPTY
    }

    /// The least number of the set that is `from` or more.
    #[inline]
    pub(super) fn ceil(&self, set: Set, from: u64) -> Option<u64> {
        let found = if set.height() == 0 { self.leaves[set.index()].ceil(from) } else { self.ceil_below(set, from) };
        (found != NONE).then_some(found)
    }

    fn ceil_below(&self, page: Set, from: u64) -> u64 {
        if page.height() == 0 {
            return self.leaves[page.index()].ceil(from);
        }
        let branch = &self.branches[page.index()];
        let slot = branch.slot(from);
        let found = self.ceil_below(branch.kid(slot), from);
        // No page is empty, so where the subtree of `from` has none the next one has.
        if found == NONE && slot + 1 < branch.len() { self.first(branch.kid(slot + 1)) } else { found }
    }

    /// The greatest number of the set that is `to` or less.
    pub(super) fn floor(&self, set: Set, to: u64) -> Option<u64> {
        if set.height() == 0 {
            return self.leaves[set.index()].floor(to);
        }
        let branch = &self.branches[set.index()];
        let slot = branch.slot(to);
        self.floor(branch.kid(slot), to).or_else(|| slot.checked_sub(1).and_then(|before| self.floor(branch.kid(before), to)))
    }

    /// The least number of a set that is not empty.
    #[inline]
    pub(super) fn first(&self, set: Set) -> u64 {
        let leaf = if set.height() == 0 { set } else { self.first_leaf(set) };
        self.leaves[leaf.index()].first()
    }

    #[inline(never)]
    fn first_leaf(&self, mut page: Set) -> Set {
        while page.height() > 0 {
            page = self.branches[page.index()].kid(0);
        }
        page
    }

    /// All numbers of the set, ascending, into `into`.
    pub(super) fn collect(&self, set: Set, into: &mut Vec<u64>) {
        if set.is_empty() {
            return;
        }
        if set.height() == 0 {
            let from = into.len();
            into.extend_from_slice(self.leaves[set.index()].held());
            return into[from..].sort_unstable();
        }
        self.branches[set.index()].kids().iter().for_each(|&kid| self.collect(kid, into));
    }

    /// How many bytes the pool keeps.
    pub(super) fn bytes(&self) -> usize {
        let free = (self.free_leaves.capacity() + self.free_branches.capacity()) * 4;
        self.leaves.capacity() * size_of::<Leaf>() + self.branches.capacity() * size_of::<Branch>() + free
    }

    fn leaf_for(&self, mut page: Set, number: u64) -> Set {
        while page.height() > 0 {
            let branch = &self.branches[page.index()];
            page = branch.kid(branch.slot(number));
        }
        page
    }

    /// Inserts where the leaf is full.
    #[cold]
    fn insert_and_split(&mut self, places: &mut (impl Places + ?Sized), set: Set, number: u64) -> Set {
        let Some((from, upper)) = self.split_below(places, set, number) else { return set };
        self.branch(set.height() + 1, Branch::root(set, from, upper))
    }

    /// Inserts into a full leaf or a branch above it. When it was split, the new page beside it, and from where.
    fn split_below(&mut self, places: &mut (impl Places + ?Sized), page: Set, number: u64) -> Option<(u64, Set)> {
        if page.height() == 0 {
            return Some(self.split_leaf(places, page, number));
        }
        let branch = &self.branches[page.index()];
        let slot = branch.slot(number);
        let (from, kid) = self.split_below(places, branch.kid(slot), number)?;
        let (middle, upper) = self.branches[page.index()].insert(slot + 1, from, kid)?;
        Some((middle, self.branch(page.height(), upper)))
    }

    fn split_leaf(&mut self, places: &mut (impl Places + ?Sized), page: Set, number: u64) -> (u64, Set) {
        let mut all = [number; WIDTH + 1];
        all[..WIDTH].copy_from_slice(&self.leaves[page.index()].numbers);
        all.sort_unstable();
        // Ascending numbers leave full leaves behind.
        let middle = if all[WIDTH] == number { WIDTH } else { WIDTH.div_ceil(2) };
        self.leaves[page.index()] = Leaf::of(&all[..middle]);
        self.note(places, page);
        (all[middle], self.leaf(places, Leaf::of(&all[middle..])))
    }

    #[cold]
    fn tidy_branches(&mut self, places: &mut (impl Places + ?Sized), mut set: Set, number: u64) -> Set {
        self.tidy_below(places, set, number);
        while set.height() > 0 && self.branches[set.index()].len() == 1 {
            let only = self.branches[set.index()].kid(0);
            self.release(set);
            set = only;
        }
        set
    }

    fn tidy_below(&mut self, places: &mut (impl Places + ?Sized), page: Set, number: u64) {
        let branch = &self.branches[page.index()];
        let slot = branch.slot(number);
        let kid = branch.kid(slot);
        let empty = if kid.height() > 0 {
            self.tidy_below(places, kid, number);
            self.branches[kid.index()].len() == 0
        } else {
            self.leaves[kid.index()].len == 0
        };
        if empty {
            self.release(kid);
            self.branches[page.index()].remove(slot);
        } else if kid.height() == 0 {
            self.merge(places, page, slot);
        }
    }

    /// Merges a thin leaf with the one after it, or before it where it is the last.
    fn merge(&mut self, places: &mut (impl Places + ?Sized), page: Set, slot: usize) {
        let branch = &self.branches[page.index()];
        let left = slot.min(branch.len().saturating_sub(2));
        if left + 1 >= branch.len() {
            return;
        }
        let (lower, upper) = (branch.kid(left), branch.kid(left + 1));
        let [one, other] = [lower, upper].map(|page| self.leaves[page.index()]);
        if one.len + other.len <= ROOMY {
            self.leaves[lower.index()] = Leaf::of(&[one.held(), other.held()].concat());
            self.note(places, lower);
            self.branches[page.index()].remove(left + 1);
            self.release(upper);
        }
    }

    /// Notes where the numbers of a leaf lie now.
    fn note(&self, places: &mut (impl Places + ?Sized), page: Set) {
        for (slot, number) in (0..).zip(self.leaves[page.index()].held()) {
            places.set_place(number & self.owner_mask, (page.index() * 16) as u32 + slot);
        }
    }

    /// A new leaf with a single number.
    #[inline]
    fn leaf_of(&mut self, places: &mut (impl Places + ?Sized), number: u64) -> Set {
        let Some(index) = self.free_leaves.pop() else { return self.leaf(places, Leaf::of(&[number])) };
        let leaf = &mut self.leaves[index as usize];
        leaf.len = 1;
        leaf.numbers[0] = number;
        places.set_place(number & self.owner_mask, index * 16);
        Set::page(0, index as usize)
    }

    fn leaf(&mut self, places: &mut (impl Places + ?Sized), leaf: Leaf) -> Set {
        let index = self.free_leaves.pop().map_or(self.leaves.len(), |index| index as usize);
        if index == self.leaves.len() {
            self.leaves.push(leaf)
        } else {
            self.leaves[index] = leaf
        }
        let page = Set::page(0, index);
        self.note(places, page);
        page
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

    impl Places for [u32] {
        fn place(&self, owner: u64) -> u32 {
            self[owner as usize]
        }
        fn set_place(&mut self, owner: u64, place: u32) {
            self[owner as usize] = place;
        }
    }

    fn remove(pages: &mut Pages, places: &mut [u32], set: Set, number: u64) -> Set {
        if pages.remove(places, number) { pages.tidy(places, set, number) } else { set }
    }

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
            let (mut pages, mut places, mut set, mut model) = (Pages::new(10), vec![0; 1024], Set::EMPTY, BTreeSet::new());
            // The owners are not in the order of the numbers.
            let number = |key: u64| (key / 7) << 10 | (key * 37 % 701);
            for (turn, (key, kind)) in changes.into_iter().enumerate() {
                // Long spells of growing and of shrinking, so that pages split and merge.
                let grow = if turn / 600 % 2 == 0 { kind < 14 } else { kind < 5 };
                if grow && model.insert(number(key)) {
                    set = pages.insert(&mut places[..], set, number(key));
                } else if !grow && model.remove(&number(key)) {
                    set = remove(&mut pages, &mut places, set, number(key));
                }
                if turn % 50 == 0 { check(&pages, set, &model, number(key)) }
            }
            check(&pages, set, &model, number(350));
            for number in model {
                set = remove(&mut pages, &mut places, set, number);
            }
            prop_assert!(set.is_empty());
            prop_assert_eq!((pages.leaves.len(), pages.branches.len()), (pages.free_leaves.len(), pages.free_branches.len()));
        }
    }

    #[test]
    fn ascending_numbers_fill_their_pages() {
        let (mut pages, mut places) = (Pages::new(14), vec![0; 10_000]);
        let set = (0..10_000).fold(Set::EMPTY, |set, key| pages.insert(&mut places[..], set, key));
        assert_eq!(pages.leaves.len(), 10_000usize.div_ceil(WIDTH));
        assert_eq!(pages.ceil(set, 5000), Some(5000));
    }
}
