//! The tables of figures: the runs beside each other, and all figures of each.

use super::super::summary::{Spread, Summary};
use super::chart::{colour, hex};
use super::text::{Escaped, count, decimal, percent, span, span_beside};
use super::{View, section};

/// A column of the policy table: its name, its value for sorting, its text, and whether more or less is better.
struct Column {
    name: &'static str,
    value: fn(&Summary) -> f64,
    /// The text of a value, given the column's largest.
    text: fn(f64, f64) -> String,
    better: Option<Better>,
}

enum Better {
    More,
    Less,
}

fn whole(number: f64, _: f64) -> String {
    count(number as u64)
}

fn share(number: f64, _: f64) -> String {
    percent(number)
}

fn plain(number: f64, _: f64) -> String {
    decimal(number)
}

const COLUMNS: [Column; 14] = [
    Column { name: "Completed", value: |s| s.jobs.completed as f64, text: whole, better: Some(Better::More) },
    Column { name: "Failed", value: |s| s.jobs.failed as f64, text: whole, better: None },
    Column { name: "Rejected", value: |s| s.jobs.rejected as f64, text: whole, better: None },
    Column { name: "Unfinished", value: |s| (s.jobs.running + s.jobs.waiting) as f64, text: whole, better: None },
    Column { name: "Mean wait", value: |s| s.wait_s.mean, text: span_beside, better: Some(Better::Less) },
    Column { name: "p95 wait", value: |s| s.wait_s.p95, text: span_beside, better: Some(Better::Less) },
    Column { name: "p95 turnaround", value: |s| s.turnaround_s.p95, text: span_beside, better: Some(Better::Less) },
    Column { name: "Mean bounded slowdown", value: |s| s.bounded_slowdown.mean, text: plain, better: Some(Better::Less) },
    Column { name: "Makespan", value: |s| s.makespan_s, text: span_beside, better: Some(Better::Less) },
    Column { name: "Mean cores in use", value: |s| s.utilisation.cores_mean, text: share, better: None },
    Column { name: "Stranded cores", value: |s| s.fragmentation.stranded_share_mean, text: share, better: Some(Better::Less) },
    Column { name: "Mean nodes in use", value: |s| s.nodes_used.mean, text: plain, better: None },
    Column { name: "Lost tasks", value: |s| s.tasks.lost as f64, text: whole, better: None },
    Column { name: "Duplicated tasks", value: |s| s.tasks.duplicated as f64, text: whole, better: None },
];

