//! The bare scheduler on a one-dimensional packing instance: bins are nodes without cores, items need only memory.
//!
//! Orders and fits are those of the cluster, through the same inventory. No gangs, no cpusets, no time.

use std::sync::Arc;

use model::{Bytes, CoreChoice, Cores, Fit, NodeClass, QueueOrder};

use crate::inventory::{Inventory, Need};

/// The bins of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bins {
    /// As many bins of this capacity as are needed. A new one is opened only when no used one holds the item.
    Capacity(u64),
    /// These bins, all open from the start.
    Sizes(Vec<u64>),
}

/// What became of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The bin of each item, in input order; `None` for an item that found no room.
    pub assignment: Vec<Option<u32>>,
    /// How many bins hold an item.
    pub bins_used: u32,
    /// No packing of the items that fit into any bin at all uses fewer bins: see [`pack`].
    pub lower_bound: u32,
}

/// Packs the items one by one, in input order or, for [`QueueOrder::Decreasing`], the largest first and equal ones in
/// input order. `pinned` places none.
///
/// The lower bound is for [`Bins::Capacity`] the bound L2 of S. Martello and P. Toth (Lower bounds and reduction
/// procedures for the bin packing problem, Discrete Applied Mathematics 28, 1990), for [`Bins::Sizes`] the fewest of
/// the largest bins whose sizes sum up to the items' (all bins where they do not).
///
/// ```
/// # use model::{Fit, QueueOrder};
/// # use scheduler::pack::{Bins, pack};
/// let packing = pack(&[4, 5, 3, 7, 4, 2, 1], Bins::Sizes(vec![6, 8, 9, 5, 4]), QueueOrder::Arrival, Fit::BestFit);
/// assert_eq!(packing.assignment, [4, 3, 0, 1, 2, 0, 0].map(Some));
/// ```
#[must_use]
pub fn pack(items: &[u64], bins: Bins, order: QueueOrder, fit: Fit) -> Packing {
    let mut turns: Vec<usize> = (0..items.len()).collect();
    if order == QueueOrder::Decreasing {
        turns.sort_by_key(|&item| std::cmp::Reverse(items[item]));
    }
    let mut inventory = Inventory::new(fit, CoreChoice::Lowest);
    let (lower_bound, opens) = match bins {
        Bins::Capacity(capacity) => (bound_equal(items, capacity), Some((bin(capacity), capacity))),
        Bins::Sizes(sizes) => {
            sizes.iter().for_each(|&size| _ = inventory.add_node(&bin(size)));
            (bound_sizes(items, sizes), None)
        }
    };
    let mut assignment = vec![None; items.len()];
    for item in turns {
        let need = Need { cores: Cores::ZERO, memory: Bytes(items[item]) };
        let opened = || opens.as_ref().filter(|(_, capacity)| items[item] <= *capacity && fit != Fit::Pinned);
        let Some(node) = inventory.find(need).or_else(|| opened().map(|(class, _)| inventory.add_node(class))) else { continue };
        inventory.take(node, need);
        assignment[item] = Some(node.0);
    }
    let mut used: Vec<u32> = assignment.iter().flatten().copied().collect();
    used.sort_unstable();
    used.dedup();
    Packing { assignment, bins_used: used.len() as u32, lower_bound }
}

fn bin(size: u64) -> Arc<NodeClass> {
    let name = "bin".parse().expect("`bin` is a name");
    Arc::new(NodeClass::plain(name, Cores::ZERO, Bytes(size)))
}

