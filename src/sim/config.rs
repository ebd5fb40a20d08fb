//! What a simulation is told, fully resolved: every default filled in, every name checked.

use std::sync::Arc;

use model::{JobSpec, Millis, NodeId, NodeSpec, Operation, Policy, Progress};
use serde::Serialize;

/// Everything but the jobs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The nodes; a node's id is its place in the list.
    pub nodes: Vec<Arc<NodeSpec>>,
    /// The policy at the start.
    pub policy: Policy,
    /// The seed of every substream.
    pub seed: u64,
    /// How long things take.
    pub timing: Timing,
    /// What happens at fixed times, in time order.
    pub script: Vec<(Millis, Deed)>,
    /// Failures at random times.
    pub failures: Option<RandomFailures>,
    /// Estimates made for tasks that have none: true duration times exp(error x standard normal). 0 = exact.
    pub estimate_error: Option<f64>,
    /// When the clock starts: 0, or the time of a saved state.
    pub start: Millis,
    /// When the simulation ends; absent: when nothing is left to happen.
    pub until: Option<Millis>,
}

/// How long things take, all in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Timing {
    /// The JobManager's round.
    pub round: Millis,
    /// One-way latency of a message between machines.
    pub latency: Millis,
    /// Uniform addition to the latency, 0 to this.
    pub jitter: Millis,
    /// Between a worker's heartbeats.
    pub heartbeat: Millis,
    /// From the last heartbeat to the node's being lost.
    pub lease: Millis,
    /// From a start order to a running task.
    pub start_delay: Millis,
    /// What moving a task costs.
    pub migration: Migration,
}

/// What moving a task costs. Downtime = checkpoint + transfer + restore.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Migration {
    /// Fixed part of a checkpoint.
    pub checkpoint: Millis,
    /// Checkpoint time for each GiB of the task's memory.
    pub checkpoint_per_gib: Millis,
    /// Transfer time for each GiB.
    pub transfer_per_gib: Millis,
    /// Fixed part of a restore.
    pub restore: Millis,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            round: Millis(100),
            latency: Millis::ZERO,
            jitter: Millis::ZERO,
            heartbeat: Millis(200),
            lease: Millis(10_000),
            start_delay: Millis::ZERO,
            migration: Migration {
                checkpoint: Millis(300),
                checkpoint_per_gib: Millis(2_000),
                transfer_per_gib: Millis(1_000),
                restore: Millis(500),
            },
        }
    }
}

/// What happens at a fixed time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The node dies with everything on it.
    Fail(NodeId),
    /// It comes back, empty.
    Repair(NodeId),
    /// Somebody operates the cluster.
    Operate(Operation),
}

/// Failures and repairs at exponential times, on every node independently.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RandomFailures {
    /// Mean time from a node's being up to its failure, seconds.
    pub mttf_s: f64,
    /// Mean time from its failure to its repair, seconds.
    pub mttr_s: f64,
}

/// A job and when it arrives.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When the FrontEnd sees it. Never earlier than the arrival before it.
    pub at: Millis,
    /// When it was first submitted; earlier than `at` only for jobs of a saved state.
    pub submitted: Millis,
    /// The job.
    pub spec: JobSpec,
    /// What a saved state knows of its instances; empty for a new job.
    pub progress: Vec<Progress>,
}

impl Arrival {
    /// A new job, submitted when it arrives.
    #[must_use]
    pub fn new(at: Millis, spec: JobSpec) -> Self {
        Self { at, submitted: at, spec, progress: Vec::new() }
    }
}