/// Writes the policy table: a row a run.
pub(super) fn policies(view: &View, page: &mut String) {
    section(page, "policies", if view.compares() { "Policies compared" } else { "Results" });
    if view.compares() {
        page.push_str("<p class=\"note\">The best value of a column is marked where the runs differ.</p>\n");
    }
    page.push_str("<div class=\"panel scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Policy table\">\n<table>\n<thead><tr><th scope=\"col\">Policy</th>");
    for column in &COLUMNS {
        page.push_str(&format!("<th scope=\"col\">{}</th>", column.name));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (index, (label, run)) in view.runs.iter().enumerate() {
        page.push_str(&format!("<tr><th scope=\"row\">{}{}</th>", swatch(view, index), Escaped(label)));
        for column in &COLUMNS {
            let value = (column.value)(&run.summary);
            let class = if is_best(view, column, value) { " class=\"best\"" } else { "" };
            page.push_str(&format!("<td{class}>{}</td>", (column.text)(value, largest(view, column.value))));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

fn largest(view: &View, value: impl Fn(&Summary) -> f64) -> f64 {
    view.runs.iter().map(|(_, run)| value(&run.summary)).fold(0.0, f64::max)
}

fn is_best(view: &View, column: &Column, value: f64) -> bool {
    let Some(better) = &column.better else { return false };
    let values = || view.runs.iter().map(|(_, run)| (column.value)(&run.summary));
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    low < high && value == if matches!(better, Better::More) { high } else { low }
}

fn swatch(view: &View, index: usize) -> String {
    if !view.compares() {
        return String::new();
    }
    let fill = hex(colour(index));
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect width=\"10\" height=\"10\" rx=\"2\" fill=\"{fill}\"/></svg>"
    )
}

/// Name of a group of figures, and for each figure its name and its text for a run.
type Group = (&'static str, Vec<(&'static str, fn(&Summary) -> String)>);

fn groups() -> [Group; 4] {
    [
        (
            "Jobs",
            vec![
                ("Submitted", |s| count(s.jobs.submitted)),
                ("Completed", |s| count(s.jobs.completed)),
                ("Failed", |s| count(s.jobs.failed)),
                ("Rejected", |s| count(s.jobs.rejected)),
                ("Running at the end", |s| count(s.jobs.running)),
                ("Waiting at the end", |s| count(s.jobs.waiting)),
                ("Input rows skipped", |s| count(s.jobs.skipped)),
            ],
        ),
        (
            "Tasks",
            vec![
                ("Submitted", |s| count(s.tasks.submitted)),
                ("Placed", |s| count(s.tasks.placed)),
                ("Completed", |s| count(s.tasks.completed)),
                ("Failed", |s| count(s.tasks.failed)),
                ("Evicted", |s| count(s.tasks.evicted)),
                ("Migrated", |s| count(s.tasks.migrated)),
                ("Lost with a node", |s| count(s.tasks.lost)),
                ("Duplicated", |s| count(s.tasks.duplicated)),
            ],
        ),
        (
            "Resources",
            vec![
                ("Nodes", |s| count(s.nodes)),
                ("Nodes in use, mean", |s| decimal(s.nodes_used.mean)),
                ("Nodes in use, peak", |s| count(s.nodes_used.peak)),
                ("Cores in use, mean", |s| percent(s.utilisation.cores_mean)),
                ("Cores in use, peak", |s| percent(s.utilisation.cores_peak)),
                ("Memory in use, mean", |s| percent(s.utilisation.memory_mean)),
                ("Stranded cores, mean", |s| decimal(s.fragmentation.stranded_cores_mean)),
                ("Stranded cores, share", |s| percent(s.fragmentation.stranded_share_mean)),
            ],
        ),
        (
            "Run",
            vec![
                ("Makespan", |s| span(s.makespan_s)),
                ("Events", |s| count(s.events)),
                ("Wall-clock time*", |s| span(s.wall_s)),
                ("Events per second*", |s| decimal(s.events_per_s)),
                ("Peak memory, MiB*", |s| decimal(s.peak_rss_bytes as f64 / f64::from(1 << 20))),
            ],
        ),
    ]
}

/// Name of a measure, its spread in a run, and the text of a value given the largest beside it.
type Measure = (&'static str, fn(&Summary) -> Spread, fn(f64, f64) -> String);

/// The measures whose spread is told.
const SPREADS: [Measure; 5] = [
    ("Wait of a job", |s| s.wait_s, span_beside),
    ("Wait of a task", |s| s.task_wait_s, span_beside),
    ("Turnaround", |s| s.turnaround_s, span_beside),
    ("Slowdown", |s| s.slowdown, plain),
    ("Bounded slowdown", |s| s.bounded_slowdown, plain),
];

/// Writes every figure of the summary.
pub(super) fn details(view: &View, page: &mut String) {
    section(page, "figures", "All figures");
    page.push_str("<p class=\"note\">Percentiles are nearest-rank. Figures with * are of the wall clock and the machine, and differ from run to run.</p>\n");
    let class = if view.compares() { "two" } else { "four" };
    page.push_str(&format!("<div class=\"grid {class} tables\">\n"));
    for (name, figures) in groups() {
        let labels = view.runs.iter().map(|(label, _)| label.as_str());
        open_table(page, name, std::iter::once("Figure").chain(labels));
        for (figure, text) in figures {
            let cells = view.runs.iter().map(|(_, run)| text(&run.summary));
            row(page, figure, cells);
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
    }
    page.push_str("</div>\n");
    spreads(view, page);
    page.push_str("</section>\n");
}

/// Name of a figure, and the figure of a spread.
type Figure = (&'static str, fn(&Spread) -> f64);

/// The five figures of a spread.
const FIGURES: [Figure; 5] = [("Mean", |s| s.mean), ("Median", |s| s.p50), ("p95", |s| s.p95), ("p99", |s| s.p99), ("Max", |s| s.max)];

/// A table a measure where runs are compared, else one table of all measures.
fn spreads(view: &View, page: &mut String) {
    let names = || FIGURES.iter().map(|figure| figure.0);
    page.push_str("<div class=\"grid two tables\">\n");
    if let [(_, run)] = view.runs {
        open_table(page, "Distributions", std::iter::once("Measure").chain(names()));
        for (name, spread, text) in SPREADS {
            let spread = spread(&run.summary);
            row(page, name, FIGURES.iter().map(|figure| text((figure.1)(&spread), (figure.1)(&spread))));
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
    } else {
        for (name, spread, text) in SPREADS {
            open_table(page, name, std::iter::once("Policy").chain(names()));
            for (label, run) in view.runs {
                let cell = |(_, value): &Figure| text(value(&spread(&run.summary)), largest(view, |summary| value(&spread(summary))));
                row(page, label, FIGURES.iter().map(cell));
            }
            page.push_str("</tbody>\n</table>\n</div>\n");
        }
    }
    page.push_str("</div>\n");
}

/// Opens a table with its caption and the heads of its columns; a second column called Name holds words.
pub(super) fn open_table<'a>(page: &mut String, caption: &str, columns: impl Iterator<Item = &'a str>) {
    page.push_str(&format!("<div class=\"panel scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table>\n<caption>{caption}</caption>\n<thead><tr>"));
    for column in columns {
        let class = if column == "Name" { " class=\"left\"" } else { "" };
        page.push_str(&format!("<th scope=\"col\"{class}>{}</th>", Escaped(column)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
}

fn row(page: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    page.push_str(&format!("<tr><th scope=\"row\">{}</th>", Escaped(name)));
    for cell in cells {
        page.push_str(&format!("<td>{cell}</td>"));
    }
    page.push_str("</tr>\n");
}