/// Martello and Toth's L2: for each threshold, items above half the capacity need a bin each, and of the items from
/// the threshold up to half of it, what does not fit beside those needs bins of its own; items that leave less than
/// the threshold have no company.
fn bound_equal(items: &[u64], capacity: u64) -> u32 {
    let mut sorted: Vec<u64> = items.iter().copied().filter(|&item| item <= capacity).collect();
    sorted.sort_unstable();
    let mut sums = vec![0u128];
    sums.extend(sorted.iter().scan(0u128, |sum, &item| {
        *sum += u128::from(item);
        Some(*sum)
    }));
    let half = sorted.partition_point(|&item| item <= capacity / 2);
    let beside = |threshold: u64| {
        let from = sorted.partition_point(|&item| item < threshold);
        let to = half.max(sorted.partition_point(|&item| item <= capacity - threshold));
        let room = u128::from(capacity) * (to - half) as u128 - (sums[to] - sums[half]);
        let rest = (sums[half] - sums[from.min(half)]).saturating_sub(room);
        sorted.len() - half + rest.div_ceil(u128::from(capacity.max(1))) as usize
    };
    let thresholds = std::iter::once(0).chain(sorted[..half].iter().copied());
    thresholds.map(beside).max().unwrap_or(0).max(usize::from(!sorted.is_empty())) as u32
}

