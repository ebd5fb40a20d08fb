//! Public events: what changed, when, and why. The FrontEnd numbers them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::tagged::tagged;
use crate::{
    Bytes, Cause, Cores, CpuSet, Image, JobId, JobState, Labels, Millis, NodeId, NodeSpec, NodeState, Policy, Run, ShapeId, TaskKey,
    TaskState, WaitReason,
};

tagged! {
    "Event", "type";
/// One public event before it is numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The ledger holds this for a run, from now on.
    Resized {
        /// The instance.
        task: TaskKey,
        /// Its attempt and placement.
        run: Run,
        /// Where.
        node: NodeId,
        /// Which cores; before it is settled those that it has and those that it gets.
        cpuset: CpuSet,
        /// How much memory, likewise.
        memory: Bytes,
        /// How many cores it held before.
        cores_before: Cores,
        /// How much memory it held before.
        memory_before: Bytes,
        /// Whether it is over; else it is under way.
        settled: bool,
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
    /// A node joined, or came back with nothing running.
    Joined {
        /// The node.
        node: NodeId,
        /// What it offers.
        spec: Arc<NodeSpec>,
        /// Its epoch from now on.
        epoch: u32,
    },
    /// A node gets no new tasks, or gets them again.
    Cordoned {
        /// The node.
        node: NodeId,
        /// No new tasks.
        cordoned: bool,
    },
    /// The policy was switched.
    PolicyChanged {
        /// The policy since now.
        policy: Policy,
    },
    /// Heartbeats of a node are missing, or it is heard of again. It gets no new tasks meanwhile; its lease holds.
    Suspected {
        /// The node.
        node: NodeId,
        /// Not heard of.
        suspect: bool,
    },
    /// A node has other labels.
    Labelled {
        /// The node.
        node: NodeId,
        /// All that it has from now on.
        labels: Labels,
    },
    /// A node is ready for a run that moves there: what runs is checkpointed now.
    Prepared {
        /// The instance.
        task: TaskKey,
        /// Its attempt and placement to come.
        run: Run,
        /// Where.
        node: NodeId,
    },
    /// A run that moves, or whose checkpoint is to be kept, stands still: its image is made.
    Checkpointed {
        /// The instance.
        task: TaskKey,
        /// Its attempt and placement there.
        run: Run,
        /// Where.
        node: NodeId,
        /// Its image.
        image: Image,
        /// It is kept for later attempts.
        kept: bool,
    },
}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    #[test]
    fn an_event_is_read_back_from_text_and_from_bytes() {
        let task = TaskKey { job: JobId(3), instance: 1 };
        let cpuset: CpuSet = "0-3,70".parse().unwrap();
        for event in [
            Event::Reserved { task, run: Run { attempt: 1, placement: 2 }, node: NodeId(9), cpuset, memory: Bytes(5 << 30) },
            Event::Waiting { shape: ShapeId(4), reason: Some(WaitReason::Constraints) },
            Event::Job { job: task.job, from: JobState::Queued, to: JobState::Failed, cause: Some(Cause::Exit(3)) },
        ] {
            let bytes = postcard::to_stdvec(&(&event, 77u8)).unwrap();
            assert_eq!(postcard::from_bytes(&bytes), Ok((event.clone(), 77u8)));
            assert_eq!(serde_json::from_str::<Event>(&serde_json::to_string(&event).unwrap()).unwrap(), event);
        }
    }
}
