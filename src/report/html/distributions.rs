//! How the jobs' times are distributed: the share of jobs at or below a time, all runs overlaid.

use super::axis::Axis;
use super::chart::{Chart, Layer, colour};
use super::jobs::Measure;
use super::text::count;
use super::{View, figure, legend, sample, section};

/// Distinct values that a curve goes through; a jump needs two points, so a curve has at most twice as many.
const VALUES: usize = 100;
/// A rise smaller than this within one value is not drawn as a jump: a quarter of a pixel.
const JUMP: f64 = 0.001;

/// Writes the section.
pub(super) fn write(view: &View, page: &mut String) {
    section(page, "distributions", "Distributions of the jobs' times");
    page.push_str(
        "<p class=\"note\">The share of jobs whose time is at most the value below it (CDF): a curve further to the left is better.</p>\n",
    );
    page.push_str("<div class=\"curves\">\n");
    legend(view, page);
    page.push_str("<div class=\"grid\">\n");
    for measure in Measure::ALL {
        let all = view.times(measure);
        let mut layers = Vec::new();
        for (index, (_, run)) in view.runs.iter().enumerate() {
            let own = view.compares().then(|| measure.sorted(std::iter::once(*run)));
            layers.push(Layer::Line { points: curve(own.as_deref().unwrap_or(all)), colour: colour(index), thin: false });
        }
        let x = Axis::duration(&measure.name().to_lowercase(), all, 7);
        let scale = if x.is_log() { "Logarithmic above the first mark after 0, linear below it" } else { "Linear" };
        let chart = Chart {
            x,
            y: Axis::share("share of jobs (%)"),
            layers,
            label: format!("Cumulative distribution of the {} of {} jobs", measure.name().to_lowercase(), count(all.len() as u64)),
        };
        figure(page, measure.name(), &format!("{scale}; {}.", sample(view, all.len())), &chart.svg());
    }
    page.push_str("</div>\n</div>\n</section>\n");
}

/// The empirical distribution of ascending values as a line of at most 200 points.
fn curve(sorted: &[f64]) -> Vec<(f64, f64)> {
    let ranks = sorted.len().min(VALUES);
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(2 * ranks);
    for rank in 0..ranks {
        // The first and the last value always belong to it.
        let index = if ranks > 1 { rank * (sorted.len() - 1) / (ranks - 1) } else { 0 };
        let value = sorted[index];
        if points.last().is_some_and(|last| last.0 == value) {
            continue;
        }
        let share = |number: usize| number as f64 / sorted.len() as f64;
        let below = share(sorted.partition_point(|&other| other < value));
        let upto = share(sorted.partition_point(|&other| other <= value));
        if upto - below > JUMP {
            points.push((value, below));
        }
        points.push((value, upto));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_make_exact_steps() {
        assert_eq!(curve(&[1.0, 1.0, 3.0, 4.0]), [(1.0, 0.0), (1.0, 0.5), (3.0, 0.5), (3.0, 0.75), (4.0, 0.75), (4.0, 1.0)]);
        assert_eq!(curve(&[]), []);
    }

    #[test]
    fn many_values_make_few_points_from_least_to_largest() {
        let values: Vec<f64> = (0..100_000).map(f64::from).collect();
        let points = curve(&values);
        assert!(points.len() <= 200);
        assert_eq!((points[0].0, points[points.len() - 1]), (0.0, (99_999.0, 1.0)));
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
    }
}
