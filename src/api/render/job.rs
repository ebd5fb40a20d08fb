//! Jobs, tasks and instances.

use actors::{AttemptView, JobView, KeptView, MoveView, TaskView, View};
use indexmap::IndexMap;
use model::{Cause, Condition, JobBody, Name, TaskState};

use super::node_name;
use crate::api::body::{
    Attempt, Instance, Job, JobSummary, KeptCheckpoint, Move, Placement, Reason, ShortUnit, Task, TaskCounts, Time, WaitingTask,
};

/// A job with all its tasks.
pub fn job(view: &View, job: &JobView) -> Job {
    let body = &job.spec.body;
    let tasks: IndexMap<Name, Task> =
        body.tasks.iter().enumerate().map(|(index, spec)| (spec.name.clone(), task(view, job, index))).collect();
    Job {
        id: job.id.to_string(),
        name: job.spec.name.clone(),
        tenant: body.tenant.clone(),
        format: "native".to_owned(),
        state: job.state,
        reason: job.cause.map(reason_code),
        site: None,
        engine: None,
        submitted_at: Time(job.submitted),
        started_at: job.started.map(Time),
        ended_at: job.ended.map(Time),
        priority: body.priority,
        labels: body.labels.clone(),
        tasks,
    }
}

/// A job without its tasks.
pub fn summary(job: &JobView) -> JobSummary {
    let mut counts = TaskCounts { total: job.tasks.len() as u32, ..TaskCounts::default() };
    for state in crate::api::body::TASK_STATES {
        let of_it = job.tasks.iter().filter(|task| task.state == state).count() as u32;
        if of_it > 0 {
            counts.by_state.insert(state.word().to_owned(), of_it);
        }
    }
    let body = &job.spec.body;
    JobSummary {
        id: job.id.to_string(),
        name: job.spec.name.clone(),
        tenant: body.tenant.clone(),
        state: job.state,
        reason: job.cause.map(reason_code),
        submitted_at: Time(job.submitted),
        started_at: job.started.map(Time),
        ended_at: job.ended.map(Time),
        priority: body.priority,
        labels: body.labels.clone(),
        tasks: counts,
    }
}

/// A task of a job, by its index in the spec.
pub fn task(view: &View, job: &JobView, index: usize) -> Task {
    let spec = &job.spec.body.tasks[index];
    let range = job.spec.body.instances_of(index);
    let mut instances: Vec<Instance> = range.map(|number| instance(view, job, index, number)).collect();
    let instance = if instances.len() == 1 { instances.remove(0) } else { summed(&instances) };
    let depends_on = spec.depends_on.iter().map(|(other, _)| job.spec.body.tasks[usize::from(*other)].name.clone()).collect();
    Task { cores: spec.cores.0, memory_bytes: spec.memory.0, count: spec.count, depends_on, instance, instances }
}

/// What several instances have in common: the state says the least that is true of all of them.
fn summed(instances: &[Instance]) -> Instance {
    use TaskState::{Blocked, Failed, Lost, Migrating, Ready, Running, Scheduled, Skipped, Stopped, Stopping, Succeeded};
    // The first of these that any of them is in.
    let order = [Running, Migrating, Stopping, Scheduled, Lost, Ready, Blocked, Failed, Stopped, Skipped, Succeeded];
    let state = order.into_iter().find(|state| instances.iter().any(|one| one.state == *state)).unwrap_or_default();
    let over = instances.iter().all(|one| one.state.is_terminal());
    let shown = instances.iter().find(|one| one.state == state);
    Instance {
        index: 0,
        state,
        since: instances.iter().map(|one| one.since).max().unwrap_or_default(),
        attempt: instances.iter().map(|one| one.attempt).max().unwrap_or_default(),
        reason: shown.and_then(|one| one.reason.clone()),
        waiting_for: shown.map(|one| one.waiting_for.clone()).unwrap_or_default(),
        started_at: instances.iter().filter_map(|one| one.started_at).min(),
        ended_at: instances.iter().filter_map(|one| one.ended_at).max().filter(|_| over),
        cause: shown.and_then(|one| one.cause.clone()).filter(|_| over),
        exit_code: shown.and_then(|one| one.exit_code).filter(|_| over),
        ..Instance::default()
    }
}

