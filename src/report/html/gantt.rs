//! Which job held which cores, in the chosen window: a lane a node, a row a core, a bar a run of a task instance.

use std::cmp::Reverse;
use std::fmt::Write as _;

use model::{CpuSet, JobId, NodeId};

use super::super::recording::{Bar, Gantt, Recording};
use super::axis::Axis;
use super::chart::{Frame, LABEL};
use super::text::{Escaped, count, plural, shortened, span};
use super::{View, figure, section};

/// Most rectangles over all runs: about three quarters of a megabyte.
const RECTANGLES: usize = 4_000;
/// Most lanes of a run.
const LANES: usize = 16;
/// Width of the drawing in its own pixels: a wide screen's, twice.
const WIDTH: u32 = 2_640;

/// Light enough for dark labels on every theme, and told apart with every kind of colour vision; jobs are hashed onto them.
const TINTS: [&str; 10] = ["#5FB7EA", "#E8A317", "#3CB894", "#F0E442", "#DA92BC", "#EE8866", "#88CCEE", "#BBCC33", "#B9A6E0", "#C9B8A0"];

/// Writes the section.
pub(super) fn write(view: &View, page: &mut String) {
    section(page, "gantt", "Core occupancy");
    page.push_str(
        "<p class=\"note\">A lane is a node, a row in it a core, a bar one run of a task; bars of one job have one colour.</p>\n",
    );
    for (index, (label, run)) in view.runs.iter().enumerate() {
        if view.compares() {
            // One chart is tall; the others are a click away.
            let open = if index == 0 { " open" } else { "" };
            page.push_str(&format!("<details{open}><summary>{}</summary>\n", Escaped(label)));
        }
        draw(view, label, run, page);
        if view.compares() {
            page.push_str("</details>\n");
        }
    }
    page.push_str("</section>\n");
}

fn draw(view: &View, label: &str, run: &Recording, page: &mut String) {
    let gantt = &run.gantt;
    if gantt.nodes.is_empty() || gantt.from >= gantt.until {
        figure(page, "No window", "No window was recorded.", "");
        return;
    }
    let lanes = Lanes::of(gantt);
    let start = view.seconds(gantt.from);
    let end = view.seconds(gantt.until);
    let x = Axis::time("time", start, end, 12);
    let y = Axis::rows("nodes (one row a core)", 1);
    let height = lanes.height() + 110.0;
    let frame = Frame::draw((WIDTH, height as u32), 190, (&x, &y), &[]);
    let (content, drawn) = lanes.content(view, run, &x, frame.area);
    let svg = frame.finish("gantt", &format!("Core occupancy of {} under {label}", plural(lanes.nodes.len() as u64, "node")), &content);
    let left_out = gantt.left_out + (gantt.bars.len() - drawn) as u64;
    let title = format!("{} to {}", span(start), span(end));
    let mut note = plural(drawn as u64, "bar");
    if left_out > 0 {
        let _ = write!(note, "; {} more left out", count(left_out));
    }
    if gantt.nodes.len() > lanes.nodes.len() {
        let _ = write!(note, "; {} of {} shown", lanes.nodes.len(), plural(gantt.nodes.len() as u64, "node"));
    }
    note.push('.');
    figure(
        page,
        &title,
        &note,
        &format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Core occupancy, scrollable\">{svg}</div>"),
    );
}

/// The nodes shown, with the height of a core's row and of the gap between lanes, in the drawing's pixels.
struct Lanes {
    nodes: Vec<(NodeId, u32)>,
    row: f64,
    gap: f64,
}

impl Lanes {
    fn of(gantt: &Gantt) -> Self {
        let nodes: Vec<_> = gantt.nodes.iter().take(LANES).map(|(node, cores)| (*node, cores.0.max(1))).collect();
        let rows: u32 = nodes.iter().map(|node| node.1).sum();
        // A row is high enough for a label where there are few, and the whole fits a screen where there are many.
        let row = (1_280.0 / f64::from(rows)).clamp(0.5, 34.0);
        Self { nodes, row, gap: 14.0 }
    }

    fn height(&self) -> f64 {
        self.nodes.iter().map(|node| f64::from(node.1) * self.row + self.gap).sum()
    }

    /// The top of each node's lane, counted from the plotting area's.
    fn tops(&self) -> Vec<(NodeId, f64)> {
        let mut top = self.gap / 2.0;
        let next = |&(node, cores): &(NodeId, u32)| {
            let here = top;
            top += f64::from(cores) * self.row + self.gap;
            (node, here)
        };
        self.nodes.iter().map(next).collect()
    }

