//! Records of live jobs: where each task instance stands, and what follows from that for the job.

use std::sync::Arc;

use model::{Cause, Event, JobId, JobSpec, JobState, Millis, NodeId, Outbox, Run, ShapeId, TaskKey, TaskSpec, TaskState};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// One task instance.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Instance {
    /// Where it stands.
    pub state: TaskState,
    /// Its latest run.
    pub run: Run,
    /// Where that run is.
    pub node: NodeId,
    /// The latest placement number that was given out.
    pub minted: u16,
    /// Attempts that count against the task's attempts.
    pub charged: u16,
    /// Which gang it was placed with; 0: alone.
    pub gang: u16,
    /// Why it is being stopped.
    pub stopping: Option<Cause>,
}

/// A live job.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its spec as it was amended.
    pub spec: JobSpec,
    /// When it was submitted.
    pub submitted: Millis,
    /// Where it stands.
    pub state: JobState,
    /// Its task instances.
    pub instances: SmallVec<[Instance; 1]>,
    /// The shape of all that is ready at first, where that is one unit.
    pub first_shape: Option<ShapeId>,
    /// Whether any task waits for another.
    pub has_dependencies: bool,
    /// The latest gang number that was given out.
    pub gangs: u16,
    /// Instances that hold a place.
    active: u32,
    open: u32,
    failed: u32,
    stopped: u32,
}

impl Job {
    /// A job with every instance blocked.
    pub fn new(id: JobId, spec: JobSpec, submitted: Millis) -> Self {
        let instances = spec.body.instances();
        let has_dependencies = spec.body.tasks.iter().any(|task| !task.depends_on.is_empty());
        Self {
            id,
            submitted,
            state: JobState::Accepted,
            instances: smallvec::smallvec![Instance::default(); instances as usize],
            first_shape: None,
            has_dependencies,
            gangs: 0,
            active: 0,
            open: instances,
            failed: 0,
            stopped: 0,
            spec,
        }
    }

    /// When it should have ended; never, where it has no deadline.
    pub fn deadline(&self) -> Millis {
        self.spec.body.deadline.map_or(Millis::NEVER, |deadline| self.submitted.plus(deadline))
    }

    /// The spec of an instance's task.
    pub fn task(&self, instance: u32) -> &Arc<TaskSpec> {
        &self.spec.body.tasks[self.spec.body.task_of(instance)]
    }

    /// An instance.
    pub fn instance(&mut self, instance: u32) -> &mut Instance {
        &mut self.instances[instance as usize]
    }

    /// Whether nothing of it can change any more by itself.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// Moves an instance to another state, says so, and keeps the job's own state true.
    pub fn set(&mut self, instance: u32, to: TaskState, cause: Option<Cause>, out: &mut Outbox) {
        let record = &mut self.instances[instance as usize];
        let from = std::mem::replace(&mut record.state, to);
        debug_assert!(from.may_become(to) || (from, to) == (TaskState::Blocked, TaskState::Succeeded), "{from} to {to}");
        let task = TaskKey { job: self.id, instance };
        let node = (from.holds_cores() || to.holds_cores()).then_some(record.node);
        out.events.push(Event::Task { task, run: record.run, node, from, to, cause });
        self.active += u32::from(to.holds_cores());
        self.active -= u32::from(from.holds_cores());
        if to.is_terminal() {
            self.open -= 1;
            self.failed += u32::from(matches!(to, TaskState::Failed | TaskState::Skipped));
            self.stopped += u32::from(to == TaskState::Stopped);
        }
        self.derive(to, out);
    }

    /// Derives the job's state from its tasks.
    fn derive(&mut self, latest: TaskState, out: &mut Outbox) {
        let to = match self.state {
            _ if self.open == 0 => match (self.failed, self.stopped) {
                (0, 0) => JobState::Succeeded,
                (0, _) => JobState::Stopped,
                _ => JobState::Failed,
            },
            JobState::Queued | JobState::Deploying if latest == TaskState::Running => JobState::Running,
            JobState::Queued if self.active > 0 => JobState::Deploying,
            JobState::Deploying if self.active == 0 => JobState::Queued,
            unchanged => unchanged,
        };
        self.become_state(to, None, out);
    }

    /// Sets the job's state and says so where it changes.
    pub fn become_state(&mut self, to: JobState, cause: Option<Cause>, out: &mut Outbox) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            out.events.push(Event::Job { job: self.id, from, to, cause });
        }
    }
}
