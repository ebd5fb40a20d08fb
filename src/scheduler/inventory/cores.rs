//! Which cores of a node a placement gets. Only masks: nothing of nodes, memory or indexes.

use std::ops::Range;

use model::{CpuSet, NodeClass};
use smallvec::SmallVec;

/// How the cores of a class lie, as a tree: the node, its NUMA nodes, their cache groups, their physical cores.
///
/// A level that does not divide its parent is left out, so a flat class is one part without parts.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    parts: Vec<Part>,
    /// The words of all parts, one after the other.
    masks: Vec<u64>,
}

/// Some cores of the node, and what divides them.
#[derive(Clone, Debug)]
struct Part {
    /// The first word in which it has cores, and its mask there.
    word: usize,
    mask: u64,
    /// All its words among the masks.
    masks: Range<usize>,
    inside: Inside,
}

/// What divides a part.
#[derive(Clone, Debug)]
enum Inside {
    /// Nothing: the lowest ids will do.
    Cores,
    /// Physical cores of two siblings each, 2n and 2n + 1.
    Pairs,
    Parts(Range<usize>),
}

/// The lower one of each pair.
const LOWER: u64 = 0x5555_5555_5555_5555;

impl Layout {
    /// The layout of the cores of a class that tasks may have.
    pub(super) fn of(class: &NodeClass) -> Self {
        let mut layout = Self { parts: Vec::new(), masks: Vec::new() };
        let levels = [&class.topology.numa[..], &class.topology.cache[..], &class.topology.smt[..]];
        layout.push(&class.task_cpuset());
        layout.divide(0, &class.task_cpuset(), &levels);
        layout
    }

    fn push(&mut self, cores: &CpuSet) {
        let words = cores.words();
        let word = words.iter().position(|&word| word != 0).unwrap_or(0);
        let from = self.masks.len();
        self.masks.extend_from_slice(&words[word..]);
        let mask = words.get(word).copied().unwrap_or(0);
        self.parts.push(Part { word, mask, masks: from..self.masks.len(), inside: Inside::Cores });
    }

    /// Divides a part by the first of the levels that does divide it, and its parts by the levels after.
    fn divide(&mut self, part: usize, cores: &CpuSet, levels: &[&[CpuSet]]) {
        let Some((level, finer)) = levels.split_first() else { return };
        let shares: Vec<CpuSet> = level.iter().map(|group| intersection(group, cores)).filter(|share| !share.is_empty()).collect();
        if shares.len() < 2 {
            return self.divide(part, cores, finer);
        }
        if shares.iter().all(|share| share.count().0 == 1) {
            return;
        }
        if shares.iter().all(is_pair) {
            self.parts[part].inside = Inside::Pairs;
            return;
        }
        let from = self.parts.len();
        shares.iter().for_each(|share| self.push(share));
        self.parts[part].inside = Inside::Parts(from..self.parts.len());
        for (offset, share) in shares.iter().enumerate() {
            self.divide(from + offset, share, finer);
        }
    }

    /// Takes `count` cores out of `free`, best-fit at every level: of the parts that hold all of them the one
    /// with the fewest free cores, and while none does all of the one with the most; the first among equals.
    ///
    /// So a placement touches the fewest NUMA nodes and cache groups, gets whole physical cores first, and an odd
    /// remainder goes to a physical core that is half used already. The caller has made sure that so many are free.
    pub(super) fn take(&self, count: u32, free: &mut [u64]) -> CpuSet {
        let whole = &self.parts[0];
        if matches!(whole.inside, Inside::Cores) {
            return take_lowest(count, free);
        }
        if let [free] = free {
            let before = *free;
            self.take_from(whole, count, std::slice::from_mut(free));
            return CpuSet::from_word(before ^ *free);
        }
        let before: SmallVec<[u64; 4]> = SmallVec::from_slice(free);
        self.take_from(whole, count, free);
        difference(before, free)
    }

