//! Distributions of spans of time, as documents write them; drawn with `rand_distr`.

use rand::Rng;
use rand_distr::{Distribution as _, Exp, LogNormal, Pareto, Uniform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Millis, Seconds};

/// A distribution of a span, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", try_from = "Unchecked")]
pub enum Distribution {
    /// Always the same.
    Constant(Seconds),
    /// Exponential with a mean in seconds.
    Exponential {
        /// Mean, seconds.
        mean: f64,
    },
    /// Lognormal: the exponential of a normal variable.
    Lognormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto: heavy tail from a least value.
    Pareto {
        /// Least value, seconds.
        scale: f64,
        /// Tail exponent; the mean is finite above 1.
        shape: f64,
    },
    /// Uniform between two values.
    Uniform {
        /// Least value, seconds.
        low: f64,
        /// Greatest value, seconds.
        high: f64,
    },
}

/// The same before its parameters are checked.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Unchecked {
    Constant(Seconds),
    Exponential { mean: f64 },
    Lognormal { mu: f64, sigma: f64 },
    Pareto { scale: f64, shape: f64 },
    Uniform { low: f64, high: f64 },
}

impl TryFrom<Unchecked> for Distribution {
    type Error = String;

    fn try_from(unchecked: Unchecked) -> Result<Self, String> {
        let positive = |name: &str, value: f64| match value > 0.0 && value <= 1e10 {
            true => Ok(()),
            false => Err(format!("{name} is {value}: it must be above 0 and at most 1e10")),
        };
        match unchecked {
            Unchecked::Constant(seconds) => Ok(Self::Constant(seconds)),
            Unchecked::Exponential { mean } => positive("mean", mean).map(|()| Self::Exponential { mean }),
            Unchecked::Lognormal { mu, sigma } => match mu.abs() <= 23.0 && (0.0..=10.0).contains(&sigma) {
                true => Ok(Self::Lognormal { mu, sigma }),
                false => Err(format!("mu is {mu} and sigma {sigma}: mu must be within 23 of 0, sigma from 0 to 10")),
            },
            Unchecked::Pareto { scale, shape } => {
                positive("scale", scale).and(positive("shape", shape)).map(|()| Self::Pareto { scale, shape })
            }
            Unchecked::Uniform { low, high } => match 0.0 <= low && low <= high && high <= 1e10 {
                true => Ok(Self::Uniform { low, high }),
                false => Err(format!("low is {low} and high {high}: 0 <= low <= high <= 1e10 must hold")),
            },
        }
    }
}

impl Distribution {
    /// The distribution of a span that is `factor` times as long; parameters stay within what a document may say.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let within = |seconds: f64| (seconds * factor).clamp(f64::MIN_POSITIVE, 1e10);
        match self {
            Self::Constant(seconds) => Self::Constant(Seconds(seconds.0.scaled(factor))),
            Self::Exponential { mean } => Self::Exponential { mean: within(mean) },
            Self::Lognormal { mu, sigma } => Self::Lognormal { mu: (mu + factor.ln()).clamp(-23.0, 23.0), sigma },
            Self::Pareto { scale, shape } => Self::Pareto { scale: within(scale), shape },
            Self::Uniform { low, high } => Self::Uniform { low: within(low), high: within(high) },
        }
    }

    /// One draw, to the nearest millisecond, at least 1 ms and at most 10^10 s.
    pub fn draw<R: Rng>(&self, rng: &mut R) -> Millis {
        // The parameters were checked when the value was made, so the constructors cannot fail.
        let seconds = match *self {
            Self::Constant(seconds) => return seconds.0.max(Millis(1)),
            Self::Exponential { mean } => Exp::new(1.0 / mean).map(|d| d.sample(rng)).unwrap_or(mean),
            Self::Lognormal { mu, sigma } => LogNormal::new(mu, sigma).map(|d| d.sample(rng)).unwrap_or(mu.exp()),
            Self::Pareto { scale, shape } => Pareto::new(scale, shape).map(|d| d.sample(rng)).unwrap_or(scale),
            Self::Uniform { low, high } => Uniform::new_inclusive(low, high).map(|d| d.sample(rng)).unwrap_or(low),
        };
        Millis::from_secs(seconds.min(1e10)).unwrap_or(Millis(1)).max(Millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_parameters_are_refused() {
        for bad in [
            r#"{"exponential": {"mean": 0}}"#,
            r#"{"pareto": {"scale": 1, "shape": -1}}"#,
            r#"{"uniform": {"low": 5, "high": 1}}"#,
            r#"{"constant": -1}"#,
            r#"{"lognormal": {"mu": 1, "sigma": 1, "x": 2}}"#,
        ] {
            assert!(serde_json::from_str::<Distribution>(bad).is_err(), "{bad}");
        }
        let parsed: Distribution = serde_json::from_str(r#"{"lognormal": {"mu": 6.2, "sigma": 0.4}}"#).unwrap();
        assert_eq!(parsed, Distribution::Lognormal { mu: 6.2, sigma: 0.4 });
    }

    #[test]
    fn a_scaled_distribution_has_the_scaled_mean() {
        use rand::SeedableRng as _;
        let mean = |distribution: Distribution| {
            let mut rng = rand::rngs::Xoshiro256PlusPlus::seed_from_u64(1);
            (0..20_000).map(|_| distribution.draw(&mut rng).as_secs()).sum::<f64>() / 20_000.0
        };
        for distribution in [
            Distribution::Constant(Seconds(Millis(60_000))),
            Distribution::Exponential { mean: 60.0 },
            Distribution::Lognormal { mu: 4.0, sigma: 0.4 },
            Distribution::Pareto { scale: 20.0, shape: 3.0 },
            Distribution::Uniform { low: 20.0, high: 100.0 },
        ] {
            let ratio = mean(distribution.scaled(2.5)) / mean(distribution);
            assert!((ratio - 2.5).abs() < 0.001, "{distribution:?}: {ratio}");
        }
    }
}
