//! A plan leaves no choice to its execution: it names nodes, cores and bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Bytes, Cause, Cores, CpuSet, Kept, Millis, NodeId, PlanId, Run, TaskKey, TaskSpec};

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
    /// Running tasks that get other cores or other memory where they are.
    pub resizes: Vec<Resize>,
    /// Running tasks that are checkpointed where they are, and go on there.
    pub checkpoints: Vec<Checkpoint>,
}

impl Plan {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { id: _, placements, moves, stops, resizes, checkpoints } = self;
        placements.is_empty() && moves.is_empty() && stops.is_empty() && resizes.is_empty() && checkpoints.is_empty()
    }
}

/// One task instance on one node with named cores.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    /// The checkpoint that it goes on from; absent: it begins.
    pub resume: Option<Box<Kept>>,
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

/// What a running task instance shall have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Its cores.
    pub cores: CoreWish,
    /// Its memory.
    pub memory: Bytes,
}

/// Which cores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoreWish {
    /// So many: what is too much goes from the highest on, and what is short is chosen as that of a new task is.
    Count(Cores),
    /// These.
    These(CpuSet),
}

/// A running task instance that gets other cores or other memory where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// Which instance.
    pub task: TaskKey,
    /// Which attempt and placement.
    pub run: Run,
    /// Where it runs.
    pub node: NodeId,
    /// Tells it from other resizes and moves of the run: a later one is higher.
    pub number: u16,
    /// The cores that it gets beside those that it has.
    pub more: CpuSet,
    /// The memory that it gets beside what it has.
    pub more_memory: Bytes,
    /// What it shall have.
    pub size: Size,
}

/// A running task instance that is checkpointed where it is: it goes on there, and the image is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Where it is now, and how it goes on there; its cores and its memory are those that it has.
    pub of: Placement,
    /// Tells it from moves and resizes of the run: a later one is higher.
    pub number: u16,
}

/// A plan with the specs of its tasks, as logs and links carry it. A spec that many placements share is written once.
pub(crate) mod whole {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Placement, Plan};
    use crate::TaskSpec;

    fn placements(plan: &mut Plan) -> impl Iterator<Item = &mut Placement> {
        let moves = plan.moves.iter_mut().map(|moved| &mut moved.to);
        plan.placements.iter_mut().chain(moves).chain(plan.checkpoints.iter_mut().map(|checkpoint| &mut checkpoint.of))
    }

    pub fn serialize<S: Serializer>(plan: &Plan, serializer: S) -> Result<S::Ok, S::Error> {
        let mut specs: Vec<&Arc<TaskSpec>> = Vec::new();
        let mut of: Vec<u32> = Vec::new();
        let others = plan.moves.iter().map(|moved| &moved.to).chain(plan.checkpoints.iter().map(|checkpoint| &checkpoint.of));
        for placement in plan.placements.iter().chain(others) {
            // Placements of one task lie side by side, so the latest spec is nearly always the one.
            if !specs.last().is_some_and(|latest| Arc::ptr_eq(latest, &placement.spec)) {
                specs.push(&placement.spec);
            }
            of.push(specs.len() as u32 - 1);
        }
        (plan, specs, of).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Plan>, D::Error> {
        let (mut plan, specs, of) = <(Plan, Vec<Arc<TaskSpec>>, Vec<u32>)>::deserialize(deserializer)?;
        let mut of = of.into_iter();
        for placement in placements(&mut plan) {
            let spec = of.next().and_then(|index| specs.get(index as usize));
            placement.spec = Arc::clone(spec.ok_or_else(|| D::Error::custom("a placement has no spec"))?);
        }
        Ok(Box::new(plan))
    }
}