    fn take_from(&self, part: &Part, mut count: u32, free: &mut [u64]) {
        let parts = match &part.inside {
            Inside::Cores => return clear_lowest(count, self.masks_of(part), &mut free[part.word..]),
            Inside::Pairs => return clear_pairs(count, self.masks_of(part), &mut free[part.word..]),
            Inside::Parts(parts) => &self.parts[parts.clone()],
        };
        while count > 0 {
            let (mut best, mut most) = ((u32::MAX, 0), (0, 0));
            for (index, part) in parts.iter().enumerate() {
                let held = self.count(part, free);
                if held >= count && held < best.0 {
                    best = (held, index);
                } else if held > most.0 {
                    most = (held, index);
                }
            }
            let (held, index) = if best.0 == u32::MAX { most } else { best };
            let chosen = &parts[index];
            if held > count {
                return self.take_from(chosen, count, free);
            }
            self.masks_of(chosen).iter().zip(&mut free[chosen.word..]).for_each(|(mask, free)| *free &= !mask);
            count -= held;
        }
    }

    #[inline]
    fn masks_of<'a>(&'a self, part: &'a Part) -> &'a [u64] {
        if part.masks.len() == 1 { std::slice::from_ref(&part.mask) } else { &self.masks[part.masks.clone()] }
    }

    #[inline]
    fn count(&self, part: &Part, free: &[u64]) -> u32 {
        self.masks_of(part).iter().zip(&free[part.word..]).map(|(mask, free)| (mask & free).count_ones()).sum()
    }
}

/// Whether the cores are siblings of one physical core by the usual numbering, of which the host may have one.
fn is_pair(cores: &CpuSet) -> bool {
    let mut ids = cores.iter().map(|core| core / 2);
    let first = ids.next();
    ids.all(|id| Some(id) == first)
}

/// Clears `count` bits that are set in `free` and in `masks`: whole pairs first, then halves, the lowest ones each; a
/// last odd one from a pair that is half taken already, where there is one.
fn clear_pairs(mut count: u32, masks: &[u64], free: &mut [u64]) {
    for (mask, free) in masks.iter().zip(&mut *free) {
        let mut whole = mask & *free & (*free >> 1) & (mask >> 1) & LOWER;
        while count > 1 && whole != 0 {
            let lower = whole & whole.wrapping_neg();
            *free &= !(lower | lower << 1);
            whole ^= lower;
            count -= 2;
        }
    }
    if count == 0 {
        return;
    }
    for (mask, free) in masks.iter().zip(&mut *free) {
        let here = mask & *free;
        let whole = here & (here >> 1) & LOWER;
        let halves = here & !(whole | whole << 1);
        let cleared = without_lowest(count.min(halves.count_ones()), halves);
        *free ^= halves ^ cleared;
        count -= (halves ^ cleared).count_ones();
    }
    clear_lowest(count, masks, free);
}

/// Takes the `count` lowest cores out of `free`.
#[inline]
pub(super) fn take_lowest(count: u32, free: &mut [u64]) -> CpuSet {
    if let [free] = free {
        let before = *free;
        *free = without_lowest(count, before);
        return CpuSet::from_word(before ^ *free);
    }
    let before: SmallVec<[u64; 4]> = SmallVec::from_slice(free);
    clear_lowest(count, &before, free);
    difference(before, free)
}

/// Clears the `count` lowest bits that are set in `free` and in `masks`.
fn clear_lowest(mut count: u32, masks: &[u64], free: &mut [u64]) {
    for (mask, free) in masks.iter().zip(free) {
        let here = mask & *free;
        let held = here.count_ones();
        if held >= count {
            *free ^= here ^ without_lowest(count, here);
            return;
        }
        *free ^= here;
        count -= held;
    }
}

/// `word` without its `count` lowest set bits, of which it has at least so many.
#[inline]
fn without_lowest(count: u32, word: u64) -> u64 {
    (0..count).fold(word, |rest, _| rest & rest.wrapping_sub(1))
}

fn difference(mut before: SmallVec<[u64; 4]>, after: &[u64]) -> CpuSet {
    before.iter_mut().zip(after).for_each(|(before, after)| *before ^= after);
    CpuSet::from_words(&before)
}

fn intersection(one: &CpuSet, other: &CpuSet) -> CpuSet {
    let words: Vec<u64> = one.words().iter().zip(other.words()).map(|(one, other)| one & other).collect();
    CpuSet::from_words(&words)
}

#[cfg(test)]
mod tests {
    use model::{Bytes, Cores, TopologySpec};
    use proptest::prelude::*;

