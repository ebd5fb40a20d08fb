//! The report page: one self-contained HTML file about one run or several. Assembles the sections; each is a file here.
//!
//! The page needs no network and no script, follows the reader's light or dark theme, and is the same, byte for byte,
//! for the same run but for the figures that it marks as wall-clock ones.

mod axis;
mod chart;
mod colophon;
mod distributions;
mod gantt;
mod header;
mod heat;
mod jobs;
mod longest;
mod series;
#[cfg(test)]
mod synthetic;
mod tables;
#[cfg(test)]
mod tests;
mod text;

use jobs::Measure;
use model::Millis;
use text::Escaped;

use super::recording::Recording;

/// What the page tells.
#[derive(Clone, Debug)]
pub struct HtmlReport<'a> {
    /// Heading of the page.
    pub title: &'a str,
    /// Version of the program that ran it.
    pub version: &'a str,
    /// The seed.
    pub seed: u64,
    /// The command line that makes the run again.
    pub command: &'a str,
    /// The configuration, fully resolved.
    pub configuration: &'a serde_json::Value,
    /// The runs with the label of each, usually its policy: one for `simulate`, several to compare.
    pub runs: Vec<(String, &'a Recording)>,
}

/// The page. It stays under about 1.5 MB whatever the runs hold: what is too much is aggregated or left out, and the
/// page says so.
#[must_use]
pub fn render(report: &HtmlReport) -> String {
    let mut page = String::with_capacity(1 << 18);
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.push_str(&format!("<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n", Escaped(report.title), include_str!("style.css")));
    let view = View::of(&report.runs);
    header::write(report, &view, &mut page);
    page.push_str("<main>\n");
    tables::policies(&view, &mut page);
    jobs::write(&view, &mut page);
    distributions::write(&view, &mut page);
    series::write(&view, &mut page);
    heat::write(&view, &mut page);
    gantt::write(&view, &mut page);
    tables::details(&view, &mut page);
    longest::write(&view, &mut page);
    colophon::write(report, &view, &mut page);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// The runs and what all figures share, worked out once.
struct View<'a> {
    runs: &'a [(String, &'a Recording)],
    /// The moment that the figures' time axes count from: the earliest that any run shows.
    origin: Millis,
    /// The moment that they end at: the latest that any run shows.
    end: Millis,
    /// For each measure the times of all jobs of all runs, ascending: what an axis must hold.
    times: [Vec<f64>; 3],
}

impl<'a> View<'a> {
    fn of(runs: &'a [(String, &'a Recording)]) -> Self {
        let moments = runs.iter().flat_map(|(_, run)| {
            let span = Millis(run.series.bin.0.saturating_mul(run.series.used_cores.len() as u64));
            let series = (span > Millis::ZERO).then(|| [run.series.start, run.series.start.plus(span)]);
            let jobs = run.jobs.iter().flat_map(|job| [Some(job.submitted), job.ended].into_iter().flatten());
            series.into_iter().flatten().chain(jobs)
        });
        let (origin, end) = moments.fold((Millis::NEVER, Millis::ZERO), |(least, most), at| (least.min(at), most.max(at)));
        let times = Measure::ALL.map(|measure| measure.sorted(runs.iter().map(|run| run.1)));
        Self { runs, origin: origin.min(end), end, times }
    }

    /// The times of all jobs of all runs by that measure, ascending.
    fn times(&self, measure: Measure) -> &[f64] {
        &self.times[measure as usize]
    }

    /// Seconds from the origin of the time axes.
    fn seconds(&self, at: Millis) -> f64 {
        at.since(self.origin).as_secs()
    }

    /// Whether several runs are compared.
    fn compares(&self) -> bool {
        self.runs.len() > 1
    }
}

/// How many of the jobs a figure shows, in words.
fn sample(view: &View, shown: usize) -> String {
    let jobs: usize = view.runs.iter().map(|(_, run)| run.jobs.len()).sum();
    let over = if view.compares() { format!(" over {} runs", view.runs.len()) } else { String::new() };
    format!("{} of {}{over}", text::count(shown as u64), text::plural(jobs as u64, "job").replace(' ', "\u{a0}"))
}

/// Opens a section under a heading.
fn section(page: &mut String, id: &str, heading: &str) {
    page.push_str(&format!("<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{heading}</h2>\n"));
}

/// A figure with its caption above it. `title` and `note` are HTML.
fn figure(page: &mut String, title: &str, note: &str, drawing: &str) {
    page.push_str(&format!("<figure>\n<figcaption><h3>{title}</h3><p>{note}</p></figcaption>\n{drawing}\n</figure>\n"));
}

/// Which colour is which run; nothing where there is only one.
fn legend(view: &View, page: &mut String) {
    if !view.compares() {
        return;
    }
    page.push_str("<ul class=\"legend\" aria-label=\"Colours\">\n");
    for (index, (label, _)) in view.runs.iter().enumerate() {
        let stroke = chart::hex(chart::colour(index));
        let line = format!("<path d=\"M0 12h72\" stroke=\"{stroke}\" stroke-width=\"7\" fill=\"none\"/>");
        page.push_str(&format!(
            "<li><svg width=\"36\" height=\"12\" viewBox=\"0 0 72 24\" aria-hidden=\"true\">{line}</svg>{}</li>\n",
            Escaped(label)
        ));
    }
    page.push_str("</ul>\n");
}
