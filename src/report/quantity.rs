//! Figures for human eyes: durations in a fitting unit, shares in per cent, counts with separators.

use std::fmt;

/// A unit of time for display.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    /// In seconds.
    size: f64,
    name: &'static str,
}

/// From this many seconds on, each unit is used.
const UNITS: [(f64, Unit); 4] = [
    (2.0 * 3_600.0, Unit { size: 3_600.0, name: "h" }),
    (120.0, Unit { size: 60.0, name: "min" }),
    (1.0, Unit { size: 1.0, name: "s" }),
    (f64::MIN_POSITIVE, Unit { size: 1e-3, name: "ms" }),
];

fn unit(seconds: f64) -> Unit {
    // Zero has no natural unit; seconds are what it is compared with.
    UNITS.iter().find(|(from, _)| seconds.abs() >= *from).map_or(UNITS[2].1, |(_, unit)| *unit)
}

/// What a figure measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds.
    Time,
    /// 0 to 1, shown in per cent.
    Share,
    /// A number of things, or a ratio.
    Number,
}

impl Quantity {
    /// The figure in the unit that fits it.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        self.show_as(value, value, "")
    }

    /// A difference, with its sign.
    #[must_use]
    pub fn difference(self, value: f64) -> String {
        self.show_as(value, value, "+")
    }

    /// Two ends of a range of differences, in one unit.
    #[must_use]
    pub fn range(self, from: f64, to: f64) -> String {
        let like = if from.abs() > to.abs() { from } else { to };
        let shown = self.show_as(to, like, "+");
        let first = self.show_as(from, like, "+");
        let number = first.split(' ').next().unwrap_or_default();
        format!("{number} to {shown}")
    }

    /// In the unit that fits `like`.
    fn show_as(self, value: f64, like: f64, plus: &str) -> String {
        let (value, name) = match self {
            Self::Time => (value / unit(like).size, unit(like).name),
            Self::Share => (value * 100.0, "%"),
            Self::Number => (value, ""),
        };
        let digits = if value.abs() >= 1_000.0 { 0 } else { usize::from(self != Self::Number || value.fract() != 0.0) };
        let text = grouped(&format!("{:.digits$}", value.abs()));
        let sign = match value {
            _ if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) => "",
            value if value < 0.0 => "\u{2212}",
            _ => plus,
        };
        let space = if name.is_empty() { "" } else { " " };
        format!("{sign}{text}{space}{name}")
    }
}

/// A count with separators, as in `23,871`.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&grouped(&self.0.to_string()))
    }
}

/// Commas between groups of three digits before the point.
fn grouped(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let mut text = String::with_capacity(number.len() + whole / 3);
    for (index, digit) in number.char_indices() {
        if index > 0 && index < whole && (whole - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_fits() {
        let cases =
            [(0.0, "0.0 s"), (0.25, "250.0 ms"), (12.34, "12.3 s"), (180.0, "3.0 min"), (36_000.0, "10.0 h"), (-3.1, "\u{2212}3.1 s")];
        for (seconds, text) in cases {
            assert_eq!(Quantity::Time.show(seconds), text);
        }
    }

    #[test]
    fn ranges_share_a_unit_and_differences_carry_a_sign() {
        assert_eq!(Quantity::Time.range(-4.0, -2.2), "\u{2212}4.0 to \u{2212}2.2 s");
        assert_eq!(Quantity::Time.range(-0.5, 180.0), "0.0 to +3.0 min");
        assert_eq!(Quantity::Share.difference(0.031), "+3.1 %");
        assert_eq!(Quantity::Number.difference(0.0), "0");
        assert_eq!(Quantity::Number.show(12_345.0), "12,345");
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
    }
}