/// One instance of a task.
pub fn instance(view: &View, job: &JobView, task: usize, number: u32) -> Instance {
    let body = &job.spec.body;
    let it = &job.tasks[number as usize];
    let node = it.node.and_then(|node| node_name(view, node));
    let held = it.held.as_ref().filter(|_| it.state.holds_cores());
    let placement = node.clone().zip(held).map(|(node, (cpuset, memory))| Placement {
        node,
        cpuset: cpuset.clone(),
        memory_bytes: memory.0,
        number: it.run.placement,
    });
    Instance {
        index: number - body.instances_of(task).start,
        state: it.state,
        since: Time(it.since),
        attempt: it.run.attempt,
        node,
        placement,
        reason: reason(view, job, it),
        waiting_for: if it.state == TaskState::Blocked { waits_for(job, body, task) } else { Vec::new() },
        started_at: it.started.map(Time),
        ended_at: it.ended.map(Time),
        cause: it.cause.map(reason_code),
        exit_code: it.cause.and_then(exit_code),
        moved: it.moved.as_ref().and_then(|moved| move_of(view, moved)),
        checkpoint: it.kept.as_ref().and_then(|kept| checkpoint_of(view, kept)),
        history: it.past.iter().map(|past| attempt(view, past)).collect(),
    }
}

fn move_of(view: &View, moved: &MoveView) -> Option<Move> {
    let MoveView { from, to, phase, since, ordered, size, ended } = *moved;
    let (from, to) = (node_name(view, from)?, node_name(view, to)?);
    // One that nobody asked to stand still has run all the time.
    let downtime_ms = ended.map(|ended| ordered.map_or(0, |ordered| ended.since(ordered).0));
    Some(Move { from, to, phase, since: Time(since), bytes: size.map(|size| size.0), downtime_ms })
}

fn checkpoint_of(view: &View, view_of: &KeptView) -> Option<KeptCheckpoint> {
    let KeptView { kept, since, made, resumed } = *view_of;
    let downtime_ms = resumed.map(|resumed| resumed.since(since).0);
    let (bytes, elapsed_ms) = (kept.image.size.0, kept.image.elapsed.0);
    Some(KeptCheckpoint { node: node_name(view, kept.node)?, made: Time(made), bytes, elapsed_ms, downtime_ms })
}

/// The tasks that a task still waits for.
fn waits_for(job: &JobView, body: &JobBody, task: usize) -> Vec<Name> {
    let met = |state: TaskState, condition: Condition| match condition {
        Condition::Succeeded => state == TaskState::Succeeded,
        Condition::Running => matches!(state, TaskState::Running | TaskState::Succeeded),
    };
    let unmet = |&&(other, condition): &&(u16, Condition)| {
        let range = body.instances_of(usize::from(other));
        range.into_iter().any(|number| !met(job.tasks[number as usize].state, condition))
    };
    let named = |&(other, _): &(u16, Condition)| body.tasks[usize::from(other)].name.clone();
    body.tasks[task].depends_on.iter().filter(unmet).map(named).collect()
}

/// Why an instance waits, where it does.
pub fn reason(view: &View, job: &JobView, task: &TaskView) -> Option<Reason> {
    let (reason, since) = view.reason(job, task)?;
    Some(Reason {
        code: reason.code().to_owned(),
        short_by: reason.short_by(),
        short_unit: reason.short_by().map(|_| if reason.lacks_memory() { ShortUnit::Bytes } else { ShortUnit::Cores }),
        nearest_node: reason.nearest().and_then(|node| node_name(view, node)),
        behind: reason.behind().map(|job| job.to_string()),
        since: Time(since),
        detail: reason.to_string(),
    })
}

/// The instances of a job that wait, with their reasons.
pub fn waiting(view: &View, job: &JobView) -> Vec<WaitingTask> {
    let body = &job.spec.body;
    let mut waiting = Vec::new();
    for (index, spec) in body.tasks.iter().enumerate() {
        let range = body.instances_of(index);
        let start = range.start;
        for number in range {
            let it = &job.tasks[number as usize];
            let Some(reason) = reason(view, job, it) else { continue };
            let waiting_for = if it.state == TaskState::Blocked { waits_for(job, body, index) } else { Vec::new() };
            waiting.push(WaitingTask { task: spec.name.clone(), index: number - start, reason, waiting_for });
        }
    }
    waiting
}

fn attempt(view: &View, past: &AttemptView) -> Attempt {
    let state = match past.cause {
        None | Some(Cause::NodeLost) => TaskState::Lost,
        Some(Cause::Preempted | Cause::Drained | Cause::RolledBack | Cause::FailFast | Cause::Requested) => TaskState::Stopped,
        Some(_) => TaskState::Failed,
    };
    Attempt {
        attempt: past.run.attempt,
        state,
        node: past.node.and_then(|node| node_name(view, node)),
        started_at: past.started.map(Time),
        ended_at: Time(past.ended),
        reason: past.cause.map(reason_code),
        exit_code: past.cause.and_then(exit_code),
    }
}

/// The stable code of a cause.
pub fn reason_code(cause: Cause) -> String {
    cause.code().to_owned()
}

fn exit_code(cause: Cause) -> Option<i32> {
    match cause {
        Cause::Exit(code) => Some(code),
        _ => None,
    }
}
