//! Randomness: one seed, and for each purpose a named substream in which every draw has its own key.
//!
//! A draw for (purpose, job, instance, attempt) depends on the seed and on these alone: not on the order of events, not on
//! what else is drawn. Two policies compared on one seed therefore meet the same jobs, durations and failures.

use rand_pcg::Pcg64Mcg;

/// The substream of one purpose. Make it once; [`Stream::at`] is cheap.
///
/// ```
/// use rand::RngExt as _;
/// use wharfinger::sim::random::Stream;
/// let durations = Stream::new(7, "duration");
/// let (job, instance, attempt) = (3, 0, 1);
/// let first: u64 = durations.at(&[job, instance, attempt]).random();
/// assert_eq!(first, durations.at(&[job, instance, attempt]).random::<u64>());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    low: u64,
    high: u64,
}

impl Stream {
    /// The stream of a purpose: BLAKE3 of the name, mixed with the seed.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let hash = blake3::hash(purpose.as_bytes());
        let (low, rest) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
        let high = rest.first_chunk().expect("and 24 are left");
        Self { low: mix(u64::from_le_bytes(*low) ^ seed), high: mix(u64::from_le_bytes(*high).wrapping_add(seed)) }
    }

    /// The generator of one key. Streams of different keys are independent for every practical purpose (128 bits of state).
    #[must_use]
    pub fn at(self, keys: &[u64]) -> Pcg64Mcg {
        // The two halves take the key differently, so that a clash in one is none in the other.
        let (low, high) = keys.iter().fold((self.low, self.high), |(low, high), &key| {
            (mix(low ^ key), mix(high.rotate_left(23).wrapping_add(key.wrapping_mul(0xD6E8_FEB8_6659_FD93))))
        });
        Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low))
    }
}

/// The generator of one key of one purpose, for draws that are too rare to keep the [`Stream`].
#[must_use]
pub fn substream(seed: u64, purpose: &str, keys: &[u64]) -> Pcg64Mcg {
    Stream::new(seed, purpose).at(keys)
}

/// One step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt as _;
    use std::collections::HashSet;

    #[test]
    fn golden_values_never_change() {
        let draw = |seed, purpose: &str, keys: &[u64]| substream(seed, purpose, keys).random::<u64>();
        assert_eq!(
            [
                draw(0, "duration", &[]),
                draw(0, "duration", &[0]),
                draw(1, "duration", &[0]),
                draw(1, "failure", &[0]),
                draw(7, "load", &[3, 1, 2])
            ],
            [
                7_710_191_232_648_811_739,
                5_242_034_671_974_261_452,
                1_503_445_567_952_110_246,
                8_684_047_963_329_317_951,
                16_914_846_125_403_625_205
            ]
        );
    }

    #[test]
    fn seed_purpose_and_every_key_matter() {
        let mut seen = HashSet::new();
        for seed in 0..4 {
            for purpose in ["duration", "failure", ""] {
                for keys in [&[][..], &[0], &[1], &[0, 0], &[0, 1], &[1, 0], &[u64::MAX, 1, 2]] {
                    assert!(seen.insert(substream(seed, purpose, keys).random::<u64>()), "{seed} {purpose} {keys:?}");
                }
            }
        }
    }

    #[test]
    fn first_draws_over_keys_are_uniform() {
        let stream = Stream::new(42, "duration");
        let (mut sum, mut low_bits) = (0.0, 0u32);
        for key in 0..10_000u64 {
            sum += stream.at(&[key, 0, 1]).random::<f64>();
            low_bits += stream.at(&[key, 0, 1]).random::<u32>() & 1;
        }
        assert!((sum / 10_000.0 - 0.5).abs() < 0.015, "{sum}");
        assert!((4_700..5_300).contains(&low_bits), "{low_bits}");
    }
}
