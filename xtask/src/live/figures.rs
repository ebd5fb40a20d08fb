//! Figures beside what they should be, as a table.

use std::fmt::Write as _;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Aim {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Shown beside the others, to read them by.
    None,
}

/// What was measured, or why it was not.
pub struct Figure {
    /// What it is of.
    pub name: &'static str,
    /// The unit of the figure and of its aim.
    pub unit: &'static str,
    /// The figure.
    pub value: f64,
    /// What it should be.
    pub aim: Aim,
}

impl Aim {
    fn cells(self, value: f64) -> (String, &'static str) {
        let verdict = |met: bool| if met { "met" } else { "missed" };
        match self {
            Self::AtMost(most) => (format!("at most {most}"), verdict(value <= most)),
            Self::AtLeast(least) => (format!("at least {least}"), verdict(value >= least)),
            Self::None => ("-".to_owned(), "-"),
        }
    }
}

/// The table, as Markdown.
pub fn table(figures: &[Figure]) -> String {
    let mut table = "| figure | measured | unit | aim | |\n|---|---:|---|---|---|\n".to_owned();
    for Figure { name, unit, value, aim } in figures {
        let (aim, verdict) = aim.cells(*value);
        let _ = writeln!(table, "| {name} | {value:.3} | {unit} | {aim} | {verdict} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_at_its_aim_meets_it() {
        let of = |value, aim| Figure { name: "x", unit: "s", value, aim };
        let shown = table(&[of(2.0, Aim::AtMost(2.0)), of(1.9, Aim::AtLeast(2.0)), of(1.0, Aim::None)]);
        let verdicts: Vec<&str> = shown.lines().skip(2).filter_map(|line| line.split('|').nth(5)).map(str::trim).collect();
        assert_eq!(verdicts, ["met", "missed", "-"]);
    }
}
