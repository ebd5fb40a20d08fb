//! Quantities with their units: whole cores and bytes. Choices are exact, so both are integers.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);

            /// The difference, or zero where `other` is larger.
            #[must_use]
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                Self(iter.map(|q| q.0).sum())
            }
        }
    };
}

quantity!(
    /// A number of whole cores (logical CPUs).
    #[derive(Deserialize, schemars::JsonSchema)]
    Cores(u32)
);
quantity!(
    /// An amount of memory in bytes. Text uses Docker's meaning of the units: powers of 1024.
    ///
    /// ```
    /// # use model::Bytes;
    /// assert_eq!("4g".parse(), Ok(Bytes(4 << 30)));
    /// assert_eq!("22245426 kB".parse(), Ok(Bytes(22_245_426 << 10)));
    /// assert!("-1m".parse::<Bytes>().is_err());
    /// ```
    Bytes(u64)
);

/// The most memory that a node or a task may name: 1 EiB, so that sums cannot overflow.
const MOST_BYTES: u64 = 1 << 60;

/// Why a text or number is no amount of memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no amount of memory: write a number with b, k, m, g or t, as in `512m` or `64GiB` (powers of 1024, at most 1 EiB)")]
pub struct BadBytes {
    text: String,
}

impl FromStr for Bytes {
    type Err = BadBytes;

    fn from_str(text: &str) -> Result<Self, BadBytes> {
        let bad = || BadBytes { text: text.chars().take(40).collect() };
        let bytes = parse_size::Config::new().with_binary().parse_size(text.trim()).map_err(|_| bad())?;
        if bytes > MOST_BYTES { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Bytes {
    /// The largest unit that is exact, else MiB with one decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        if self.0 == 0 {
            return f.write_str("0 B");
        }
        if let Some((unit, name)) = UNITS.iter().find(|(unit, _)| self.0.is_multiple_of(*unit)) {
            return write!(f, "{} {name}", self.0 / unit);
        }
        if self.0 >= 1 << 20 {
            return write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20));
        }
        write!(f, "{} B", self.0)
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} core{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes as a whole number, or text such as `512m` or `64GiB`")
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Bytes, E> {
                if bytes > MOST_BYTES { Err(E::custom("more than 1 EiB of memory")) } else { Ok(Bytes(bytes)) }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                text.parse().map_err(E::custom)
            }
        }
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(Amount),
            false => deserializer.deserialize_u64(Amount),
        }
    }
}

impl schemars::JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An amount of memory: bytes as a number, or a number with b, k, m, g or t (powers of 1024), as in `512m` or `64GiB`",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MOST_BYTES},
                {"type": "string", "pattern": "^ *[0-9][0-9_. ]*[eE0-9]* *([kKmMgGtTpP]?[iI]?[bB]?) *$"}
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_units_are_powers_of_1024() {
        for (text, bytes) in [("10m", 10 << 20), ("64GiB", 64 << 30), ("1kb", 1024), ("512", 512), ("21724.0m", 21_724 << 20)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for text in ["-1m", "1e99g", "NaN", "", "64QiB", "g", "0x10"] {
            let error = text.parse::<Bytes>().unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn display_is_exact_where_it_can_be() {
        assert_eq!(Bytes(64 << 30).to_string(), "64 GiB");
        assert_eq!(Bytes(1536 << 20).to_string(), "1536 MiB");
        assert_eq!(Bytes(0).to_string(), "0 B");
    }
}
