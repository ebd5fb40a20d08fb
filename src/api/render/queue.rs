//! The queue.

use actors::View;

use super::job::reason;
use crate::api::body::{Queue, QueuedJob, Time};

/// The queue, with the first jobs of it.
pub fn queue(view: &View, limit: usize) -> Queue {
    let (queue, promises) = (view.queue(), view.promises());
    let first = queue.iter().take(limit).filter_map(|queued| {
        let (job, body) = (queued.job, &queued.job.spec.body);
        let (cores, memory) = queued.need();
        Some(QueuedJob {
            id: job.id.to_string(),
            name: job.spec.name.clone(),
            priority: body.priority,
            submitted_at: Time(job.submitted),
            waiting_tasks: queued.waiting,
            gang: body.gang,
            task: body.tasks[body.task_of(queued.first)].name.clone(),
            cores: cores.0,
            memory_bytes: memory.0,
            reason: reason(view, job, &job.tasks[queued.first as usize])?,
            promised_at: promises.get(&job.id).copied().map(Time),
        })
    });
    Queue {
        policy: view.policy().to_string(),
        order: view.policy().order,
        waiting_jobs: queue.len() as u64,
        waiting_tasks: queue.iter().map(|queued| u64::from(queued.waiting)).sum(),
        jobs: first.collect(),
    }
}
