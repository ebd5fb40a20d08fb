//! What a play came to, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::api::body::JobSummary;
use crate::cli::shape::facts;
use crate::report::quantity::{Count, Quantity};
use crate::report::recorder::spread;
use crate::report::summary::Spread;
use crate::stress::Played;

/// What a play came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Names the play; its jobs have it in their label `stress`.
    session: String,
    seed: u64,
    /// Not all jobs were sent.
    partial: bool,
    /// Jobs that the process brings.
    planned: u64,
    submitted: u64,
    accepted: u64,
    refused: BTreeMap<String, u64>,
    unanswered: u64,
    took_s: f64,
    accepted_per_s: f64,
    latency_ms: Latency,
    /// How much later than due a job was sent, at most.
    late_ms: f64,
    /// Absent where they were not waited for.
    jobs: Option<Jobs>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// What became of the jobs.
#[derive(Debug, Serialize)]
struct Jobs {
    by_state: BTreeMap<&'static str, u64>,
    /// From submission to the first task's start, of those that started.
    wait_s: Spread,
    /// From submission to the end.
    turnaround_s: Spread,
}

impl Jobs {
    fn of(jobs: &[JobSummary]) -> Self {
        let mut by_state = BTreeMap::new();
        for job in jobs {
            *by_state.entry(job.state.word()).or_default() += 1;
        }
        let of = |until: fn(&JobSummary) -> Option<crate::api::body::Time>| {
            let since = |job: &JobSummary| Some(until(job)?.0.0.saturating_sub(job.submitted_at.0.0) as f64 / 1000.0);
            spread(&mut jobs.iter().filter_map(since).collect::<Vec<f64>>())
        };
        Self { by_state, wait_s: of(|job| job.started_at), turnaround_s: of(|job| job.ended_at) }
    }
}

impl Report {
    /// The report of a play.
    pub fn new(session: String, seed: u64, planned: u64, played: &Played, jobs: Option<Vec<JobSummary>>) -> Self {
        let tally = &played.tally;
        let ms = |span: Duration| (span.as_secs_f64() * 1e6).round() / 1e3;
        let [p50, p95, p99, max] = tally.latency([50.0, 95.0, 99.0, 100.0]).map(ms);
        let took = played.took.as_secs_f64();
        Self {
            session,
            seed,
            partial: !played.whole,
            planned,
            submitted: tally.submitted(),
            accepted: tally.accepted,
            refused: tally.refused.clone(),
            unanswered: tally.unanswered,
            took_s: took,
            accepted_per_s: tally.accepted as f64 / took.max(1e-9),
            latency_ms: Latency { p50, p95, p99, max },
            late_ms: ms(tally.latest),
            jobs: jobs.as_deref().map(Jobs::of),
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let ms = |value: f64| Quantity::Time.show(value / 1000.0);
        let Latency { p50, p95, p99, max } = self.latency_ms;
        let refused = self.refused.iter().map(|(code, count)| format!("{} {code}", Count(*count))).collect::<Vec<_>>().join(", ");
        let shown = |spread: &Spread| {
            let [mean, p50, p95, p99, max] =
                [spread.mean, spread.p50, spread.p95, spread.p99, spread.max].map(|it| Quantity::Time.show(it));
            format!("{mean} on average, {p50} median, {p95} 95 %, {p99} 99 %, {max} at most")
        };
        let by_state = |jobs: &Jobs| jobs.by_state.iter().map(|(state, count)| format!("{} {state}", Count(*count))).collect::<Vec<_>>();
        let text = facts(&[
            ("session", Some(format!("{}, seed {}", self.session, self.seed))),
            (
                "jobs",
                Some(format!("{} of {} submitted in {}", Count(self.submitted), Count(self.planned), Quantity::Time.show(self.took_s))),
            ),
            ("accepted", Some(format!("{}, {:.1} a second", Count(self.accepted), self.accepted_per_s))),
            ("refused", Some(refused).filter(|refused| !refused.is_empty())),
            ("unanswered", (self.unanswered > 0).then(|| Count(self.unanswered).to_string())),
            ("answers", Some(format!("{} median, {} 95 %, {} 99 %, {} at most", ms(p50), ms(p95), ms(p99), ms(max)))),
            ("late", (self.late_ms >= 1.0).then(|| format!("{} at most: the connections were busy", ms(self.late_ms)))),
            ("ended", self.jobs.as_ref().map(|jobs| by_state(jobs).join(", "))),
            ("waits", self.jobs.as_ref().map(|jobs| shown(&jobs.wait_s))),
            ("turnaround", self.jobs.as_ref().map(|jobs| shown(&jobs.turnaround_s))),
        ]);
        if self.partial { format!("PARTIAL: not all jobs were sent\n{text}") } else { text }
    }
}
