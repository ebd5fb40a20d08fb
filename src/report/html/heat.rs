//! The heat map: used-core ratio by group of nodes and time. Cells are merged into runs of one colour, one path a colour,
//! so that a map of ten thousand cells takes some tens of kilobytes; wide and narrow screens share it.

use std::fmt::Write as _;

use super::super::recording::Heat;
use super::axis::Axis;
use super::chart::{Frame, LABEL};
use super::text::{Escaped, plural, span};
use super::{View, figure, section};

/// Viridis in 16 steps: even in lightness, told apart with every kind of colour vision.
const VIRIDIS: [&str; 16] = [
    "#440154", "#481a6c", "#472f7d", "#414487", "#39568c", "#31688e", "#2a788e", "#23888e", "#1f988b", "#22a884", "#35b779", "#54c568",
    "#7ad151", "#a5db36", "#d2e21b", "#fde725",
];
/// Most rows of a map.
const ROWS: usize = 64;
/// Most columns of a map, and most cells of all maps together.
const COLUMNS: usize = 240;
const CELLS: usize = 48_000;

/// Writes the section.
pub(super) fn write(view: &View, page: &mut String) {
    section(page, "heat", "Cores in use by node over time");
    let unknown = view.runs.iter().any(|(_, run)| run.heat.ratio.iter().flatten().any(|ratio| !ratio.is_finite()));
    page.push_str(&scale(unknown));
    let class = if view.compares() { "grid two" } else { "grid one" };
    page.push_str(&format!("<div class=\"{class}\">\n"));
    for (index, (label, run)) in view.runs.iter().enumerate() {
        let budget = CELLS / view.runs.len();
        let map = Map::of(&run.heat, budget);
        let title = Escaped(label).to_string();
        if map.rows.is_empty() {
            figure(page, &title, "No heat was recorded.", "");
            continue;
        }
        let nodes =
            run.heat.groups.last().map_or(0, |last| last.1.index() + 1) - run.heat.groups.first().map_or(0, |first| first.0.index());
        let column = span(run.heat.bin.as_secs() * map.together as f64);
        let note = format!(
            "{}, in {} over {} of {column}.",
            plural(nodes as u64, "node"),
            plural(map.rows.len() as u64, "row"),
            plural(map.columns as u64, "column")
        );
        figure(page, &title, &note, &map.drawing(view, &run.heat, index));
    }
    page.push_str("</div>\n</section>\n");
}

/// The legend of the colours, with that of cells where nothing is known if there are any.
fn scale(unknown: bool) -> String {
    let mut text = "<p class=\"scale\" role=\"img\" aria-label=\"Colours from dark, 0 %, to bright, 100 % of the cores in use\"><span>0&nbsp;%</span><svg viewBox=\"0 0 16 1\" preserveAspectRatio=\"none\">".to_owned();
    for (index, colour) in VIRIDIS.iter().enumerate() {
        let _ = write!(text, "<rect x=\"{index}\" width=\"1.02\" height=\"1\" fill=\"{colour}\"/>");
    }
    text.push_str("</svg><span>100&nbsp;% of the cores</span>");
    if unknown {
        text.push_str(
            "<span><svg class=\"swatch\" viewBox=\"0 0 1 1\"><rect class=\"empty\" width=\"1\" height=\"1\"/></svg> no node up</span>",
        );
    }
    text.push_str("</p>\n");
    text
}

/// A heat map of a bounded size.
struct Map {
    /// For each row its first and last group, and the mean ratios; NaN where nothing is known.
    rows: Vec<((usize, usize), Vec<f64>)>,
    columns: usize,
    /// Bins averaged into one column.
    together: usize,
}

impl Map {
    fn of(heat: &Heat, budget: usize) -> Self {
        let groups = heat.ratio.len().min(heat.groups.len());
        let bins = heat.ratio[..groups].iter().map(Vec::len).max().unwrap_or(0);
        if bins == 0 {
            return Self { rows: Vec::new(), columns: 0, together: 1 };
        }
        let per_row = groups.div_ceil(ROWS);
        let most = COLUMNS.min(budget / groups.div_ceil(per_row)).max(1);
        let together = bins.div_ceil(most);
        let columns = bins.div_ceil(together);
        let mean = |first: usize, last: usize, column: usize| {
            let bins = column * together..(column + 1) * together;
            let cells = heat.ratio[first..=last].iter().flat_map(|row| row.iter().skip(bins.start).take(bins.len()));
            let (sum, number) =
                cells.filter(|ratio| ratio.is_finite()).fold((0.0, 0u32), |(sum, number), &ratio| (sum + f64::from(ratio), number + 1));
            sum / f64::from(number)
        };
        let row = |first: usize| {
            let last = (first + per_row).min(groups) - 1;
            ((first, last), (0..columns).map(|column| mean(first, last, column)).collect())
        };
        Self { rows: (0..groups).step_by(per_row).map(row).collect(), columns, together }
    }

