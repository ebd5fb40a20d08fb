//! Waiting, execution and total time of each job over its submission. Many jobs are aggregated: never a mark a job then.

use model::JobState;

use super::super::recording::{JobRow, Recording};
use super::axis::Axis;
use super::chart::{Chart, Layer, colour};
use super::text::{plural, span};
use super::{View, figure, legend, sample, section};

/// More jobs than this, over all runs, are shown by bins.
const MOST_DOTS: usize = 2_000;
/// More jobs than this, over all runs, have no tooltips.
const MOST_TOOLTIPS: usize = 300;
/// Bins of submission time where jobs are aggregated.
const BINS: usize = 60;

/// One of the three times of a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Waiting,
    Execution,
    Total,
}

impl Measure {
    pub(super) const ALL: [Self; 3] = [Self::Waiting, Self::Execution, Self::Total];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting time",
            Self::Execution => "Execution time",
            Self::Total => "Total time",
        }
    }

    /// What it is, and of which jobs.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Waiting => "from submission to the first running task, of jobs that started",
            Self::Execution => "from the first running task to the end, of completed jobs",
            Self::Total => "from submission to the end, of completed jobs",
        }
    }

    /// The job's time in seconds, where it has one.
    pub(super) fn of(self, job: &JobRow) -> Option<f64> {
        let started = job.started?;
        let ended = job.ended.filter(|_| job.state == JobState::Succeeded);
        let time = match self {
            Self::Waiting => started.since(job.submitted),
            Self::Execution => ended?.since(started),
            Self::Total => ended?.since(job.submitted),
        };
        Some(time.as_secs())
    }

    /// The times of the jobs of some runs, ascending.
    pub(super) fn sorted<'a>(self, runs: impl Iterator<Item = &'a Recording>) -> Vec<f64> {
        let mut values: Vec<_> = runs.flat_map(|run| run.jobs.iter().filter_map(|job| self.of(job))).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

/// Writes the section.
pub(super) fn write(view: &View, page: &mut String) {
    section(page, "jobs", "Times of the jobs");
    let jobs: usize = view.runs.iter().map(|(_, run)| run.jobs.len()).sum();
    let aggregated = jobs > MOST_DOTS;
    page.push_str(match (aggregated, view.compares()) {
        (false, _) => "<p class=\"note\">A dot is a job, at the time of its submission.</p>\n",
        (true, false) => "<p class=\"note\">Jobs are grouped by the time of their submission: the line is the median, the band reaches up to the 95th percentile.</p>\n",
        (true, true) => "<p class=\"note\">Jobs are grouped by the time of their submission: thick lines are medians, thin ones 95th percentiles.</p>\n",
    });
    legend(view, page);
    page.push_str("<div class=\"grid\">\n");
    for measure in Measure::ALL {
        draw(view, measure, aggregated, jobs <= MOST_TOOLTIPS, page);
    }
    page.push_str("</div>\n</section>\n");
}

fn draw(view: &View, measure: Measure, aggregated: bool, tooltips: bool, page: &mut String) {
    let values = view.times(measure);
    let last = view.runs.iter().flat_map(|(_, run)| run.jobs.iter().map(|job| job.submitted)).max();
    let last = last.map_or(0.0, |last| view.seconds(last));
    let mut layers = Vec::new();
    for (index, (_, run)) in view.runs.iter().enumerate() {
        if aggregated {
            layers.extend(binned(view, run, measure, last, index));
        } else {
            layers.push(dots(view, run, measure, tooltips, index));
        }
    }
    let y = Axis::duration(&measure.name().to_lowercase(), values, 6);
    let chart = Chart {
        x: Axis::time("submission", 0.0, last, 6),
        y,
        layers,
        label: format!("{} of {} over the time of their submission", measure.name(), plural(values.len() as u64, "job")),
    };
    let note = format!("{}; {}.", sentence(measure.meaning()), sample(view, values.len()));
    figure(page, measure.name(), &note, &chart.svg());
}

/// The text with a capital at its start.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn dots(view: &View, run: &Recording, measure: Measure, tooltips: bool, index: usize) -> Layer {
    let label = &view.runs[index].0;
    let dot = |job: &JobRow| {
        let time = measure.of(job)?;
        let text = tooltips.then(|| {
            let prefix = if view.compares() { format!("{label}: ") } else { String::new() };
            format!("{prefix}{} {}: {} {}", job.job, job.name, measure.name().to_lowercase(), span(time))
        });
        Some((view.seconds(job.submitted), time, text))
    };
    Layer::Dots { points: run.jobs.iter().filter_map(dot).collect(), colour: colour(index) }
}

fn binned(view: &View, run: &Recording, measure: Measure, last: f64, index: usize) -> Vec<Layer> {
    let width = (last / BINS as f64).max(1e-3);
    let mut bins = vec![Vec::new(); BINS];
    for job in &run.jobs {
        if let Some(time) = measure.of(job) {
            let bin = (view.seconds(job.submitted) / width) as usize;
            bins[bin.min(BINS - 1)].push(time);
        }
    }
    let mut rows = Vec::new();
    for (bin, times) in bins.iter_mut().enumerate().filter(|(_, times)| !times.is_empty()) {
        times.sort_unstable_by(f64::total_cmp);
        rows.push(((bin as f64 + 0.5) * width, nearest_rank(times, 0.5), nearest_rank(times, 0.95)));
    }
    let median = Layer::Line { points: rows.iter().map(|row| (row.0, row.1)).collect(), colour: colour(index), thin: false };
    if view.compares() {
        vec![Layer::Line { points: rows.iter().map(|row| (row.0, row.2)).collect(), colour: colour(index), thin: true }, median]
    } else {
        vec![Layer::Band { points: rows, colour: colour(index) }, median]
    }
}

/// The value at the share's rank of an ascending, non-empty list.
fn nearest_rank(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!([nearest_rank(&values, 0.5), nearest_rank(&values, 0.95), nearest_rank(&values[..1], 0.95)], [10.0, 19.0, 1.0]);
    }
}
