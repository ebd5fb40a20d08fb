//! Public events: what changed, when, and why. The FrontEnd numbers them.

use serde::{Deserialize, Serialize};

use crate::{
    Bytes, Cause, Cores, CpuSet, JobId, JobState, Millis, NodeId, NodeState, Policy, Run, ShapeId, TaskKey, TaskState, WaitReason,
};

/// One public event before it is numbered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A job changed its state.
    Job {
        /// The job.
        job: JobId,
        /// Before.
        from: JobState,
        /// After.
        to: JobState,
        /// Why, where it failed before it ran.
        cause: Option<Cause>,
    },
    /// A task instance changed its state.
    Task {
        /// The instance.
        task: TaskKey,
        /// Its attempt and placement.
        run: Run,
        /// Where it is or was.
        node: Option<NodeId>,
        /// Before.
        from: TaskState,
        /// After.
        to: TaskState,
        /// Why, where it ended or was stopped.
        cause: Option<Cause>,
    },
    /// The ledger holds cores and memory for a run, from now on.
    Reserved {
        /// The instance.
        task: TaskKey,
        /// Its attempt and placement.
        run: Run,
        /// Where.
        node: NodeId,
        /// Which cores.
        cpuset: CpuSet,
        /// How much memory.
        memory: Bytes,
    },
    /// The ledger holds them no longer.
    Released {
        /// The instance.
        task: TaskKey,
        /// Its attempt and placement.
        run: Run,
        /// Where.
        node: NodeId,
        /// How many cores.
        cores: Cores,
        /// How much memory.
        memory: Bytes,
    },
    /// Waiting task instances belong to a shape; the shape's reasons are their reasons.
    Shaped {
        /// The first of them.
        task: TaskKey,
        /// One past the last of them, all of one job.
        end: u32,
        /// Its placement shape.
        shape: ShapeId,
    },
    /// The reason why tasks of a shape wait has changed.
    Waiting {
        /// The shape.
        shape: ShapeId,
        /// The reason since now; absent when none of them waits any more.
        reason: Option<WaitReason>,
    },
    /// A node changed its state.
    Node {
        /// The node.
        node: NodeId,
        /// Before.
        from: NodeState,
        /// After.
        to: NodeState,
    },
    /// The policy was switched.
    PolicyChanged {
        /// The policy since now.
        policy: Policy,
    },
}

/// A numbered event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// Position in the stream of public events, from 1.
    pub seq: u64,
    /// When it happened.
    pub time: Millis,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
