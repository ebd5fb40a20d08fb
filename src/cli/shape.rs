//! How answers of a live system are printed: tables for people, JSON for programs. What the server says is shown without control
//! characters, so that no name can move a terminal's cursor.

use clap::ValueEnum;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use model::Bytes;
use serde::Serialize;

use super::failure::Failure;
use super::terminal;
use crate::api::body::Time;
use crate::report::quantity::Quantity;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// For people.
    #[default]
    Table,
    /// For programs; the API's own fields.
    Json,
}

impl Shape {
    /// Prints an answer.
    pub fn print<T: Serialize>(self, answer: &T, table: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        terminal::print(&match self {
            Self::Table => table(answer),
            Self::Json => format!("{:#}\n", serde_json::to_value(answer).expect("bodies are plain data, which JSON writes")),
        })
    }
}

/// A table; the columns that are named `right` hold figures.
pub fn grid(header: &[&str], right: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    let rows = rows.into_iter().map(|row| row.into_iter().map(|cell| plain(&cell)).collect::<Vec<_>>());
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.to_vec()).add_rows(rows);
    for (name, column) in header.iter().zip(table.column_iter_mut()) {
        if right.contains(name) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// Lines of a name and what it is; those without are left out.
pub fn facts(facts: &[(&str, Option<String>)]) -> String {
    let shown: Vec<_> = facts.iter().filter_map(|(name, fact)| Some((name, fact.as_ref()?))).collect();
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    shown.into_iter().map(|(name, fact)| format!("{name:<width$}  {}\n", plain(fact))).collect()
}

/// A text without control characters.
pub fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// A time to the second, UTC.
pub fn moment(time: Time) -> String {
    let text = time.to_string();
    format!("{} {}", &text[..10], &text[11..19])
}

/// How long it was between two times; nothing where one of them is not.
pub fn span(from: Option<Time>, until: Option<Time>) -> String {
    let (Some(from), Some(until)) = (from, until) else { return String::new() };
    Quantity::Time.show(until.0.0.saturating_sub(from.0.0) as f64 / 1000.0)
}

/// An amount of memory.
pub fn memory(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

/// Labels, as they are asked for.
pub fn labels(labels: &std::collections::BTreeMap<String, String>) -> String {
    labels.iter().map(|(label, value)| format!("{label}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Millis;

    #[test]
    fn figures_are_short_and_names_harmless() {
        assert_eq!(moment(Time(Millis(1_768_469_400_120))), "2026-01-15 09:30:00");
        assert_eq!(plain("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(facts(&[("a", Some("1".into())), ("long", None), ("bc", Some("2".into()))]), "a   1\nbc  2\n");
    }
}
