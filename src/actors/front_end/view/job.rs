//! A job as the public sees it.

use model::{Amendment, Bytes, Cause, CpuSet, JobId, JobSpec, JobState, Kept, Millis, NodeId, Refusal, Run, ShapeId, TaskState};
use serde::{Deserialize, Serialize};

/// A job with its task instances.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its spec.
    pub spec: JobSpec,
    /// Where it stands.
    pub state: JobState,
    /// Why, where it failed before it ran.
    pub cause: Option<Cause>,
    /// When it was submitted.
    pub submitted: Millis,
    /// When a task of it first ran.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Option<Millis>,
    /// Its task instances, by number.
    pub tasks: Vec<TaskView>,
    /// It is forgotten when it has ended.
    pub forgotten: bool,
}

/// A task instance.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TaskView {
    /// Where it stands.
    pub state: TaskState,
    /// Since when.
    pub since: Millis,
    /// Its latest attempt and placement.
    pub run: Run,
    /// Where it is or was.
    pub node: Option<NodeId>,
    /// What the ledger holds or held for it, at its latest place.
    pub held: Option<(CpuSet, Bytes)>,
    /// Its placement shape, while it waits for a place.
    pub shape: Option<ShapeId>,
    /// When its latest attempt was given a place.
    pub placed: Option<Millis>,
    /// When its latest attempt ran.
    pub started: Option<Millis>,
    /// When its latest attempt ended.
    pub ended: Option<Millis>,
    /// Why it ended or is being stopped.
    pub cause: Option<Cause>,
    /// The latest move of the latest attempt.
    pub moved: Option<MoveView>,
    /// Its latest checkpoint that was kept, of whichever attempt.
    pub kept: Option<Box<KeptView>>,
    /// Attempts before the latest.
    pub past: Vec<AttemptView>,
}

/// A checkpoint that is kept for a later attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptView {
    /// What is kept, and where.
    pub kept: Kept,
    /// When it was ordered.
    pub since: Millis,
    /// When it was made: from then on the task stood still for certain.
    pub made: Millis,
    /// When the task ran again.
    pub resumed: Option<Millis>,
}

/// A move to another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveView {
    /// From where.
    pub from: NodeId,
    /// To where.
    pub to: NodeId,
    /// How far it is.
    pub phase: MovePhase,
    /// When its target was reserved.
    pub since: Millis,
    /// When its checkpoint was ordered: until then the task ran for certain.
    pub ordered: Option<Millis>,
    /// The size of the image, once it is made.
    pub size: Option<Bytes>,
    /// When it was over, and the task ran again.
    pub ended: Option<Millis>,
}

impl TaskView {
    /// It stands still: its image is made, to be kept or to be moved.
    pub(super) fn checkpointed(&mut self, time: Millis, it: Kept, kept: bool) {
        if kept {
            self.kept = Some(Box::new(KeptView { kept: it, since: self.since, made: time, resumed: None }));
        } else if let Some(moved) = &mut self.moved {
            (moved.phase, moved.size) = (MovePhase::Restoring, Some(it.image.size));
        }
    }
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovePhase {
    /// Its target makes ready what the restore will need.
    Preparing,
    /// Its image is being made.
    Checkpointing,
    /// It stands still; its image goes to the target and it is restored there, or again where it was.
    Restoring,
    /// It runs at the target.
    Moved,
    /// It came to nothing.
    Stayed,
}

impl MovePhase {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::Preparing, Self::Checkpointing, Self::Restoring, Self::Moved, Self::Stayed];

    /// The word that documents write.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Checkpointing => "checkpointing",
            Self::Restoring => "restoring",
            Self::Moved => "moved",
            Self::Stayed => "stayed",
        }
    }
}

impl MoveView {
    /// The task became something: the move goes on, or is over.
    pub(super) fn settle(&mut self, to: TaskState, node: Option<NodeId>, time: Millis) {
        if to == TaskState::Migrating || matches!(self.phase, MovePhase::Moved | MovePhase::Stayed) {
            return;
        }
        self.phase = if to == TaskState::Running && node == Some(self.to) { MovePhase::Moved } else { MovePhase::Stayed };
        self.ended = (to == TaskState::Running).then_some(time);
    }
}

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// Which attempt and placement.
    pub run: Run,
    /// Where it was.
    pub node: Option<NodeId>,
    /// When it ran; absent: never.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Millis,
    /// Why.
    pub cause: Option<Cause>,
}

impl JobView {
    /// A job that was just admitted.
    pub(super) fn new(id: JobId, spec: JobSpec, submitted: Millis, now: Millis) -> Self {
        let task = TaskView { since: now, ..TaskView::default() };
        let tasks = vec![task; spec.body.instances() as usize];
        Self { id, spec, state: JobState::Accepted, cause: None, submitted, started: None, ended: None, tasks, forgotten: false }
    }

    /// Whether the amendment counts for something of it. Other resources do for what runs too, if all that has a place runs where `resizes`
    /// says that it can have others.
    pub(super) fn may_become(&self, amendment: Amendment, resizes: impl Fn(NodeId) -> bool) -> Result<(), Refusal> {
        let instances = match amendment {
            Amendment::Priority(_) => 0..self.spec.body.instances(),
            Amendment::Resources { task, .. } => self.spec.body.instances_of(usize::from(task)),
        };
        let tasks = &self.tasks[instances.start as usize..instances.end as usize];
        let waits = |task: &TaskView| matches!(task.state, TaskState::Blocked | TaskState::Ready);
        let fixed = |task: &TaskView| task.state.holds_cores() && (task.state != TaskState::Running || !task.node.is_some_and(&resizes));
        match amendment {
            Amendment::Resources { .. } if tasks.iter().any(fixed) => Err(Refusal::Placed),
            Amendment::Resources { .. } if tasks.iter().any(|task| task.state == TaskState::Running) => Ok(()),
            _ if tasks.iter().any(waits) => Ok(()),
            _ => Err(Refusal::NothingWaits),
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.is_terminal()
    }
}
