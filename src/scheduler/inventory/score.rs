//! Scores that weigh cores against memory, compared exactly. Knows nothing of nodes or indexes.

use std::cmp::Ordering;

/// The capacity of a node that a score normalises by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Capacity {
    pub cores: u32,
    pub memory: u64,
}

/// A capacity, and what a square is multiplied with to become a share of it, nearly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub capacity: Capacity,
    cores: f64,
    memory: f64,
}

impl From<Capacity> for Scale {
    fn from(capacity: Capacity) -> Self {
        let per = |size: f64| if size == 0.0 { 0.0 } else { 1.0 / (size * size) };
        Self { capacity, cores: per(f64::from(capacity.cores)), memory: per(capacity.memory as f64) }
    }
}

/// `a·b/C² + x·y/M²` for a capacity of C cores and M bytes; a part whose capacity is zero counts as zero.
///
/// With a = b the free cores left and x = y the free memory left it is the squared leftover (`l2`); with a, x the
/// need and b, y what is free it is the dot product. Compared as real numbers, without rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    near: f64,
    cores: (u32, u32),
    memory: (u64, u64),
    capacity: Capacity,
}

/// Two approximations further apart than this, relative to the larger, are in the right order: each of them is made
/// by about ten roundings of 2^-53 over terms that are all positive.
const DOUBT: f64 = 1.0 / (1u64 << 46) as f64;

impl Score {
    #[inline]
    pub(super) fn new(cores: (u32, u32), memory: (u64, u64), scale: &Scale) -> Self {
        let near = f64::from(cores.0) * f64::from(cores.1) * scale.cores + memory.0 as f64 * memory.1 as f64 * scale.memory;
        Self { near, cores, memory, capacity: scale.capacity }
    }

    /// The squared leftover.
    #[inline]
    pub(super) fn leftover(cores: u32, memory: u64, scale: &Scale) -> Self {
        Self::new((cores, cores), (memory, memory), scale)
    }

    /// As a squared leftover: what no node of the scale with as low a score has more of left. May be too much.
    pub(super) fn most_left(&self, scale: &Scale) -> (u32, u64) {
        let side = self.near.sqrt() * (1.0 + DOUBT);
        ((f64::from(scale.capacity.cores) * side) as u32 + 1, (scale.capacity.memory as f64 * side) as u64 + 1)
    }

    #[cold]
    fn cmp_exact(&self, other: &Self) -> Ordering {
        if (self.cores, self.memory, self.capacity) == (other.cores, other.memory, other.capacity) {
            return Ordering::Equal;
        }
        self.exact(other).cmp(&other.exact(self))
    }

    /// Both scores over their common denominator C²M²C'²M'².
    fn exact(&self, other: &Self) -> Wide {
        let Capacity { cores, memory } = self.capacity;
        let (own_cores, own_memory) = (u64::from(cores.max(1)), memory.max(1));
        let (other_cores, other_memory) = (u64::from(other.capacity.cores.max(1)), other.capacity.memory.max(1));
        // Without capacity there is nothing free, so that such a part is zero here too.
        let cores = Wide::from(u64::from(self.cores.0)).times(u64::from(self.cores.1)).times(own_memory).times(own_memory);
        let memory = Wide::from(self.memory.0).times(self.memory.1).times(own_cores).times(own_cores);
        cores.plus(memory).times(other_cores).times(other_cores).times(other_memory).times(other_memory)
    }
}

impl Ord for Score {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if (self.near - other.near).abs() > DOUBT * self.near.max(other.near) {
            return self.near.total_cmp(&other.near);
        }
        self.cmp_exact(other)
    }
}

impl PartialOrd for Score {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

/// A whole number below 2^512, highest digits first: enough for a score over a common denominator (386 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wide([u64; 8]);

impl Wide {
    fn times(mut self, factor: u64) -> Self {
        let mut carry = 0u128;
        for digit in self.0.iter_mut().rev() {
            carry += u128::from(*digit) * u128::from(factor);
            *digit = carry as u64;
            carry >>= 64;
        }
        self
    }

    fn plus(mut self, other: Self) -> Self {
        let mut carry = 0u128;
        for (digit, add) in self.0.iter_mut().zip(other.0).rev() {
            carry += u128::from(*digit) + u128::from(add);
            *digit = carry as u64;
            carry >>= 64;
        }
        self
    }
}

impl From<u64> for Wide {
    fn from(value: u64) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, value])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Small enough for u128 to hold everything exactly.
    fn slow(score: &Score, other: &Score) -> (u128, u128) {
        let value = |score: &Score, other: &Score| {
            let (c, m) = (u128::from(score.capacity.cores.max(1)), u128::from(score.capacity.memory.max(1)));
            let (oc, om) = (u128::from(other.capacity.cores.max(1)), u128::from(other.capacity.memory.max(1)));
            (u128::from(score.cores.0) * u128::from(score.cores.1) * m * m
                + u128::from(score.memory.0) * u128::from(score.memory.1) * c * c)
                * oc
                * oc
                * om
                * om
        };
        (value(score, other), value(other, score))
    }

    prop_compose! {
        fn score()(capacity in (0u32..9, 0u64..300))
            (cores in (0..=capacity.0, 0..=capacity.0), memory in (0..=capacity.1, 0..=capacity.1), capacity in Just(capacity)) -> Score {
            Score::new(cores, memory, &Scale::from(Capacity { cores: capacity.0, memory: capacity.1 }))
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_fractions(a in score(), b in score()) {
            let (left, right) = slow(&a, &b);
            prop_assert_eq!(a.cmp(&b), left.cmp(&right));
        }
    }

    #[test]
    fn a_difference_of_one_byte_in_an_exbibyte_counts() {
        let capacity = &Scale::from(Capacity { cores: 4096, memory: 1 << 60 });
        let (less, more) = (Score::leftover(4000, (1 << 60) - 2, capacity), Score::leftover(4000, (1 << 60) - 1, capacity));
        assert!(less < more);
        let other = &Scale::from(Capacity { cores: 4095, memory: (1 << 60) - 1 });
        assert!(Score::leftover(4095, (1 << 60) - 1, other) > Score::leftover(4096, (1 << 60) - 1, capacity));
        assert_eq!(Score::leftover(4095, (1 << 60) - 1, other), Score::leftover(4096, 1 << 60, capacity));
    }
}
