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
    header::write(report, &mut page);
    page.push_str("<main>\n");
    tables::policies(report, &mut page);
    jobs::write(report, &mut page);
    distributions::write(report, &mut page);
    series::write(report, &mut page);
    heat::write(report, &mut page);
    gantt::write(report, &mut page);
    tables::details(report, &mut page);
    longest::write(report, &mut page);
    colophon::write(report, &mut page);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

impl HtmlReport<'_> {
    /// The moment that the figures' time axes count from: the earliest that any run shows.
    fn origin(&self) -> Millis {
        let starts = self.runs.iter().flat_map(|(_, run)| {
            let series = (!run.series.used_cores.is_empty()).then_some(run.series.start);
            series.into_iter().chain(run.jobs.iter().map(|job| job.submitted))
        });
        starts.min().unwrap_or_default()
    }

    /// The moment that the figures' time axes end at, in seconds from the origin.
    fn last_moment(&self) -> f64 {
        let origin = self.origin();
        let ends = self.runs.iter().flat_map(|(_, run)| {
            let series = Millis(run.series.bin.0.saturating_mul(run.series.used_cores.len() as u64));
            let jobs = run.jobs.iter().flat_map(|job| [Some(job.submitted), job.ended].into_iter().flatten());
            std::iter::once(run.series.start.plus(series)).chain(jobs)
        });
        ends.max().map_or(0.0, |end| end.since(origin).as_secs())
    }

    /// Whether several runs are compared.
    fn compares(&self) -> bool {
        self.runs.len() > 1
    }
}

/// How many jobs a figure shows, in words.
fn sample(report: &HtmlReport, values: usize) -> String {
    let number = text::count(values as u64);
    if report.compares() { format!("n\u{a0}=\u{a0}{number} over {} runs", report.runs.len()) } else { format!("n\u{a0}=\u{a0}{number}") }
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
fn legend(report: &HtmlReport, page: &mut String) {
    if !report.compares() {
        return;
    }
    page.push_str("<ul class=\"legend\" aria-label=\"Colours\">\n");
    for (index, (label, _)) in report.runs.iter().enumerate() {
        let stroke = chart::hex(chart::colour(index));
        let line = format!("<path d=\"M0 12h72\" stroke=\"{stroke}\" stroke-width=\"7\" fill=\"none\"/>");
        page.push_str(&format!(
            "<li><svg width=\"36\" height=\"12\" viewBox=\"0 0 72 24\" aria-hidden=\"true\">{line}</svg>{}</li>\n",
            Escaped(label)
        ));
    }
    page.push_str("</ul>\n");
}
