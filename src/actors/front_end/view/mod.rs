//! The view: what is public of jobs, tasks and nodes, folded from the numbered events. Whoever asks is answered from here.
//!
//! `fold` takes events in; `ask` answers questions; `job` and `node` are what the answers are made of, `history` is how it was. Nothing here
//! decides.

mod ask;
mod fold;
mod history;
mod job;
mod node;
mod queue;

use std::collections::{BTreeMap, VecDeque};

use model::{JobId, JobSpec, Millis, Name, NodeId, Numbered, Policy, Refusal, ShapeId, WaitReason};
use serde::{Deserialize, Serialize};

pub use history::{Mark, Sample};
pub use job::{AttemptView, JobView, KeptView, MovePhase, MoveView, TaskView};
pub use node::NodeView;
pub use queue::QueuedView;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most task instances that have not ended; more are refused.
    pub open_tasks: u64,
    /// Task instances of ended jobs that are kept; the jobs that ended first go first.
    pub ended_tasks: u64,
    /// The latest events that are kept for those who resume.
    pub events: usize,
    /// Keys of submissions that are remembered, for a day at most; the oldest go first.
    pub keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_tasks: 1_000_000, ended_tasks: 200_000, events: 1 << 16, keys: 1_000_000 }
    }
}

/// Whether a job can still change by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Open,
    /// It has ended.
    Ended,
}

/// What has happened in all, since the first start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Jobs admitted.
    pub submitted: u64,
    /// Jobs that ended well.
    pub succeeded: u64,
    /// Jobs that failed.
    pub failed: u64,
    /// Jobs that were stopped.
    pub stopped: u64,
    /// Task instances placed, counting each attempt and move.
    pub placed: u64,
    /// Attempts whose node was lost.
    pub lost: u64,
}

/// What is public.
#[derive(Debug, Serialize, Deserialize)]
pub struct View {
    limits: Limits,
    jobs: BTreeMap<JobId, JobView>,
    /// Jobs that have ended, in the order of their ends, with the instances of all of them.
    ended: VecDeque<JobId>,
    ended_tasks: u64,
    open_tasks: u64,
    nodes: Vec<NodeView>,
    names: BTreeMap<Name, NodeId>,
    /// Why the tasks of a shape wait, and since when.
    reasons: BTreeMap<ShapeId, (WaitReason, Millis)>,
    policy: Policy,
    #[serde(with = "latest")]
    latest: VecDeque<Numbered>,
    totals: Totals,
    #[serde(skip)]
    history: history::History,
}

impl View {
    /// A view of a cluster in which nothing has happened.
    #[must_use]
    pub fn new(limits: Limits, policy: Policy) -> Self {
        Self {
            limits,
            jobs: BTreeMap::new(),
            ended: VecDeque::new(),
            ended_tasks: 0,
            open_tasks: 0,
            nodes: Vec::new(),
            names: BTreeMap::new(),
            reasons: BTreeMap::new(),
            policy,
            latest: VecDeque::new(),
            totals: Totals::default(),
            history: history::History::default(),
        }
    }

    /// How much is kept.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes a job in, unless as many task instances are open as may be.
    pub(super) fn admit(&mut self, now: Millis, job: JobId, spec: &JobSpec, submitted: Millis) -> Result<(), Refusal> {
        let (open, most) = (self.open_tasks, self.limits.open_tasks);
        let instances = u64::from(spec.body.instances());
        if open + instances > most {
            return Err(Refusal::QueueFull { open, most });
        }
        self.open_tasks += instances;
        self.totals.submitted += 1;
        self.jobs.insert(job, JobView::new(job, spec.clone(), submitted, now));
        Ok(())
    }
}

/// The ring of events in a snapshot: a numbered event is one flat object for clients, which a binary encoding cannot read back.
mod latest {
    use std::collections::VecDeque;

    use model::{Event, Millis, Numbered};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(latest: &VecDeque<Numbered>, serializer: S) -> Result<S::Ok, S::Error> {
        let parts: Vec<(u64, Millis, &Event)> = latest.iter().map(|numbered| (numbered.seq, numbered.time, &numbered.event)).collect();
        parts.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<Numbered>, D::Error> {
        let parts = Vec::<(u64, Millis, Event)>::deserialize(deserializer)?;
        Ok(parts.into_iter().map(|(seq, time, event)| Numbered { seq, time, event }).collect())
    }
}