    /// One path a colour; each stroke is a run of cells.
    fn cells(&self) -> String {
        let mut paths = vec![String::new(); VIRIDIS.len()];
        for (row, (_, ratios)) in self.rows.iter().enumerate() {
            let level = |column: usize| step(ratios[column]);
            let mut start = 0;
            while start < self.columns {
                let end = (start..self.columns).find(|&column| level(column) != level(start)).unwrap_or(self.columns);
                if let Some(level) = level(start) {
                    let _ = write!(paths[level], "M{start} {row}.5h{}", end - start);
                }
                start = end;
            }
        }
        let filled = paths.iter().zip(VIRIDIS).filter(|(path, _)| !path.is_empty());
        filled.map(|(path, colour)| format!("<path stroke=\"{colour}\" d=\"{path}\"/>")).collect()
    }

    fn drawing(&self, view: &View, heat: &Heat, index: usize) -> String {
        let rows = self.rows.len();
        let mut text = format!(
            "<svg width=\"0\" height=\"0\" aria-hidden=\"true\" style=\"position:absolute\"><symbol id=\"heat-{index}\" viewBox=\"0 0 {} {rows}\" preserveAspectRatio=\"none\"><rect class=\"empty\" width=\"{}\" height=\"{rows}\"/><g shape-rendering=\"crispEdges\" stroke-width=\"1.02\">{}</g></symbol></svg>",
            self.columns,
            self.columns,
            self.cells()
        );
        // A single node does not need the height of a thousand.
        let height = (140 + 60 * rows as u32).min(620);
        let wide = if view.compares() { 1300 } else { 2640 };
        for (class, width, height) in [("wide", wide, height), ("narrow", 820, height)] {
            text.push_str(&self.framed(view, heat, index, class, (width, height)));
        }
        text
    }

    fn framed(&self, view: &View, heat: &Heat, index: usize, class: &str, size: (u32, u32)) -> String {
        let start = view.seconds(heat.start);
        let end = start + heat.bin.as_secs() * (self.columns * self.together) as f64;
        let x = Axis::time("time", start, end, (size.0 / 140) as usize);
        let y = Axis::rows("nodes (by number)", self.rows.len());
        let frame = Frame::draw(size, 215, (&x, &y), &[]);
        let (left, top, width, height) = frame.area;
        let mut content = format!("<use href=\"#heat-{index}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>");
        let each = height / self.rows.len() as f64;
        let every = (self.rows.len()).div_ceil(8);
        for (row, ((first, last), _)) in self.rows.iter().enumerate().step_by(every) {
            let middle = top + each * (row as f64 + 0.5);
            let (first, last) = (heat.groups[*first].0, heat.groups[*last].1);
            let name = if first == last { first.to_string() } else { format!("{first}–{}", last.0) };
            let right = left - 12.0;
            let _ = write!(
                content,
                "<text x=\"{right}\" y=\"{middle:.0}\" dy=\"0.35em\" text-anchor=\"end\" font-size=\"{LABEL}\">{name}</text>"
            );
        }
        let label = format!("Heat map of {}: share of cores in use by node over time", view.runs[index].0);
        frame.finish(class, &label, &content)
    }
}

/// The colour of a ratio; none where nothing is known.
fn step(ratio: f64) -> Option<usize> {
    ratio.is_finite().then(|| ((ratio * VIRIDIS.len() as f64) as usize).min(VIRIDIS.len() - 1))
}

#[cfg(test)]
mod tests {
    use model::{Millis, NodeId};

    use super::*;

    fn heat(groups: u32, bins: usize, ratio: impl Fn(u32, usize) -> f32) -> Heat {
        Heat {
            start: Millis(0),
            bin: Millis(1000),
            groups: (0..groups).map(|group| (NodeId(group), NodeId(group))).collect(),
            ratio: (0..groups).map(|group| (0..bins).map(|bin| ratio(group, bin)).collect()).collect(),
        }
    }

    #[test]
    fn equal_neighbours_are_one_stroke_and_unknown_cells_none() {
        let map = Map::of(&heat(1, 4, |_, bin| [0.0, 0.0, 1.0, f32::NAN][bin]), 1000);
        assert_eq!(map.cells(), "<path stroke=\"#440154\" d=\"M0 0.5h2\"/><path stroke=\"#fde725\" d=\"M2 0.5h1\"/>");
    }

    #[test]
    fn a_large_map_is_averaged_down() {
        let map = Map::of(&heat(1000, 5000, |_, bin| (bin % 2) as f32), 10_000);
        assert!(map.rows.len() <= ROWS && map.rows.len() * map.columns <= 10_000);
        assert!(map.rows.iter().all(|(_, ratios)| ratios.iter().all(|ratio| (0.4..0.6).contains(ratio))));
        assert_eq!(map.rows[map.rows.len() - 1].0.1, 999);
    }
}
