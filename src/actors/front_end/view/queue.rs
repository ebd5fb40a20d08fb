//! What waits for a place, in the order in which the policy would take it.

use std::collections::BTreeMap;

use model::{Bytes, Cores, JobId, Millis, TaskState, WaitReason};
use scheduler::inventory::Need;
use scheduler::queue::primary;

use super::View;
use super::job::JobView;

/// A job of which something waits for a place.
#[derive(Clone, Copy, Debug)]
pub struct QueuedView<'a> {
    /// The job.
    pub job: &'a JobView,
    /// The instance of it that is tried first.
    pub first: u32,
    /// How many wait.
    pub waiting: u32,
}

impl View {
    /// The jobs of which something waits for a place, the one that is tried first before the others. It looks at every job that is kept.
    #[must_use]
    pub fn queue(&self) -> Vec<QueuedView<'_>> {
        let mut ranked: Vec<_> =
            self.jobs().filter(|job| !job.is_over()).filter_map(queued).map(|queued| (self.rank(&queued), queued)).collect();
        ranked.sort_by_key(|(rank, queued)| (*rank, queued.job.id));
        ranked.into_iter().map(|(_, queued)| queued).collect()
    }

    /// The starts that backfill has promised to jobs for the sake of which others wait.
    #[must_use]
    pub fn promises(&self) -> BTreeMap<JobId, Millis> {
        let promise = |reason: &WaitReason| match *reason {
            WaitReason::WouldDelay { head, promised } => Some((head.job, promised)),
            _ => None,
        };
        self.reasons.values().filter_map(|(reason, _)| promise(reason)).collect()
    }

    /// A gang is ranked by the largest of its members, any other by the instance that is tried first.
    fn rank(&self, queued: &QueuedView) -> (u64, u64) {
        let QueuedView { job, first, .. } = *queued;
        let body = &job.spec.body;
        let of = |instance: u32| {
            let task = &body.tasks[body.task_of(instance)];
            Need { cores: task.cores, memory: task.memory }
        };
        let members = (0..body.instances()).filter(|instance| body.gang && is_ready(job, *instance)).map(of);
        let largest = members.fold(of(first), |most, one| Need { cores: most.cores.max(one.cores), memory: most.memory.max(one.memory) });
        let deadline = body.deadline.map_or(Millis::NEVER, |deadline| job.submitted.plus(deadline));
        primary(self.policy.order, largest, body.priority, deadline)
    }
}

impl QueuedView<'_> {
    /// What the instance that is tried first asks for.
    #[must_use]
    pub fn need(&self) -> (Cores, Bytes) {
        let body = &self.job.spec.body;
        let task = &body.tasks[body.task_of(self.first)];
        (task.cores, task.memory)
    }
}

fn is_ready(job: &JobView, instance: u32) -> bool {
    job.tasks[instance as usize].state == TaskState::Ready
}

fn queued(job: &JobView) -> Option<QueuedView<'_>> {
    let mut ready = (0..job.tasks.len() as u32).filter(|instance| is_ready(job, *instance));
    let first = ready.next()?;
    Some(QueuedView { job, first, waiting: 1 + ready.count() as u32 })
}
