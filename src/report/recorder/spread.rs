//! A distribution in five figures.

use crate::report::summary::Spread;

/// Mean, nearest-rank percentiles and maximum; all 0 where there is no value. Reorders the values.
///
/// The nearest-rank percentile p of n values is the value at position ceil(p n / 100) in ascending order.
#[must_use]
pub fn spread(values: &mut [f64]) -> Spread {
    let count = values.len();
    if count == 0 {
        return Spread::default();
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    let mut from = 0;
    // Ascending percentiles: each selection leaves what is above it behind its position.
    let [p50, p95, p99, max] = [50, 95, 99, 100].map(|percent| {
        let rank = (percent * count).div_ceil(100) - 1;
        let value = *values[from..].select_nth_unstable_by(rank - from, f64::total_cmp).1;
        from = rank;
        value
    });
    Spread { mean, p50, p95, p99, max }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        let Spread { mean, p50, p95, p99, max } = spread(&mut values);
        assert_eq!((mean, p50, p95, p99, max), (10.5, 10.0, 19.0, 20.0, 20.0));
        assert_eq!(spread(&mut []), Spread::default());
        assert_eq!(spread(&mut [7.0]), Spread { mean: 7.0, p50: 7.0, p95: 7.0, p99: 7.0, max: 7.0 });
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_values(values in proptest::collection::vec(0u32..1000, 1..300)) {
            let mut sorted: Vec<f64> = values.iter().copied().map(f64::from).collect();
            let mut shuffled = sorted.clone();
            sorted.sort_by(f64::total_cmp);
            let at = |percent: f64| sorted[(percent / 100.0 * sorted.len() as f64).ceil() as usize - 1];
            let found = spread(&mut shuffled);
            prop_assert_eq!((found.p50, found.p95, found.max), (at(50.0), at(95.0), at(100.0)));
        }
    }
}
