//! What a policy chooses. The algorithms behind the words live in `scheduler`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every choice, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it in documents and flags.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|choice| choice.word() == text).ok_or_else(|| UnknownWord {
                    text: text.chars().take(40).collect(),
                    known: Self::ALL.iter().map(|choice| choice.word()).collect(),
                })
            }
        }
    };
}

/// A word that names none of the choices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown `{text}`; known are {}", known.join(", "))]
pub struct UnknownWord {
    /// What was written.
    pub text: String,
    /// What could have been.
    pub known: Vec<&'static str>,
}

words!(
    /// Who is tried first in a round.
    Order {
        /// First come, first tried.
        Arrival = "arrival",
        /// Most cores first, then most memory, then arrival.
        Decreasing = "decreasing",
        /// Highest priority first, then arrival.
        Priority = "priority",
        /// Earliest deadline first, then arrival.
        Deadline = "deadline",
    }
);
words!(
    /// Which fitting node is taken.
    Fit {
        /// The lowest node index.
        FirstFit = "first-fit",
        /// Fewest free cores left, then least memory left, then the lowest node index.
        BestFit = "best-fit",
        /// Most free cores left, then most memory left, then the lowest node index.
        WorstFit = "worst-fit",
        /// Smallest squared leftover, cores and memory each as a share of the node.
        L2 = "l2",
        /// Largest dot product of the request and the free capacity, each as shares of the node.
        DotProduct = "dot-product",
        /// Where the client pinned it; what is not pinned waits.
        Pinned = "pinned",
    }
);
words!(
    /// What happens behind a task that does not fit.
    Admission {
        /// All behind it wait.
        Strict = "strict",
        /// Those behind it are tried.
        Skip = "skip",
        /// EASY backfill: those behind it are tried where they cannot delay the first that waits.
        Easy = "easy",
        /// Conservative backfill: those behind it are tried where they cannot delay any that waits.
        Conservative = "conservative",
    }
);
words!(
    /// Which cores of the node are taken.
    CoreChoice {
        /// The lowest free ids.
        Lowest = "lowest",
        /// The fullest NUMA node, cache group and physical cores that still hold it.
        Topology = "topology",
    }
);
words!(
    /// Names that set order, fit and admission together.
    PolicyName {
        /// arrival, first-fit, skip
        FirstFit = "first-fit",
        /// arrival, best-fit, skip
        BestFit = "best-fit",
        /// decreasing, first-fit, skip
        FirstFitDecreasing = "first-fit-decreasing",
        /// decreasing, best-fit, skip
        BestFitDecreasing = "best-fit-decreasing",
        /// arrival, l2, skip
        L2 = "l2",
        /// priority, best-fit, skip
        Priority = "priority",
        /// arrival, pinned, skip
        NoScheduler = "no-scheduler",
    }
);

/// A whole policy: three independent choices and their options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// Who is tried first.
    pub order: Order,
    /// Which node is taken.
    pub fit: Fit,
    /// What happens behind one that does not fit.
    pub admission: Admission,
    /// Which cores are taken.
    pub cores: CoreChoice,
    /// Whether a waiting task may evict tasks of lower priority.
    pub preempt: bool,
    /// Whether an attempt that runs longer than its estimate is killed.
    pub kill_overrun: bool,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        let (order, fit) = match name {
            PolicyName::FirstFit => (Order::Arrival, Fit::FirstFit),
            PolicyName::BestFit => (Order::Arrival, Fit::BestFit),
            PolicyName::FirstFitDecreasing => (Order::Decreasing, Fit::FirstFit),
            PolicyName::BestFitDecreasing => (Order::Decreasing, Fit::BestFit),
            PolicyName::L2 => (Order::Arrival, Fit::L2),
            PolicyName::Priority => (Order::Priority, Fit::BestFit),
            PolicyName::NoScheduler => (Order::Arrival, Fit::Pinned),
        };
        Self { order, fit, admission: Admission::Skip, cores: CoreChoice::Lowest, preempt: false, kill_overrun: false }
    }
}

impl fmt::Display for Policy {
    /// The name where one says all, else the choices.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Self { cores: CoreChoice::Lowest, preempt: false, kill_overrun: false, ..*self };
        let mut words: Vec<&str> = match PolicyName::ALL.iter().find(|&&name| Self::from(name) == plain) {
            Some(name) => vec![name.word()],
            None => vec![self.order.word(), self.fit.word(), self.admission.word()],
        };
        words.extend((self.cores == CoreChoice::Topology).then_some("topology"));
        words.extend(self.preempt.then_some("preempt"));
        words.extend(self.kill_overrun.then_some("kill-overrun"));
        f.pad(&words.join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_says_all_is_shown() {
        let best = Policy::from(PolicyName::BestFit);
        assert_eq!(best.to_string(), "best-fit");
        assert_eq!(Policy { admission: Admission::Easy, preempt: true, ..best }.to_string(), "arrival+best-fit+easy+preempt");
    }

    #[test]
    fn words_and_serde_agree() {
        for name in PolicyName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.word());
            assert_eq!(name.word().parse::<PolicyName>().as_ref(), Ok(name));
        }
        assert!("best-fir".parse::<PolicyName>().unwrap_err().to_string().contains("best-fit"));
    }
}
