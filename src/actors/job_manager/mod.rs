//! The JobManager: the queue, the rounds, and the life of every job. It owns job phases; it knows why each task waits.

mod lifecycle;
mod operations;
mod record;
mod rounds;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::{
    JobId, JobSpec, Kept, Millis, NodeId, Outbox, Placement, PlanId, Policy, ShapeId, Size, TaskKey, TaskState, Timer, ToJobManager,
    WaitReason,
};
use record::Job;
use scheduler::planner::Planner;
use serde::{Deserialize, Serialize};

/// What the JobManager knows of a node beside its capacity.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct NodeFlags {
    ready: bool,
    cordoned: bool,
    draining: bool,
    suspect: bool,
    /// Its engine can move running tasks.
    moves: bool,
}

/// Where the instances of a live job stand, for a saved state and for parity checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which instance.
    pub task: TaskKey,
    /// Its state.
    pub state: TaskState,
    /// Its attempt.
    pub attempt: u16,
    /// Where it is, while it holds a place.
    pub node: Option<NodeId>,
}

/// The JobManager's state.
#[derive(Debug, Serialize, Deserialize)]
pub struct JobManager {
    round: Millis,
    planner: Planner,
    /// Those that have not ended.
    jobs: BTreeMap<JobId, Box<Job>>,
    /// Tasks that became ready since the last round.
    fresh: Vec<TaskKey>,
    /// Placements of a saved state that the next plan holds.
    adopted: Vec<Placement>,
    /// Running tasks that shall move, and where to if somebody chose.
    wanted_moves: BTreeMap<TaskKey, Option<NodeId>>,
    /// Running tasks that shall have other cores or other memory.
    wanted_sizes: BTreeMap<TaskKey, Size>,
    /// Running tasks whose state shall be kept.
    wanted_checkpoints: BTreeSet<TaskKey>,
    /// The checkpoints that attempts of these tasks go on from.
    restored: BTreeMap<TaskKey, Kept>,
    /// Those whose resize is under way.
    resizing: BTreeSet<TaskKey>,
    /// Those whose move is under way.
    moving: BTreeSet<TaskKey>,
    nodes: Vec<NodeFlags>,
    next_plan: u64,
    in_flight: bool,
    armed: bool,
    /// Whether anything happened since the last round that a round could act on.
    dirty: bool,
}

impl JobManager {
    /// A JobManager with an empty queue that decides every `round`.
    #[must_use]
    pub fn new(policy: Policy, round: Millis) -> Self {
        Self {
            round,
            planner: Planner::new(policy, round),
            jobs: BTreeMap::new(),
            fresh: Vec::new(),
            adopted: Vec::new(),
            wanted_moves: BTreeMap::new(),
            wanted_sizes: BTreeMap::new(),
            wanted_checkpoints: BTreeSet::new(),
            restored: BTreeMap::new(),
            resizing: BTreeSet::new(),
            moving: BTreeSet::new(),
            nodes: Vec::new(),
            next_plan: 1,
            in_flight: false,
            armed: false,
            dirty: false,
        }
    }

    /// The planner: the queue and the cluster as the JobManager knows them.
    #[must_use]
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Why everything that waits for a place waits, worked out now.
    pub fn reasons(&mut self) -> Vec<(ShapeId, WaitReason)> {
        self.planner.reasons()
    }

    /// Where every instance of every live job stands, by job and instance.
    pub fn statuses(&self) -> impl Iterator<Item = Status> + '_ {
        self.jobs.values().flat_map(|job| {
            job.instances.iter().enumerate().map(|(instance, record)| Status {
                task: TaskKey { job: job.id, instance: instance as u32 },
                state: record.state,
                attempt: record.run.attempt,
                node: record.state.holds_cores().then_some(record.node),
            })
        })
    }

    /// The jobs that have not ended, by number, with their specs and when they were submitted.
    pub fn live_jobs(&self) -> impl Iterator<Item = (JobId, &JobSpec, Millis)> {
        self.jobs.values().map(|job| (job.id, &job.spec, job.submitted))
    }

    /// Whether it holds places of a saved state that no plan has proposed yet: the ledger does not know of them.
    #[must_use]
    pub fn is_adopting(&self) -> bool {
        !self.adopted.is_empty()
    }

    /// Takes a message.
    pub fn step(&mut self, now: Millis, input: ToJobManager, out: &mut Outbox) {
        match input {
            ToJobManager::Admit { job, spec, submitted, progress } => self.admit(now, Job::new(job, spec, submitted), progress, out),
            ToJobManager::Operate(operation) => self.operate(operation, out),
            ToJobManager::Planned { refused } => self.planned(refused, out),
            ToJobManager::NodeReady { node, spec } => {
                self.planner.node_ready(node, &spec.name, &spec.class);
                self.nodes.resize(self.nodes.len().max(node.index() + 1), NodeFlags::default());
                let flags = &mut self.nodes[node.index()];
                *flags = NodeFlags { ready: true, draining: false, suspect: false, moves: spec.class.moves_tasks(), ..*flags };
                self.reopen(node);
            }
            ToJobManager::NodeLost(node) => {
                self.nodes[node.index()].ready = false;
                self.reopen(node);
            }
            ToJobManager::NodeSuspect { node, suspect } => {
                self.nodes[node.index()].suspect = suspect;
                self.reopen(node);
            }
            ToJobManager::Changed { task, run, node, change } => self.changed(now, task, run, node, change, out),
        }
        self.arm(now, out);
    }

    /// The round has come.
    pub fn wake(&mut self, now: Millis, out: &mut Outbox) {
        self.armed = false;
        if !self.in_flight {
            self.decide(now, out);
        }
        self.arm(now, out);
    }

    /// Asks for a round where one could decide something. An idle JobManager sleeps.
    fn arm(&mut self, now: Millis, out: &mut Outbox) {
        let work = !self.fresh.is_empty()
            || !self.adopted.is_empty()
            || !self.wanted_moves.is_empty()
            || !self.wanted_sizes.is_empty()
            || !self.wanted_checkpoints.is_empty()
            || self.planner.waiting() > 0;
        if self.dirty && work && !self.armed && !self.in_flight {
            self.armed = true;
            out.timers.push((now.next_round(self.round), Timer::Round));
        }
    }

    /// Opens the node for new tasks or closes it, as its flags say.
    fn reopen(&mut self, node: NodeId) {
        let flags = self.nodes[node.index()];
        self.planner.set_open(node, flags.ready && !flags.cordoned && !flags.draining && !flags.suspect);
        self.dirty = true;
    }

    fn job(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.get_mut(&id).map(|job| &mut **job)
    }

    fn next_plan_id(&mut self) -> PlanId {
        self.next_plan += 1;
        PlanId(self.next_plan - 1)
    }
}
