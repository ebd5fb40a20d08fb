//! One kind of axis for every figure: linear, or logarithmic with a short linear stretch so that zero has a place.
//!
//! Ticks carry their own words, so an axis always tells its unit.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::text::{count, trimmed};

/// How much of a logarithmic axis lies between 0 and its smallest decade.
const ZERO_STRETCH: f64 = 0.1;

/// Ticks of a logarithmic axis of durations, in seconds.
const DURATIONS: [(f64, &str); 14] = [
    (0.001, "1 ms"),
    (0.01, "10 ms"),
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (36_000.0, "10 h"),
    (345_600.0, "4 d"),
    (3_456_000.0, "40 d"),
    (31_536_000.0, "1 y"),
    (315_360_000.0, "10 y"),
    (1e10, "317 y"),
];

/// An axis: where a value falls, and which values are named.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What it measures, with the unit.
    pub(super) title: String,
    from: f64,
    to: f64,
    /// The smallest value on the logarithmic part; absent on a linear axis.
    floor: Option<f64>,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Simulated time in the unit that suits the span; bounds in seconds.
    pub(super) fn time(title: &str, from: f64, to: f64, most: usize) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        let (unit, name) = unit_of(to - from);
        Self { title: format!("{title} ({name})"), from, to, floor: None, ticks: ticks(from, to, unit, step_of((to - from) / unit, most)) }
    }

    /// A number of things from 0.
    pub(super) fn count(title: &str, largest: f64, most: usize) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = step_of(largest, most).max(1.0);
        let to = (largest / step).ceil() * step;
        Self { title: title.into(), from: 0.0, to, floor: None, ticks: ticks(0.0, to, 1.0, step) }
    }

    /// A share of 0 to 1, in percent.
    pub(super) fn share(title: &str) -> Self {
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{:.0} %", share * 100.0)));
        Self { title: title.into(), from: 0.0, to: 1.0, floor: None, ticks: ticks.into() }
    }

    /// Indexes of rows from the top; the caller names them.
    pub(super) fn rows(title: &str, rows: usize) -> Self {
        Self { title: title.into(), from: 0.0, to: rows.max(1) as f64, floor: None, ticks: Vec::new() }
    }

    /// Durations from 0, given in ascending order, in seconds; logarithmic where the spread is large.
    pub(super) fn duration(title: &str, sorted: &[f64], most: usize) -> Self {
        let largest = sorted.last().copied().unwrap_or(1.0);
        let positive = &sorted[sorted.partition_point(|&value| value <= 0.0)..];
        let middle = positive.get(positive.len() / 2).copied().unwrap_or(largest);
        if largest <= 20.0 * middle || positive.is_empty() {
            let largest = if largest > 0.0 { largest } else { 1.0 };
            let (unit, name) = unit_of(largest);
            let step = step_of(largest / unit, most);
            let to = (largest / unit / step).ceil() * step * unit;
            return Self { title: format!("{title} ({name})"), from: 0.0, to, floor: None, ticks: ticks(0.0, to, unit, step) };
        }
        // A handful of tiny values must not cost the others half of the axis.
        let small = positive[positive.len() / 100].max(largest / 1e7);
        let floor = DURATIONS.iter().rev().map(|tick| tick.0).find(|&tick| tick <= small).unwrap_or(0.001);
        let named: Vec<_> = DURATIONS.iter().filter(|tick| (floor..=largest).contains(&tick.0)).collect();
        let every = named.len().div_ceil(most.max(1));
        let mut ticks = vec![(0.0, "0".to_owned())];
        ticks.extend(named.iter().step_by(every).map(|tick| (tick.0, tick.1.to_owned())));
        Self { title: format!("{title} (log scale)"), from: 0.0, to: largest.max(floor * 10.0), floor: Some(floor), ticks }
    }

    /// Whether it is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.floor.is_some()
    }

    /// Where the value falls, from 0 to 1; values off the axis fall on its end.
    pub(super) fn fraction(&self, value: f64) -> f64 {
        let fraction = match self.floor {
            None => (value - self.from) / (self.to - self.from),
            Some(floor) if value <= floor => ZERO_STRETCH * value / floor,
            Some(floor) => ZERO_STRETCH + (1.0 - ZERO_STRETCH) * (value / floor).ln() / (self.to / floor).ln(),
        };
        if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) }
    }
}

/// The unit that suits a span of time, in seconds, with its name.
fn unit_of(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s <= 300.0 => (1.0, "s"),
        s if s <= 3.0 * 3600.0 => (60.0, "min"),
        s if s <= 4.0 * 86_400.0 => (3600.0, "h"),
        _ => (86_400.0, "d"),
    }
}

/// The smallest of 1, 2 or 5 times a power of ten that divides the span into at most `most` steps.
fn step_of(span: f64, most: usize) -> f64 {
    let least = span / most.max(1) as f64;
    let decade = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|step| step * decade).find(|&step| step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * decade)
}

/// The multiples of the step within the bounds, named; the step is in `unit`s.
fn ticks(from: f64, to: f64, unit: f64, step: f64) -> Vec<(f64, String)> {
    let first = (from / unit / step - 1e-9).ceil() as i64;
    let last = (to / unit / step + 1e-9).floor() as i64;
    let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    (first..=last)
        .map(|index| {
            let value = index as f64 * step;
            let name = match value.abs() {
                size if size >= 1e6 => format!("{} M", trimmed(format!("{:.2}", value / 1e6))),
                size if size >= 1e3 => count(size.round() as u64),
                _ => format!("{value:.digits$}"),
            };
            (value * unit, name)
        })
        .collect()
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (f64::from(limit.1 - limit.0) * self.fraction(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|tick| tick.0 == *value).map(|tick| tick.1.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(names(&Axis::time("t", 0.0, 7100.0, 6)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(names(&Axis::count("n", 3.0, 6)), ["0", "1", "2", "3"]);
        assert_eq!(names(&Axis::count("n", 1600.0, 5)), ["0", "500", "1,000", "1,500", "2,000"]);
        assert_eq!(names(&Axis::time("t", 0.0, 1.2, 6)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]);
    }

    #[test]
    fn a_large_spread_is_logarithmic_with_a_place_for_zero() {
        let axis = Axis::duration("wait", &[0.0, 0.0, 1.0, 2.0, 100.0], 8);
        assert!(axis.is_log() && axis.title == "wait (log scale)");
        assert_eq!(names(&axis), ["0", "1 s", "10 s", "1 min"]);
        assert_eq!([axis.fraction(0.0), axis.fraction(100.0)], [0.0, 1.0]);
        assert!(axis.fraction(0.5) < axis.fraction(1.0) && axis.fraction(1.0) < axis.fraction(10.0));
    }

    #[test]
    fn no_values_and_odd_values_still_make_an_axis() {
        for axis in
            [Axis::duration("d", &[], 6), Axis::duration("d", &[0.0], 6), Axis::time("t", 5.0, 5.0, 6), Axis::count("n", f64::NAN, 5)]
        {
            assert!(axis.from < axis.to && axis.ticks.len() > 1, "{axis:?}");
        }
        assert_eq!(Axis::share("s").fraction(f64::NAN), 0.0);
    }
}
