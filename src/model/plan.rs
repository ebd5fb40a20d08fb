//! A plan leaves no choice to its execution: it names nodes, cores and bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Bytes, Cause, CpuSet, Millis, NodeId, PlanId, Run, TaskKey, TaskSpec};

/// What the JobManager proposes in one round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Its number.
    pub id: PlanId,
    /// Tasks to start. Placements of one gang lie side by side and share `gang`.
    pub placements: Vec<Placement>,
    /// Running tasks to move.
    pub moves: Vec<Move>,
    /// Running tasks to stop.
    pub stops: Vec<Stop>,
}

impl Plan {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.placements.is_empty() && self.moves.is_empty() && self.stops.is_empty()
    }
}

/// One task instance on one node with named cores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placement {
    /// Which instance.
    pub task: TaskKey,
    /// Which attempt and placement.
    pub run: Run,
    /// Where.
    pub node: NodeId,
    /// On which cores.
    pub cpuset: CpuSet,
    /// With how much memory.
    pub memory: Bytes,
    /// All placements of a plan with the same number start together or not at all.
    pub gang: u32,
    /// The spec of its task; a journal names it by the job.
    #[serde(skip)]
    pub spec: Arc<TaskSpec>,
    /// The longest that it may run, and what it is called when it does.
    pub limit: Option<(Millis, Cause)>,
    /// How long this attempt has run already: above zero only where a saved state is taken up again.
    pub elapsed: Millis,
    /// When it will end: known only where a saved state is taken up again.
    pub ends: Option<Millis>,
}

/// A running task instance that goes to another node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Move {
    /// The place that it goes to; its run has the same attempt and the next placement number.
    pub to: Placement,
    /// The placement that it leaves.
    pub from_run: Run,
    /// The node that it leaves.
    pub from: NodeId,
}

/// A running task instance that is stopped by the system or on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Which instance.
    pub task: TaskKey,
    /// Which attempt and placement.
    pub run: Run,
    /// Where it runs.
    pub node: NodeId,
    /// Why.
    pub cause: Cause,
}
