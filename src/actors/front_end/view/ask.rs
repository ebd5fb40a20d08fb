//! What is asked of the view.

use model::{
    Amendment, JobId, JobSpec, JobState, Kept, Millis, NodeId, NodeState, Numbered, Operation, Policy, Progress, Refusal, TaskState,
    WaitReason,
};

use super::job::{JobView, TaskView};
use super::node::NodeView;
use super::{Standing, Totals, View};

impl View {
    /// A job that is kept.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&JobView> {
        self.jobs.get(&id).filter(|job| !job.forgotten)
    }

    /// The jobs that are kept, latest first, from those submitted before `before` on.
    pub fn jobs_before(&self, before: Option<JobId>) -> impl Iterator<Item = &JobView> {
        let end = before.unwrap_or(JobId(u32::MAX));
        self.jobs.range(..end).rev().map(|(_, job)| job).filter(|job| !job.forgotten)
    }

    /// The jobs that are kept, first submitted first.
    pub fn jobs(&self) -> impl Iterator<Item = &JobView> {
        self.jobs.values().filter(|job| !job.forgotten)
    }

    /// Why a task instance waits for a place, and since when.
    #[must_use]
    pub fn reason(&self, job: &JobView, task: &TaskView) -> Option<(WaitReason, Millis)> {
        match task.state {
            // Whether it waits for others is known once the job is queued.
            TaskState::Blocked if job.state == JobState::Accepted => Some((WaitReason::NextRound, task.since)),
            TaskState::Blocked => Some((WaitReason::Dependencies, task.since)),
            TaskState::Ready => Some(match task.shape.and_then(|shape| self.reasons.get(&shape)) {
                Some((reason, since)) => (*reason, (*since).max(task.since)),
                None => (WaitReason::NextRound, task.since),
            }),
            _ => None,
        }
    }

    /// The nodes by id; those that were removed too.
    #[must_use]
    pub fn nodes(&self) -> &[NodeView] {
        &self.nodes
    }

    /// A node by its id, as it is written.
    #[must_use]
    pub fn node_by_id(&self, text: &str) -> Option<(NodeId, &NodeView)> {
        let id = NodeId::parse(text)?;
        Some((id, self.nodes.get(id.index())?))
    }

    /// A node by its name.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<(NodeId, &NodeView)> {
        let id = *self.names.get(name)?;
        Some((id, self.nodes.get(id.index())?))
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The events after `seq` that are kept, and whether some before them are gone.
    pub fn events_after(&self, seq: u64) -> (impl Iterator<Item = &Numbered>, bool) {
        let first = self.latest.front().map_or(u64::MAX, |numbered| numbered.seq);
        let skip = (seq + 1).saturating_sub(first).min(self.latest.len() as u64) as usize;
        (self.latest.range(skip..), first != u64::MAX && seq + 1 < first)
    }

    /// The number of the latest event; 0: none yet.
    #[must_use]
    pub fn latest_seq(&self) -> u64 {
        self.latest.back().map_or(0, |numbered| numbered.seq)
    }

    /// Task instances that have not ended.
    #[must_use]
    pub fn open_tasks(&self) -> u64 {
        self.open_tasks
    }

    /// What has happened in all.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether the operation names what is there and can be done.
    pub(in crate::front_end) fn may(&self, operation: &Operation) -> Result<(), Refusal> {
        let open = |id: JobId| match self.job(id) {
            None => Err(Refusal::UnknownJob(id)),
            Some(job) if job.is_over() => Err(Refusal::WrongState { state: job.state.word(), wanted: "changed" }),
            Some(_) => Ok(()),
        };
        match operation {
            Operation::Stop(job) => open(*job),
            Operation::StopTask(task) | Operation::Resize { task, .. } => open(task.job),
            Operation::Migrate { task, .. } | Operation::Checkpoint(task) => {
                open(task.job)?;
                let task = self.job(task.job).and_then(|job| job.tasks.get(task.instance as usize));
                match task.and_then(|task| self.nodes.get(task.node?.index())).filter(|node| !node.spec.class.moves_tasks()) {
                    Some(node) => Err(Refusal::Unmovable(node.spec.name.clone())),
                    None => Ok(()),
                }
            }
            Operation::SetPolicy(_) => Ok(()),
            Operation::Amend { job, amendment } => {
                open(*job)?;
                let resizes = |node: NodeId| self.nodes.get(node.index()).is_some_and(|node| node.spec.class.moves_tasks());
                self.job(*job).map_or(Ok(()), |job| job.may_become(*amendment, resizes))
            }
            Operation::Label { node, labels } => match self.node_named(node.as_str()) {
                Some((_, known)) => known.spec.relabelled(labels.clone()).map(drop).map_err(Refusal::FixedLabel),
                None => Err(Refusal::UnknownNode(node.clone())),
            },
            Operation::Cordon { node, .. }
            | Operation::Drain { node, .. }
            | Operation::Undrain { node }
            | Operation::Remove { node, .. } => match self.node_named(node.as_str()) {
                Some(_) => Ok(()),
                None => Err(Refusal::UnknownNode(node.clone())),
            },
        }
    }

    /// What waits of a job shall be otherwise.
    pub(in crate::front_end) fn amend(&mut self, id: JobId, amendment: Amendment) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.spec = job.spec.amended(amendment);
        }
    }

    /// The checkpoint of a task that a later attempt can go on from: its node is there.
    #[must_use]
    pub fn checkpoint_of(&self, task: &TaskView) -> Option<Kept> {
        let kept = task.kept.as_ref()?.kept;
        let node = self.nodes.get(kept.node.index()).filter(|_| task.state != TaskState::Succeeded);
        node.is_some_and(|node| matches!(node.state, NodeState::Ready | NodeState::Draining)).then_some(kept)
    }

    /// Opens an ended job again: its spec, when it was submitted, and what stays of each instance. What has a checkpoint goes on from there
    /// where `restore` says so.
    pub(in crate::front_end) fn reopen(&mut self, id: JobId, restore: bool) -> Result<(JobSpec, Millis, Vec<Progress>), Refusal> {
        let (open, most) = (self.open_tasks, self.limits.open_tasks);
        let job = self.jobs.get(&id).filter(|job| !job.forgotten).ok_or(Refusal::UnknownJob(id))?;
        if !job.is_over() || job.tasks.iter().all(|task| task.state == TaskState::Succeeded) {
            return Err(Refusal::WrongState { state: job.state.word(), wanted: "tried again" });
        }
        let instances = job.tasks.len() as u64;
        if open + instances > most {
            return Err(Refusal::QueueFull { open, most });
        }
        let progress = |task: &TaskView| match task.state {
            TaskState::Succeeded => Progress::Succeeded,
            _ => Progress::Again { after: task.run, from: self.checkpoint_of(task).filter(|_| restore) },
        };
        let progress: Vec<Progress> = job.tasks.iter().map(progress).collect();
        if restore && !progress.iter().any(|progress| matches!(progress, Progress::Again { from: Some(_), .. })) {
            return Err(Refusal::NoCheckpoint(id));
        }
        let job = self.jobs.get_mut(&id).ok_or(Refusal::UnknownJob(id))?;
        (job.ended, job.cause) = (None, None);
        // It is open from now on: a second request finds it so.
        job.state = model::JobState::Accepted;
        let (spec, submitted) = (job.spec.clone(), job.submitted);
        self.open_tasks += instances;
        self.ended_tasks = self.ended_tasks.saturating_sub(instances);
        self.ended.retain(|ended| *ended != id);
        Ok((spec, submitted, progress))
    }

    /// Forgets a job, now where it has ended, else when it does.
    pub(in crate::front_end) fn forget(&mut self, id: JobId) -> Result<Standing, Refusal> {
        let job = self.jobs.get_mut(&id).filter(|job| !job.forgotten).ok_or(Refusal::UnknownJob(id))?;
        if job.is_over() {
            self.ended.retain(|ended| *ended != id);
            self.let_go(id);
            return Ok(Standing::Ended);
        }
        job.forgotten = true;
        Ok(Standing::Open)
    }
}
