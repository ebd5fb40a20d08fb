//! The top of the page: what ran, how it went in one sentence, and what the reader must be warned of.

use super::super::summary::Summary;
use super::text::{Escaped, count, percent, plural, span, span_beside};
use super::{HtmlReport, Recording, View};

/// Sections that the page links to from its top.
const CONTENTS: [(&str, &str); 9] = [
    ("policies", "Results"),
    ("jobs", "Jobs"),
    ("distributions", "Distributions"),
    ("time", "Cluster over time"),
    ("heat", "Heat map"),
    ("gantt", "Core occupancy"),
    ("figures", "All figures"),
    ("longest", "Longest waits"),
    ("configuration", "Configuration"),
];

/// Writes the header.
pub(super) fn write(report: &HtmlReport, view: &View, page: &mut String) {
    page.push_str(&format!("<header>\n<h1>{}</h1>\n", Escaped(report.title)));
    page.push_str(&format!("<p class=\"verdict\">{}</p>\n", verdict(view)));
    for warning in warnings(view) {
        page.push_str(&format!("<p class=\"warn\">{warning}</p>\n"));
    }
    page.push_str(&format!(
        "<p class=\"facts\">Wharfinger {}, seed {}. All times are simulated unless marked as wall-clock ones.</p>\n",
        Escaped(report.version),
        report.seed
    ));
    page.push_str("<nav aria-label=\"Contents\"><ul>\n");
    for (id, name) in CONTENTS {
        page.push_str(&format!("<li><a href=\"#{id}\">{name}</a></li>\n"));
    }
    page.push_str("</ul></nav>\n");
    if let [(_, run)] = view.runs {
        tiles(&run.summary, page);
    }
    page.push_str("</header>\n");
}

fn verdict(view: &View) -> String {
    match view.runs {
        [] => "There is no run to report.".into(),
        [(label, run)] => of_one(label, &run.summary),
        runs => of_several(runs),
    }
}

fn of_one(label: &str, summary: &Summary) -> String {
    if summary.jobs.submitted == 0 {
        return format!("<strong>{}</strong> on {}: no job was submitted.", Escaped(label), plural(summary.nodes, "node"));
    }
    format!(
        "<strong>{}</strong> on {} completed {} of {}; the p95 wait was {}, and {} of the cores were in use on average.",
        Escaped(label),
        plural(summary.nodes, "node"),
        count(summary.jobs.completed),
        plural(summary.jobs.submitted, "job"),
        span(summary.wait_s.p95),
        percent(summary.utilisation.cores_mean),
    )
}

fn of_several(runs: &[(String, &Recording)]) -> String {
    let wait = |run: &(String, &Recording)| run.1.summary.wait_s.p95;
    let by_wait = |a: &&(String, &Recording), b: &&(String, &Recording)| wait(a).total_cmp(&wait(b));
    let (Some(best), Some(worst)) = (runs.iter().min_by(by_wait), runs.iter().max_by(by_wait)) else { return String::new() };
    let summary = &best.1.summary;
    let head = format!("{} on {}:", plural(runs.len() as u64, "run"), plural(summary.nodes, "node"));
    if runs.iter().all(|(_, run)| run.summary.jobs.submitted == 0) {
        return format!("{head} no job was submitted.");
    }
    let comparison = if wait(best) < wait(worst) {
        format!(
            "<strong>{}</strong> completed {} of {} with the lowest p95 wait, {}; <strong>{}</strong> had the highest, {}.",
            Escaped(&best.0),
            count(summary.jobs.completed),
            plural(summary.jobs.submitted, "job"),
            span(wait(best)),
            Escaped(&worst.0),
            span_beside(wait(worst), wait(best)),
        )
    } else {
        format!("the p95 wait was the same in all of them, {}.", span(wait(best)))
    };
    let shares = || runs.iter().map(|(_, run)| run.summary.utilisation.cores_mean);
    let (low, high) = (shares().fold(f64::INFINITY, f64::min), shares().fold(0.0, f64::max));
    format!("{head} {comparison} Between {} and {} of the cores were in use on average.", percent(low), percent(high))
}

fn warnings(view: &View) -> Vec<String> {
    let mut warnings = Vec::new();
    for (label, run) in view.runs {
        let summary = &run.summary;
        let mut warn = |text: String| warnings.push(format!("<strong>{}</strong>: {text}", Escaped(label)));
        if summary.partial {
            warn("the run was interrupted; all figures are of the part before that.".into());
        }
        if summary.tasks.duplicated > 0 {
            warn(format!("{} ran or succeeded twice. This is a bug; please report it.", plural(summary.tasks.duplicated, "task instance")));
        }
        if summary.jobs.skipped > 0 {
            warn(format!("{} of the input gave no job.", plural(summary.jobs.skipped, "row")));
        }
    }
    warnings
}

fn tiles(summary: &Summary, page: &mut String) {
    let jobs = &summary.jobs;
    let share = if jobs.submitted > 0 { percent(jobs.completed as f64 / jobs.submitted as f64) } else { "none submitted".into() };
    let others = [(jobs.failed, "failed"), (jobs.rejected, "rejected"), (jobs.running, "running"), (jobs.waiting, "waiting")];
    let others: Vec<_> = others.iter().filter(|other| other.0 > 0).map(|other| format!("{} {}", count(other.0), other.1)).collect();
    let tiles = [
        ("Jobs completed", count(jobs.completed), if others.is_empty() { share } else { others.join(", ") }),
        ("Wait, p95", span(summary.wait_s.p95), format!("median {}", span(summary.wait_s.p50))),
        ("Turnaround, p95", span(summary.turnaround_s.p95), format!("median {}", span(summary.turnaround_s.p50))),
        ("Cores in use, mean", percent(summary.utilisation.cores_mean), format!("peak {}", percent(summary.utilisation.cores_peak))),
        ("Makespan", span(summary.makespan_s), "first submission to last end".into()),
        (
            "Nodes in use, mean",
            super::text::decimal(summary.nodes_used.mean),
            format!("peak {} of {}", count(summary.nodes_used.peak), count(summary.nodes)),
        ),
    ];
    page.push_str("<dl class=\"tiles\">\n");
    for (name, value, more) in tiles {
        page.push_str(&format!("<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>\n"));
    }
    page.push_str("</dl>\n");
}
