//! How many jobs arrive in each time step.

use rand::{Rng, RngExt as _};
use rand_distr::{Distribution as _, Exp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most jobs of one step, so that a slip in a parameter is no endless load.
const MOST_JOBS: u64 = 10_000_000;

/// A process F(t): the number of jobs in step t = 0, 1, 2, ...
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", try_from = "Unchecked")]
pub enum Process {
    /// F(t) = a.
    Steady {
        /// Jobs a step.
        a: u64,
    },
    /// F(t) = ceil(X), X exponential with rate lambda (mean 1 / lambda), drawn anew for each step.
    Bursty {
        /// Rate, above 0.
        lambda: f64,
    },
    /// F(t) = a t + b, to the nearest whole number, and 0 where that is below 0.
    Incremental {
        /// Rise from step to step.
        a: f64,
        /// Jobs in the first step.
        b: f64,
    },
    /// F(t) uniform over the whole numbers from lower to upper, drawn anew for each step.
    Random {
        /// Fewest jobs of a step.
        lower: u64,
        /// Most jobs of a step.
        upper: u64,
    },
}

/// The same before its parameters are checked.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Unchecked {
    /// F(t) = a.
    Steady {
        /// Jobs a step.
        a: u64,
    },
    /// F(t) = ceil(X), X exponential with rate lambda (mean 1 / lambda), drawn anew for each step.
    Bursty {
        /// Rate, above 0.
        lambda: f64,
    },
    /// F(t) = a t + b, to the nearest whole number, and 0 where that is below 0.
    Incremental {
        /// Rise from step to step.
        a: f64,
        /// Jobs in the first step.
        b: f64,
    },
    /// F(t) uniform over the whole numbers from lower to upper, drawn anew for each step.
    Random {
        /// Fewest jobs of a step.
        lower: u64,
        /// Most jobs of a step.
        upper: u64,
    },
}

impl TryFrom<Unchecked> for Process {
    type Error = String;

    fn try_from(unchecked: Unchecked) -> Result<Self, String> {
        match unchecked {
            Unchecked::Steady { a } if a <= MOST_JOBS => Ok(Self::Steady { a }),
            Unchecked::Steady { a } => Err(format!("a is {a}: at most {MOST_JOBS} jobs in a step")),
            Unchecked::Bursty { lambda } if (1e-7..=1e7).contains(&lambda) => Ok(Self::Bursty { lambda }),
            Unchecked::Bursty { lambda } => Err(format!("lambda is {lambda}: it must be from 1e-7 to 1e7")),
            Unchecked::Incremental { a, b } => Ok(Self::Incremental { a, b }),
            Unchecked::Random { lower, upper } if lower <= upper && upper <= MOST_JOBS => Ok(Self::Random { lower, upper }),
            Unchecked::Random { lower, upper } => {
                Err(format!("lower is {lower} and upper {upper}: lower <= upper <= {MOST_JOBS} must hold"))
            }
        }
    }
}

impl Process {
    /// The number of jobs in a step, at most ten million.
    ///
    /// ```
    /// # use wharfinger::stress::Process;
    /// let mut rng = wharfinger::sim::random::substream(1, "load", &[]);
    /// assert_eq!(Process::Incremental { a: 2.0, b: 3.0 }.jobs(4, &mut rng), 11);
    /// ```
    pub fn jobs<R: Rng>(&self, step: u64, rng: &mut R) -> u64 {
        let jobs = match *self {
            Self::Steady { a } => a,
            // The rate was checked when the value was made, so the constructor cannot fail.
            Self::Bursty { lambda } => Exp::new(lambda).map_or(1.0, |exponential| exponential.sample(rng)).ceil() as u64,
            Self::Incremental { a, b } => a.mul_add(step as f64, b).round().max(0.0) as u64,
            Self::Random { lower, upper } => rng.random_range(lower..=upper),
        };
        jobs.min(MOST_JOBS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::random::Stream;

    fn steps(process: Process, count: u64) -> Vec<u64> {
        let stream = Stream::new(3, "test");
        (0..count).map(|step| process.jobs(step, &mut stream.at(&[step]))).collect()
    }

    #[test]
    fn steady_and_incremental_are_what_their_formulas_say() {
        assert_eq!(steps(Process::Steady { a: 5 }, 3), [5, 5, 5]);
        assert_eq!(steps(Process::Incremental { a: 1.5, b: 1.0 }, 4), [1, 3, 4, 6]);
        assert_eq!(steps(Process::Incremental { a: -2.0, b: 3.0 }, 4), [3, 1, 0, 0]);
    }

    #[test]
    fn bursty_has_the_mean_of_a_rounded_up_exponential() {
        // E[ceil(X)] = 1 / (1 - exp(-lambda)), a geometric variable.
        let drawn = steps(Process::Bursty { lambda: 0.2 }, 40_000);
        let mean = drawn.iter().sum::<u64>() as f64 / drawn.len() as f64;
        assert!((mean - 1.0 / (1.0 - (-0.2f64).exp())).abs() < 0.1, "{mean}");
        assert!(drawn.iter().all(|&jobs| jobs >= 1));
    }

    #[test]
    fn random_covers_both_ends() {
        let drawn = steps(Process::Random { lower: 2, upper: 4 }, 1000);
        for jobs in 2..=4 {
            assert!((280..390).contains(&drawn.iter().filter(|&&drawn| drawn == jobs).count()), "{jobs}");
        }
    }

    #[test]
    fn bad_parameters_are_refused() {
        for bad in [
            r#"{"bursty": {"lambda": 0}}"#,
            r#"{"bursty": {"lambda": -1}}"#,
            r#"{"random": {"lower": 5, "upper": 1}}"#,
            r#"{"steady": {"a": -1}}"#,
            r#"{"steady": {"a": 1, "b": 2}}"#,
            r#"{"steady": {"a": 100000000}}"#,
        ] {
            assert!(serde_json::from_str::<Process>(bad).is_err(), "{bad}");
        }
    }
}
