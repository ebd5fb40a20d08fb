//! The jobs worth asking about: those that waited longest, for each run.

use std::cmp::Reverse;

use model::Millis;

use super::super::recording::JobRow;
use super::tables::open_table;
use super::text::{Escaped, NONE, shortened, span, span_beside};
use super::{View, section};

/// How many are listed for each run.
const LISTED: usize = 10;

/// Writes the jobs that waited longest, for each run.
pub(super) fn write(view: &View, page: &mut String) {
    section(page, "longest", "Jobs that waited longest");
    page.push_str(
        "<p class=\"note\"><code>management why JOB --run DIR</code> says what a job waited for. A job that never started has waited until the end.</p>\n<div class=\"grid two tables\">\n",
    );
    for (label, run) in view.runs {
        let waited = |job: &JobRow| match job.started {
            Some(started) => Some(started.since(job.submitted)),
            // It waits still, unless it was stopped or could never run.
            None => (job.ended.is_none() && job.rejected.is_none()).then(|| view.end.since(job.submitted)),
        };
        let mut jobs: Vec<_> = run.jobs.iter().filter_map(|job| waited(job).map(|wait| (wait, job))).collect();
        let rank = |(wait, job): &(Millis, &JobRow)| (Reverse(*wait), job.job);
        if jobs.len() > LISTED {
            jobs.select_nth_unstable_by_key(LISTED, rank);
            jobs.truncate(LISTED);
        }
        jobs.sort_by_key(rank);
        open_table(page, &Escaped(label).to_string(), ["Job", "Name", "Submitted", "Waited", "Ran", "State"].into_iter());
        for (wait, job) in &jobs {
            let ran = job.ended.zip(job.started).map_or_else(|| NONE.into(), |(ended, started)| span(ended.since(started).as_secs()));
            page.push_str(&format!(
                "<tr><th scope=\"row\">{}</th><td class=\"left name\" title=\"{name}\">{}</td><td>{}</td><td>{}</td><td>{ran}</td><td>{}</td></tr>\n",
                job.job,
                Escaped(&shortened(job.name.as_str(), 40)),
                span(view.seconds(job.submitted)),
                span_beside(wait.as_secs(), jobs[0].0.as_secs()),
                job.state,
                name = Escaped(job.name.as_str()),
            ));
        }
        if jobs.is_empty() {
            page.push_str("<tr><td colspan=\"6\">There is no job.</td></tr>\n");
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
    }
    page.push_str("</div>\n</section>\n");
}
