//! The cluster over time: what waits, what runs, and how much of the cores is in use.

use model::Millis;

use super::super::recording::{Recording, Series};
use super::axis::Axis;
use super::chart::{Chart, Layer, PALETTE, colour};
use super::text::{Escaped, count, plural, shortened, span};
use super::{View, figure, legend, section};

/// Most points of a line.
const POINTS: usize = 240;
/// Most marks drawn and listed; many more would hide the lines.
const MARKS: usize = 24;

/// Writes the section.
pub(super) fn write(view: &View, page: &mut String) {
    section(page, "time", "Cluster over time");
    page.push_str("<p class=\"note\">Values are time-weighted means over bins of equal width.</p>\n");
    legend(view, page);
    page.push_str("<div class=\"grid\">\n");
    draw(view, page, "Queue length", "Ready task instances that wait for a place.", "waiting tasks", |series| &series.waiting_tasks);
    draw(view, page, "Running tasks", "Running task instances.", "running tasks", |series| &series.running_tasks);
    let marks = cores(view, page);
    page.push_str("</div>\n");
    list(view, &marks, page);
    page.push_str("</section>\n");
}

fn draw(view: &View, page: &mut String, title: &str, note: &str, unit: &str, values: fn(&Series) -> &[f64]) {
    let lines: Vec<_> = view.runs.iter().map(|(_, run)| line(view, &run.series, values(&run.series))).collect();
    let largest = largest(lines.iter());
    let layers = lines.into_iter().enumerate().map(|(index, points)| Layer::Line { points, colour: colour(index), thin: false }).collect();
    let chart = Chart {
        x: Axis::time("time", 0.0, view.seconds(view.end), 6),
        y: Axis::count(&format!("{unit} (number)"), largest, 5),
        layers,
        label: format!("{title} over time; at most {}", count(largest.round() as u64)),
    };
    figure(page, title, note, &chart.svg());
}

/// A run's mark that the figure of cores shows.
struct Mark<'a> {
    at: Millis,
    text: &'a str,
}

fn cores<'a>(view: &'a View, page: &mut String) -> Vec<Mark<'a>> {
    let used: Vec<_> = view.runs.iter().map(|(_, run)| line(view, &run.series, &run.series.used_cores)).collect();
    let mut capacity: Vec<_> = view.runs.iter().map(|(_, run)| line(view, &run.series, &run.series.capacity_cores)).collect();
    // Paired runs usually have one capacity; a line a run would hide all but the last.
    let shared = capacity.windows(2).all(|pair| pair[0] == pair[1]);
    capacity.truncate(if shared { 1 } else { capacity.len() });
    let largest = largest(used.iter().chain(&capacity));
    let mut layers = Vec::new();
    for (index, points) in capacity.into_iter().enumerate() {
        layers.push(Layer::Line { points, colour: if shared { PALETTE[PALETTE.len() - 1] } else { colour(index) }, thin: true });
    }
    for (index, points) in used.into_iter().enumerate() {
        layers.push(Layer::Line { points, colour: colour(index), thin: false });
    }
    let marks = marks(view);
    for mark in marks.iter().take(MARKS) {
        let seconds = view.seconds(mark.at);
        layers.push(Layer::Mark { x: seconds, text: format!("{}: {}", span(seconds), shortened(mark.text, 120)) });
    }
    let chart = Chart {
        x: Axis::time("time", 0.0, view.seconds(view.end), 6),
        y: Axis::count("cores (number)", largest, 5),
        layers,
        label: format!("Cores in use over time, of at most {} cores that are up", count(largest.round() as u64)),
    };
    let note = if marks.is_empty() { "" } else { " Dashed: events, listed below." };
    figure(page, "Cores in use", &format!("Reserved cores; thin: cores of the nodes that are up.{note}"), &chart.svg());
    marks
}

/// The marks of all runs, each once, in time order.
fn marks<'a>(view: &'a View) -> Vec<Mark<'a>> {
    let of = |run: &'a Recording| run.marks.iter().map(|(at, text)| (*at, text.as_str()));
    let mut marks: Vec<_> = view.runs.iter().flat_map(|(_, run)| of(run)).collect();
    marks.sort_unstable();
    marks.dedup();
    marks.into_iter().map(|(at, text)| Mark { at, text }).collect()
}

fn list(view: &View, marks: &[Mark], page: &mut String) {
    if marks.is_empty() {
        return;
    }
    page.push_str("<h3>Events</h3>\n<ol class=\"marks\">\n");
    for mark in marks.iter().take(MARKS) {
        let text = shortened(mark.text, 200);
        page.push_str(&format!("<li>{}: {}</li>\n", span(view.seconds(mark.at)), Escaped(&text)));
    }
    page.push_str("</ol>\n");
    if let Some(more) = marks.len().checked_sub(MARKS).filter(|&more| more > 0) {
        page.push_str(&format!("<p class=\"note\">{} later on left out here.</p>\n", plural(more as u64, "event")));
    }
}

/// The bins as points at their middles, in seconds from the origin; neighbours are averaged where there are too many.
fn line(view: &View, series: &Series, values: &[f64]) -> Vec<(f64, f64)> {
    let together = values.len().div_ceil(POINTS).max(1);
    let start = view.seconds(series.start);
    let width = series.bin.as_secs();
    let point = |(index, bins): (usize, &[f64])| {
        let finite = || bins.iter().copied().filter(|value| value.is_finite());
        let number = finite().count();
        let middle = start + width * ((index * together) as f64 + bins.len() as f64 / 2.0);
        (number > 0).then(|| (middle, finite().sum::<f64>() / number as f64))
    };
    values.chunks(together).enumerate().filter_map(point).collect()
}

fn largest<'a>(lines: impl Iterator<Item = &'a Vec<(f64, f64)>>) -> f64 {
    lines.flatten().map(|point| point.1).fold(0.0, f64::max)
}
