//! How a worker joins: what it offers, and what it remembers where it comes back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Cause, Millis, NodeId, NodeSpec, Run, TaskKey};

/// A worker asks to join, or comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// What it offers.
    pub spec: Arc<NodeSpec>,
    /// Which instance of the name this is: another machine, another boot or another state folder is another instance.
    pub instance: u64,
    /// Between two of its heartbeats.
    pub heartbeat: Millis,
    /// Tells this join from the worker's others. Its welcome repeats it, so that one that comes late is not taken for that of a later join.
    pub number: u64,
    /// What it remembers; absent: nothing, and nothing runs.
    pub memory: Option<Memory>,
    /// Ends under an earlier lease that nobody had recorded when it ran out.
    pub ends: Vec<PastEnd>,
}

impl Join {
    /// The join of a worker that has nothing running.
    #[must_use]
    pub fn fresh(spec: Arc<NodeSpec>, instance: u64, heartbeat: Millis) -> Self {
        Self { spec, instance, heartbeat, number: 0, memory: None, ends: Vec::new() }
    }
}

/// How a run ended whose worker could not tell in time: known, so not lost, for as long as nobody else was given its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastEnd {
    /// The id that the worker's node had.
    pub node: NodeId,
    /// The epoch that it lived under.
    pub epoch: u32,
    /// The task instance.
    pub task: TaskKey,
    /// Its run.
    pub run: Run,
    /// How it ended.
    pub cause: Cause,
}

/// What a worker that comes back remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The id of its node.
    pub node: NodeId,
    /// The epoch that it lived under.
    pub epoch: u32,
    /// The runs that it has, running or with an end that nobody recorded yet; by task.
    pub runs: Vec<(TaskKey, Run)>,
}
