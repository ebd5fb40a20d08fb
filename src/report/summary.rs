//! The figures of a run, with the JSON fields that others rely on. Formulas: docs/metrics.md.

use serde::{Deserialize, Serialize};

/// The figures of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The policy, by its name or its choices.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// How many nodes the cluster has.
    pub nodes: u64,
    /// Jobs by outcome; `submitted` is the sum of the next five.
    pub jobs: JobCounts,
    /// Task instances and what happened to them.
    pub tasks: TaskCounts,
    /// From a job's submission to its first running task, seconds.
    pub wait_s: Spread,
    /// From a task instance's becoming ready to its first start, seconds.
    pub task_wait_s: Spread,
    /// From a completed job's submission to its end, seconds.
    pub turnaround_s: Spread,
    /// Turnaround over execution time of completed jobs.
    pub slowdown: Spread,
    /// The same with the execution time taken as at least 10 s, and at least 1.
    pub bounded_slowdown: Spread,
    /// From the first submission to the last end, seconds.
    pub makespan_s: f64,
    /// Reserved share of the capacity.
    pub utilisation: Utilisation,
    /// Free cores that lack their share of memory.
    pub fragmentation: Fragmentation,
    /// Nodes that hold a task.
    pub nodes_used: MeanPeak,
    /// Messages, timers and faults that the carrier delivered.
    pub events: u64,
    /// BLAKE3 of the event journal.
    pub journal_hash: String,
    /// Wall-clock time of the run, seconds.
    pub wall_s: f64,
    /// `events` over `wall_s`.
    pub events_per_s: f64,
    /// Peak resident memory of the process, bytes.
    pub peak_rss_bytes: u64,
    /// Whether the run was interrupted.
    pub partial: bool,
}

/// Jobs by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    /// Jobs that the FrontEnd saw.
    pub submitted: u64,
    /// All tasks succeeded.
    pub completed: u64,
    /// Ended otherwise, stopped ones included.
    pub failed: u64,
    /// No node could ever hold one of its tasks.
    pub rejected: u64,
    /// Had started and not ended.
    pub running: u64,
    /// Had not started.
    pub waiting: u64,
    /// Input rows that gave no job; not in `submitted`.
    pub skipped: u64,
}

/// Task instances and what happened to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Instances of all submitted jobs.
    pub submitted: u64,
    /// Reservations made: retries and moves count again.
    pub placed: u64,
    /// Instances that succeeded.
    pub completed: u64,
    /// Instances that failed, rejected ones included.
    pub failed: u64,
    /// Runs that the system stopped (preempted, drained, rolled back).
    pub evicted: u64,
    /// Completed moves.
    pub migrated: u64,
    /// Instances of which nobody will ever say what became of them: always 0, or it is our bug.
    pub lost: u64,
    /// Attempts whose outcome was lost with their node; the instance got another attempt, or failed.
    #[serde(default)]
    pub lost_attempts: u64,
    /// Instances that ran twice at once or succeeded twice: always 0, or it is our bug.
    pub duplicated: u64,
}

/// A distribution in five figures; 0 where there is nothing to count. Percentiles are nearest-rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// Reserved share of the capacity, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Utilisation {
    /// Time-weighted mean over cores.
    pub cores_mean: f64,
    /// Largest share of cores at any moment.
    pub cores_peak: f64,
    /// Time-weighted mean over memory.
    pub memory_mean: f64,
}

/// Free cores that lack their share of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fragmentation {
    /// Time-weighted mean of stranded cores.
    pub stranded_cores_mean: f64,
    /// Time-weighted mean of stranded cores over all task cores.
    pub stranded_share_mean: f64,
}

/// A mean and a peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanPeak {
    /// Time-weighted mean.
    pub mean: f64,
    /// Largest at any moment.
    pub peak: u64,
}
