//! A set of core ids of one node, written as Linux and Docker write it: `0-3,8`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::Cores;

/// One more than the largest core id that a node may have.
pub const MOST_CORES: u32 = 4096;

/// A set of core ids. Up to 256 cores it needs no allocation; equal sets compare equal.
///
/// ```
/// # use model::{Cores, CpuSet};
/// let set: CpuSet = "0-3,8".parse().unwrap();
/// assert_eq!(set.count(), Cores(5));
/// assert_eq!(set.to_string(), "0-3,8");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuSet(SmallVec<[u64; 4]>);

impl CpuSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cores `0..cores`.
    #[must_use]
    pub fn first(cores: Cores) -> Self {
        (0..cores.0).collect()
    }

    /// The set whose members are the set bits of `words` (bit b of word w is core 64 w + b).
    #[must_use]
    pub fn from_words(words: &[u64]) -> Self {
        let used = words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
        Self(SmallVec::from_slice(&words[..used]))
    }

    /// The set of cores below 64 whose members are the set bits of `word`.
    #[must_use]
    #[inline]
    pub fn from_word(word: u64) -> Self {
        Self(SmallVec::from_buf_and_len([word, 0, 0, 0], usize::from(word != 0)))
    }

    /// The bits, 64 cores a word, without trailing zero words.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// How many cores are in it.
    #[must_use]
    pub fn count(&self) -> Cores {
        Cores(self.0.iter().map(|word| word.count_ones()).sum())
    }

    /// Whether no core is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `core` is in it.
    #[must_use]
    pub fn contains(&self, core: u32) -> bool {
        self.0.get(core as usize / 64).is_some_and(|word| word >> (core % 64) & 1 == 1)
    }

    /// Adds a core.
    pub fn insert(&mut self, core: u32) {
        let word = core as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (core % 64);
    }

    /// Whether every core of it is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.len() <= other.0.len() && self.0.iter().zip(&other.0).all(|(mine, theirs)| mine & !theirs == 0)
    }

    /// Whether no core is in both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, theirs)| mine & theirs == 0)
    }

    /// The cores of it that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut words = self.0.clone();
        for (mine, theirs) in words.iter_mut().zip(&other.0) {
            *mine &= !theirs;
        }
        Self::from_words(&words)
    }

    /// The core ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    index as u32 * 64 + bit
                })
            })
        })
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cores: I) -> Self {
        let mut set = Self::new();
        for core in cores {
            set.insert(core);
        }
        set
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cores = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = cores.next() {
            let mut last = first;
            while let Some(next) = cores.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last - first {
                0 => write!(f, "{separator}{first}")?,
                _ => write!(f, "{separator}{first}-{last}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// Why a text is no cpuset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no cpuset: write core ids below {MOST_CORES} as in `0,3` or `0-3`, each once")]
pub struct BadCpuSet {
    text: String,
}

impl FromStr for CpuSet {
    type Err = BadCpuSet;

    fn from_str(text: &str) -> Result<Self, BadCpuSet> {
        let bad = || BadCpuSet { text: text.chars().take(60).collect() };
        let core = |part: &str| part.parse::<u32>().ok().filter(|&core| core < MOST_CORES).ok_or_else(bad);
        let mut set = Self::new();
        if text.is_empty() {
            return Ok(set);
        }
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (core(first)?, core(last)?),
                None => (core(part)?, core(part)?),
            };
            if first > last || (first..=last).any(|core| set.contains(core)) {
                return Err(bad());
            }
            (first..=last).for_each(|core| set.insert(core));
        }
        Ok(set)
    }
}

impl Serialize for CpuSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Text for people, words for snapshots and the hash of a journal.
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.words().serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for CpuSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(Error::custom);
        }
        let words = SmallVec::<[u64; 4]>::deserialize(deserializer)?;
        match words.len() <= MOST_CORES as usize / 64 {
            true => Ok(Self::from_words(&words)),
            false => Err(Error::custom(format!("a cpuset of {} words", words.len()))),
        }
    }
}

impl schemars::JsonSchema for CpuSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CpuSet".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "Core ids of one node, as in `0,3` or `0-3`", "type": "string", "pattern": "^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$"})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_set_are_one(cores in proptest::collection::btree_set(0u32..300, 0..40)) {
            let set: CpuSet = cores.iter().copied().collect();
            prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set.clone());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), cores.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["0-999999999", "3-1", "a", "1,,2", "1,1", "-1", "0-3,2"] {
            assert!(text.parse::<CpuSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn trailing_words_do_not_matter() {
        let high: CpuSet = [300].into_iter().collect();
        let low: CpuSet = [1].into_iter().collect();
        let both: CpuSet = [1, 300].into_iter().collect();
        assert_eq!(both.without(&high), low);
        assert!(low.is_subset(&both) && !both.is_subset(&low) && low.is_disjoint(&high));
    }
}
