//! The values of cells: text to numbers, with what is wrong and what would be right.

use std::ops::RangeInclusive;

use model::{Cores, MOST_CORES, Millis};

use crate::sim::input::Fault;

/// A whole number within a range; `12.0` is one too, as some tools write all numbers so.
pub(super) fn whole(text: &str, range: RangeInclusive<u64>) -> Result<u64, Fault> {
    let value = match text.parse::<u64>() {
        Ok(value) => Some(value),
        Err(_) => text.parse::<f64>().ok().filter(|value| *value >= 0.0 && value.fract() == 0.0 && *value < 9e15).map(|value| value as u64),
    };
    value
        .filter(|value| range.contains(value))
        .ok_or_else(|| Fault::Value(format!("`{}` is no whole number from {} to {}", short(text), range.start(), range.end())))
}

/// A number of cores, at least one.
pub(super) fn cores(text: &str) -> Result<Cores, Fault> {
    whole(text, 1..=u64::from(MOST_CORES)).map(|cores| Cores(cores as u32))
}

/// A number within a range.
pub(super) fn real(text: &str, range: RangeInclusive<f64>) -> Result<f64, Fault> {
    text.parse::<f64>()
        .ok()
        .filter(|value| range.contains(value))
        .ok_or_else(|| Fault::Value(format!("`{}` is no number from {} to {}", short(text), range.start(), range.end())))
}

/// A time or span in seconds.
pub(super) fn seconds(text: &str) -> Result<Millis, Fault> {
    text.parse::<f64>()
        .ok()
        .and_then(Millis::from_secs)
        .ok_or_else(|| Fault::Value(format!("`{}` is no time: write seconds from 0 to 1e10", short(text))))
}

/// Yes or no.
pub(super) fn flag(text: &str) -> Result<bool, Fault> {
    match text {
        "true" | "True" | "TRUE" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "0" => Ok(false),
        _ => Err(Fault::Value(format!("`{}` is neither `true` nor `false`", short(text)))),
    }
}

/// As much of a text as an error needs to show.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_nonsense_is_shown() {
        assert_eq!(whole("12.0", 0..=20), Ok(12));
        assert_eq!(cores("64"), Ok(Cores(64)));
        assert_eq!(seconds("475.00000000000006"), Ok(Millis(475_000)));
        for bad in ["-2", "0", "NaN", "1.5", "", "inf", "4097", "two"] {
            let Err(Fault::Value(text)) = cores(bad) else { panic!("{bad} was read") };
            assert!(text.contains(&format!("`{bad}`")), "{text}");
        }
        for bad in ["NaN", "-1", "inf", "1e300", ""] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert!(real("NaN", 0.0..=1.0).is_err() && real("1.01", 0.0..=1.0).is_err());
        assert!(flag("maybe").is_err());
    }
}