    use super::*;

    /// What `count` cores of a node with `numa` x `caches` x `smt` over `cores` are when `busy` are taken.
    fn taken(shape: (u32, u32, u32), cores: u32, busy: &str, count: u32) -> String {
        let spec = TopologySpec { numa: shape.0, cache_groups: shape.1, smt: shape.2 };
        let topology = spec.expand(Cores(cores)).unwrap();
        let class = NodeClass { topology, ..NodeClass::plain("n".parse().unwrap(), Cores(cores), Bytes(0)) };
        let layout = Layout::of(&class);
        let busy: CpuSet = busy.parse().unwrap();
        let mut free = class.task_cpuset().without(&busy).words().to_vec();
        free.resize(class.task_cpuset().words().len(), 0);
        let before = free.clone();
        let taken = layout.take(count, &mut free);
        let left = CpuSet::from_words(&before).without(&taken);
        assert_eq!((CpuSet::from_words(&free), taken.count()), (left, Cores(count)));
        taken.to_string()
    }

    #[test]
    fn the_fullest_numa_node_that_holds_it_is_taken() {
        assert_eq!(taken((2, 1, 1), 16, "0,8-10", 4), "11-14");
        assert_eq!(taken((2, 1, 1), 16, "0,8-10", 6), "1-6");
    }

    #[test]
    fn what_no_numa_node_holds_spills_over_the_fewest() {
        assert_eq!(taken((4, 1, 1), 16, "0-2,4", 7), "5-11");
        assert_eq!(taken((4, 1, 1), 16, "", 5), "0-4");
    }

    #[test]
    fn cache_groups_are_filled_within_a_numa_node() {
        assert_eq!(taken((1, 4, 1), 16, "0-1,4,8-9", 2), "2-3");
        assert_eq!(taken((2, 2, 1), 16, "0-5,8-10", 1), "6");
    }

    #[test]
    fn siblings_stay_together_and_halves_serve_the_odd_one() {
        assert_eq!(taken((1, 1, 2), 8, "0", 2), "2-3");
        assert_eq!(taken((1, 1, 2), 8, "0", 3), "1-3");
        assert_eq!(taken((1, 1, 2), 8, "4", 1), "5");
        assert_eq!(taken((1, 1, 2), 8, "0,3,4-7", 2), "1-2");
        assert_eq!(taken((1, 1, 4), 16, "0,4-5,8-10", 3), "1-3");
    }

    proptest! {
        /// The usual numbering of siblings has a short cut; siblings far apart have not, and must do the same.
        #[test]
        fn pairs_are_taken_like_any_siblings(busy in prop::collection::vec(any::<bool>(), 80), count in 0usize..80, host in 0u32..4) {
            let class = |far: bool| {
                let id = |core: u32| if far { core % 2 * 40 + core / 2 } else { core };
                let groups = |size: u32| (0..80 / size).map(|group| (group * size..(group + 1) * size).map(id).collect()).collect::<Vec<CpuSet>>();
                NodeClass { topology: model::Topology { numa: groups(40), cache: groups(10), smt: groups(2) }, ..NodeClass::plain("n".parse().unwrap(), Cores(80), Bytes(0)) }
            };
            let near = |core: u32| core % 40 * 2 + core / 40;
            let (pairs, siblings) = (class(false), class(true));
            let free: Vec<u32> = (host..80).filter(|&core| !busy[core as usize]).collect();
            let count = count.min(free.len());
            let take = |class: &NodeClass, free: CpuSet| {
                let mut words = free.words().to_vec();
                words.resize(2, 0);
                Layout::of(class).take(count as u32, &mut words)
            };
            let one = take(&pairs, free.iter().copied().collect());
            let far = |core: u32| core % 2 * 40 + core / 2;
            let other: CpuSet = take(&siblings, free.iter().map(|&core| far(core)).collect()).iter().map(near).collect();
            prop_assert_eq!(one.count(), Cores(count as u32));
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn words_are_no_boundary() {
        assert_eq!(taken((2, 1, 2), 192, "0-90", 5), "91-95");
        assert_eq!(taken((3, 1, 1), 384, "0-299", 84), "300-383");
    }
}
