//! Time: whole milliseconds since the start of a simulation or since the Unix epoch, and spans of them.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Deserializer, Serialize};

/// A point in time or a span, in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// The longest span that an input may name, about 317 years: sums of them cannot overflow.
const MOST_SECONDS: f64 = 1e10;

impl Millis {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// Later than every other: stands for never.
    pub const NEVER: Self = Self(u64::MAX);

    /// Seconds to the nearest millisecond; `None` unless finite, not negative and at most 10^10.
    #[must_use]
    pub fn from_secs(seconds: f64) -> Option<Self> {
        (seconds.is_finite() && (0.0..=MOST_SECONDS).contains(&seconds)).then(|| Self((seconds * 1000.0).round() as u64))
    }

    /// The value in seconds.
    #[must_use]
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The span from `earlier`, or zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// The sum; `NEVER` stays `NEVER`.
    #[must_use]
    pub fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span times a factor that is not negative, to the nearest millisecond and at most 10^10 s.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor).round().clamp(0.0, MOST_SECONDS * 1000.0) as u64)
    }

    /// The first multiple of `round` that is later than this.
    #[must_use]
    pub fn next_round(self, round: Self) -> Self {
        Self((self.0 / round.0 + 1) * round.0)
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl AddAssign for Millis {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}
impl Sub for Millis {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs())
    }
}

/// A span as documents write it: seconds as a JSON number, not negative, finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Millis);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Millis::from_secs(seconds)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("{seconds} is no span of time: seconds from 0 to 1e10")))
    }
}

impl Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs())
    }
}

impl schemars::JsonSchema for Seconds {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "A span of time in seconds, to the millisecond", "type": "number", "minimum": 0, "maximum": 1e10})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_to_whole_milliseconds() {
        assert_eq!(Millis::from_secs(1.0006), Some(Millis(1001)));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e11] {
            assert_eq!(Millis::from_secs(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_next_round_is_strictly_later() {
        assert_eq!(Millis(0).next_round(Millis(100)), Millis(100));
        assert_eq!(Millis(100).next_round(Millis(100)), Millis(200));
        assert_eq!(Millis(199).next_round(Millis(100)), Millis(200));
    }
}