    /// Lanes and bars, and how many bars were drawn.
    fn content(&self, view: &View, run: &Recording, x: &Axis, (left, top, width, _): (f64, f64, f64, f64)) -> (String, usize) {
        let mut text = String::new();
        let tops = self.tops();
        for ((node, cores), (_, lane)) in self.nodes.iter().zip(&tops) {
            let (y, height) = (top + lane, f64::from(*cores) * self.row);
            let middle = y + height / 2.0;
            let right = left - 14.0;
            let _ = write!(text, "<rect class=\"lane\" x=\"{left}\" y=\"{y:.1}\" width=\"{width}\" height=\"{height:.1}\"/>");
            let _ =
                write!(text, "<text x=\"{right}\" y=\"{middle:.0}\" dy=\"0.35em\" text-anchor=\"end\" font-size=\"{LABEL}\">{node}</text>");
        }
        text.push_str("<g class=\"bars\">");
        let bars = self.chosen(&run.gantt, RECTANGLES / view.runs.len());
        for bar in &bars {
            let Some(&(_, lane)) = tops.iter().find(|(node, _)| *node == bar.node) else { continue };
            let seconds = |at: model::Millis| view.seconds(at);
            let from = left + width * x.fraction(seconds(bar.from));
            let until = left + width * x.fraction(seconds(bar.until));
            self.bar(&mut text, view, run, bar, (from, until, top + lane));
        }
        text.push_str("</g>");
        (text, bars.len())
    }

    /// The bars on the nodes shown that overlap the window; where they are too many, the longest.
    fn chosen<'a>(&self, gantt: &'a Gantt, budget: usize) -> Vec<&'a Bar> {
        let shown = |bar: &Bar| bar.until >= gantt.from && bar.from <= gantt.until && self.nodes.iter().any(|node| node.0 == bar.node);
        let mut bars: Vec<_> = gantt.bars.iter().enumerate().filter(|(_, bar)| shown(bar)).collect();
        bars.sort_by_key(|(index, bar)| (Reverse(bar.until.since(bar.from)), *index));
        let mut rectangles = 0;
        let within = |(_, bar): &&(usize, &Bar)| {
            rectangles += blocks(&bar.cpuset).len();
            rectangles <= budget
        };
        let number = bars.iter().take_while(within).count();
        bars.truncate(number);
        bars.sort_by_key(|(index, _)| *index);
        bars.into_iter().map(|(_, bar)| bar).collect()
    }

    fn bar(&self, text: &mut String, view: &View, run: &Recording, bar: &Bar, at: (f64, f64, f64)) {
        let (from, until, lane) = at;
        let blocks = blocks(&bar.cpuset);
        let name = name_of(run, bar.task.job);
        let seconds = |at: model::Millis| span(view.seconds(at));
        let tooltip = format!(
            "{} {}, on {} cores {}, {}, {} to {}",
            bar.task,
            shortened(name, 40),
            bar.node,
            shortened(&bar.cpuset.to_string(), 40),
            bar.memory,
            seconds(bar.from),
            seconds(bar.until)
        );
        let width = (until - from).max(1.5);
        let fill = TINTS[hash(bar.task.job) % TINTS.len()];
        let outline = if width > 6.0 && self.row > 3.0 { 2.0 } else { 0.6 };
        let _ = write!(text, "<g fill=\"{fill}\" stroke-width=\"{outline}\"><title>{}</title>", Escaped(&tooltip));
        for (first, number) in &blocks {
            let (y, height) = (lane + f64::from(*first) * self.row, f64::from(*number) * self.row);
            let _ = write!(text, "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>");
        }
        if let Some((first, number)) = blocks.iter().max_by_key(|block| block.1) {
            let height = f64::from(*number) * self.row;
            let size = (height * 0.8).min(24.0);
            let fits = |label: &str| size >= 18.0 && (label.chars().count() as f64) * size * 0.62 + 10.0 < width;
            let id = bar.task.job.to_string();
            if let Some(label) = [name, id.as_str()].into_iter().find(|label| fits(label)) {
                let (x, y) = (from + width / 2.0, lane + f64::from(*first) * self.row + height / 2.0);
                let _ = write!(
                    text,
                    "<text x=\"{x:.0}\" y=\"{y:.1}\" dy=\"0.35em\" text-anchor=\"middle\" stroke=\"none\" font-size=\"{size:.0}\">{}</text>",
                    Escaped(label)
                );
            }
        }
        text.push_str("</g>");
    }
}

/// The job's name, or nothing where the recording does not list it.
fn name_of(run: &Recording, job: JobId) -> &str {
    run.jobs.binary_search_by_key(&job, |row| row.job).map_or("", |index| run.jobs[index].name.as_str())
}

/// Blocks of neighbouring cores, as (first, number).
fn blocks(cpuset: &CpuSet) -> Vec<(u32, u32)> {
    let mut blocks: Vec<(u32, u32)> = Vec::new();
    for core in cpuset.iter() {
        match blocks.last_mut() {
            Some((first, number)) if *first + *number == core => *number += 1,
            _ => blocks.push((core, 1)),
        }
    }
    blocks
}

/// Fibonacci hashing: neighbours in number get colours far apart.
fn hash(job: JobId) -> usize {
    (u64::from(job.0).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpuset_falls_into_blocks() {
        assert_eq!(blocks(&"0-3,8,10-11".parse().unwrap()), [(0, 4), (8, 1), (10, 2)]);
        assert_eq!(blocks(&CpuSet::new()), []);
    }
}