fn bound_sizes(items: &[u64], mut sizes: Vec<u64>) -> u32 {
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let largest = sizes.first().copied().unwrap_or(0);
    let placeable = items.iter().filter(|&&item| item <= largest);
    let least = usize::from(!sizes.is_empty() && placeable.clone().next().is_some());
    let mut rest: u128 = placeable.map(|&item| u128::from(item)).sum();
    let covering = sizes.iter().take_while(|&&size| {
        let more = rest > 0;
        rest = rest.saturating_sub(u128::from(size));
        more
    });
    covering.count().max(least) as u32
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    const ITEMS: [u64; 7] = [4, 5, 3, 7, 4, 2, 1];

    #[test]
    fn known_assignments() {
        let into = |sizes: &[u64], fit| pack(&ITEMS, Bins::Sizes(sizes.to_vec()), QueueOrder::Arrival, fit);
        let best = into(&[6, 8, 9, 5, 4], Fit::BestFit);
        assert_eq!(best, Packing { assignment: [4, 3, 0, 1, 2, 0, 0].map(Some).to_vec(), bins_used: 5, lower_bound: 4 });
        assert_eq!(into(&[6, 8, 9, 5, 4], Fit::FirstFit).assignment, [0, 1, 1, 2, 3, 0, 2].map(Some));
        for &fit in Fit::ALL.iter().filter(|&&fit| fit != Fit::Pinned) {
            let placed: Vec<bool> = into(&[3, 3, 3, 3], fit).assignment.iter().map(Option::is_some).collect();
            assert_eq!(placed, [false, false, true, false, false, true, true], "{fit}");
        }
        assert_eq!(into(&[9; 9], Fit::Pinned).bins_used, 0);
    }

    #[test]
    fn decreasing_breaks_ties_by_input_order_and_bins_open_on_demand() {
        let packing = pack(&[2, 5, 2, 5, 6, 11], Bins::Capacity(7), QueueOrder::Decreasing, Fit::BestFit);
        assert_eq!(packing.assignment, [Some(1), Some(1), Some(2), Some(2), Some(0), None]);
        assert_eq!((packing.bins_used, packing.lower_bound), (3, 3));
        for fit in [Fit::WorstFit, Fit::DotProduct] {
            assert_eq!(pack(&[1, 1, 1], Bins::Capacity(7), QueueOrder::Arrival, fit).bins_used, 1, "{fit}");
        }
    }

    #[test]
    fn the_bound_sees_more_than_the_sum() {
        assert_eq!(bound_equal(&[6, 6, 6], 10), 3);
        assert_eq!(bound_equal(&[6, 6, 5, 5], 10), 3);
        assert_eq!(bound_equal(&[7, 7, 4, 4], 10), 3);
        assert_eq!((bound_equal(&[], 10), bound_equal(&[0], 10), bound_equal(&[0, 1], 0)), (0, 1, 1));
        assert_eq!(bound_equal(&[u64::MAX; 3], u64::MAX), 3);
        assert_eq!(bound_sizes(&[4, 4, 99], vec![1, 5, 2, 5]), 2);
    }

    /// The fewest bins, by trying every assignment.
    fn fewest(items: &[u64], capacity: u64, bins: &mut Vec<u64>) -> usize {
        let Some((item, rest)) = items.split_first() else { return bins.len() };
        let mut best = usize::MAX;
        for bin in 0..bins.len() {
            if bins[bin] + item <= capacity {
                bins[bin] += item;
                best = best.min(fewest(rest, capacity, bins));
                bins[bin] -= item;
            }
        }
        bins.push(*item);
        best = best.min(fewest(rest, capacity, bins));
        bins.pop();
        best
    }

    proptest! {
        #[test]
        fn no_bin_overflows_and_the_bound_holds(
            items in proptest::collection::vec(0u64..12, 0..8), order in 0..QueueOrder::ALL.len(), fit in 0..Fit::ALL.len(),
        ) {
            let (order, fit) = (QueueOrder::ALL[order], Fit::ALL[fit]);
            prop_assume!(fit != Fit::Pinned);
            let packing = pack(&items, Bins::Capacity(11), order, fit);
            for bin in 0..packing.bins_used {
                let held = items.iter().zip(&packing.assignment).filter(|(_, at)| **at == Some(bin)).map(|(item, _)| item).sum::<u64>();
                prop_assert!(held <= 11);
            }
            prop_assert!(packing.assignment.iter().all(Option::is_some));
            prop_assert!(packing.lower_bound as usize <= fewest(&items, 11, &mut Vec::new()));
            prop_assert!(packing.lower_bound <= packing.bins_used);
        }
    }

    /// Name, items, capacity and optimum of each published instance that lies beside the project.
    fn instances() -> Vec<(String, Vec<u64>, u64, u32)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/instances/bpp");
        let Ok(optima) = std::fs::read_to_string(folder.join("optima.csv")) else { return Vec::new() };
        let lines = optima.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let read = |line: Vec<&str>| {
            let file: PathBuf = folder.join(line[0]).join(line[1]).with_extension("txt");
            let numbers: Vec<u64> = std::fs::read_to_string(file).ok()?.split_whitespace().map(|word| word.parse().unwrap()).collect();
            assert_eq!(numbers.len() as u64, numbers[0] + 2, "{}", line[1]);
            Some((line[1].to_string(), numbers[2..].to_vec(), numbers[1], line[2].parse().unwrap()))
        };
        lines.filter_map(read).collect()
    }

    /// The files list the largest items first; this mixes them, always alike.
    fn mixed(items: &[u64]) -> Vec<u64> {
        let mut mixed: Vec<(u64, u64)> = items.iter().enumerate().map(|(at, &item)| (at as u64, item)).collect();
        mixed.sort_by_key(|(at, _)| (at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed.into_iter().map(|(_, item)| item).collect()
    }

    #[test]
    fn published_instances_are_packed_as_well_as_known() {
        let instances = instances();
        if instances.is_empty() {
            eprintln!("skipped: no instances in ../shared/instances/bpp");
            return;
        }
        let excess = |order, fit| {
            let over = instances.iter().map(|(name, items, capacity, optimum)| {
                let packing = pack(&mixed(items), Bins::Capacity(*capacity), order, fit);
                assert!(packing.lower_bound <= *optimum && *optimum <= packing.bins_used, "{name}: {packing:?}, optimum {optimum}");
                f64::from(packing.bins_used - optimum) / f64::from(*optimum)
            });
            100.0 * over.sum::<f64>() / instances.len() as f64
        };
        let online = [Fit::FirstFit, Fit::BestFit].map(|fit| excess(QueueOrder::Arrival, fit));
        let decreasing = [Fit::FirstFit, Fit::BestFit].map(|fit| excess(QueueOrder::Decreasing, fit));
        eprintln!("{} instances: first-fit, best-fit {online:.2?} %, decreasing {decreasing:.2?} %", instances.len());
        assert!(
            online.iter().all(|over| (4.2..8.0).contains(over)) && decreasing.iter().all(|&over| over < 4.2),
            "{online:?} {decreasing:?}"
        );
    }
}
