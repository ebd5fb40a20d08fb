//! From what was recorded to the figures of the summary. Formulas: docs/metrics.md.

use model::{Bytes, JobState, Millis, TaskState};

use super::cluster::Reading;
use super::gauges::{Gauge, STRANDED_UNIT};
use super::spread;
use super::tasks::Tasks;
use crate::report::recording::JobRow;
use crate::report::summary::{Fragmentation, JobCounts, MeanPeak, Spread, Summary, TaskCounts, Utilisation};

/// What the carrier knows at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct RunEnd {
    /// When it ended.
    pub time: Millis,
    /// The policy at the start, by its name or its choices.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// Messages, timers and faults that the carrier delivered.
    pub delivered: u64,
    /// BLAKE3 of the event journal.
    pub journal_hash: String,
    /// Wall-clock time, seconds.
    pub wall_s: f64,
    /// Peak resident memory of the process.
    pub peak_rss: Bytes,
    /// Whether the run was interrupted.
    pub partial: bool,
    /// Input rows that gave no job.
    pub skipped: u64,
}

/// Executions shorter than this count as this long in the bounded slowdown (Feitelson and Rudolph, 1998).
const BOUND: Millis = Millis(10_000);

/// All figures.
pub fn summary(end: &RunEnd, nodes: usize, warmup: Millis, jobs: &[JobRow], tasks: &Tasks, reading: &Reading) -> Summary {
    let counted = || jobs.iter().filter(|job| job.submitted >= warmup);
    let completed = || counted().filter_map(execution);
    let of = |values: &mut dyn Iterator<Item = f64>| -> Spread { spread(&mut values.collect::<Vec<_>>()) };
    let ratio = |turnaround: Millis, execution: Millis| turnaround.0 as f64 / execution.0 as f64;
    Summary {
        policy: end.policy.clone(),
        seed: end.seed,
        nodes: nodes as u64,
        jobs: job_counts(jobs, end.skipped),
        tasks: task_counts(jobs, tasks),
        wait_s: of(&mut counted().filter_map(|job| Some(job.started?.since(job.submitted).as_secs()))),
        task_wait_s: of(&mut counted().flat_map(|job| tasks.waits(job.job)).map(Millis::as_secs)),
        turnaround_s: of(&mut completed().map(|(turnaround, _)| turnaround.as_secs())),
        slowdown: of(&mut completed().map(|(turnaround, execution)| ratio(turnaround, execution.max(Millis(1))))),
        bounded_slowdown: of(&mut completed().map(|(turnaround, execution)| ratio(turnaround, execution.max(BOUND)).max(1.0))),
        makespan_s: makespan(jobs).as_secs(),
        utilisation: utilisation(reading),
        fragmentation: fragmentation(reading),
        nodes_used: MeanPeak { mean: mean(reading, Gauge::UsedNodes), peak: reading.peaks.nodes },
        events: end.delivered,
        journal_hash: end.journal_hash.clone(),
        wall_s: end.wall_s,
        events_per_s: if end.wall_s > 0.0 { end.delivered as f64 / end.wall_s } else { 0.0 },
        peak_rss_bytes: end.peak_rss.0,
        partial: end.partial,
    }
}

/// Turnaround and execution time of a completed job.
fn execution(job: &JobRow) -> Option<(Millis, Millis)> {
    let (started, ended) = (job.started?, job.ended?);
    (job.state == JobState::Succeeded).then(|| (ended.since(job.submitted), ended.since(started)))
}

fn job_counts(jobs: &[JobRow], skipped: u64) -> JobCounts {
    let mut counts = JobCounts { submitted: jobs.len() as u64, skipped, ..JobCounts::default() };
    for job in jobs {
        *match job.state {
            JobState::Succeeded => &mut counts.completed,
            JobState::Failed if job.rejected.is_some() => &mut counts.rejected,
            JobState::Failed | JobState::Stopped => &mut counts.failed,
            _ if job.started.is_some() => &mut counts.running,
            _ => &mut counts.waiting,
        } += 1;
    }
    counts
}

fn task_counts(jobs: &[JobRow], tasks: &Tasks) -> TaskCounts {
    let happened = tasks.counts();
    let mut counts = TaskCounts {
        submitted: tasks.submitted(),
        placed: happened.placed,
        evicted: happened.evicted,
        migrated: happened.migrated,
        lost_attempts: happened.lost_attempts,
        duplicated: happened.duplicated,
        ..TaskCounts::default()
    };
    for job in jobs {
        for state in tasks.states(job.job) {
            if state == TaskState::Succeeded {
                counts.completed += 1;
            } else if state == TaskState::Failed || job.rejected.is_some() {
                counts.failed += 1;
            } else if state == TaskState::Lost || (job.state.is_terminal() && !state.is_terminal()) {
                // Nobody will ever say what became of it.
                counts.lost += 1;
            }
        }
    }
    counts
}

fn makespan(jobs: &[JobRow]) -> Millis {
    let first = jobs.iter().map(|job| job.submitted).min();
    let last = jobs.iter().filter_map(|job| job.ended).max();
    first.zip(last).map_or(Millis::ZERO, |(first, last)| last.since(first))
}

fn share(part: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean(reading: &Reading, gauge: Gauge) -> f64 {
    share(reading.totals.of(gauge), u128::from(reading.span.0))
}

fn utilisation(reading: &Reading) -> Utilisation {
    let of = |used, capacity| share(reading.totals.of(used), reading.totals.of(capacity));
    let (used, capacity) = reading.peaks.cores;
    Utilisation {
        cores_mean: of(Gauge::UsedCores, Gauge::CapacityCores),
        cores_peak: share(u128::from(used), u128::from(capacity)),
        memory_mean: of(Gauge::UsedMemory, Gauge::CapacityMemory),
    }
}

fn fragmentation(reading: &Reading) -> Fragmentation {
    let unit = STRANDED_UNIT as f64;
    let stranded = reading.totals.of(Gauge::Stranded);
    Fragmentation {
        stranded_cores_mean: mean(reading, Gauge::Stranded) / unit,
        stranded_share_mean: share(stranded, reading.totals.of(Gauge::CapacityCores)) / unit,
    }
}
