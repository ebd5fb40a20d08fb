//! Events become the view.

use std::sync::Arc;

use model::{
    Bytes, Cause, CpuSet, Event, JobId, JobState, Kept, Millis, NodeId, NodeSpec, NodeState, Numbered, Run, ShapeId, TaskKey, TaskState,
};

use super::View;
use super::history::keep;
use super::job::{AttemptView, MovePhase, MoveView, TaskView};
use super::node::NodeView;

impl View {
    /// Takes an event in. Events of different actors may come in another order than they happened; each says all that it changes.
    pub(in crate::front_end) fn fold(&mut self, numbered: &Numbered) {
        let before = self.before(numbered.time, &numbered.event);
        self.take(numbered.time, &numbered.event);
        self.after(numbered.time, &numbered.event, &before);
        keep(&mut self.latest, self.limits.events, Some(numbered.clone()));
    }

    fn take(&mut self, time: Millis, event: &Event) {
        match event {
            Event::Job { job, to, cause, .. } => self.job_became(time, *job, *to, *cause),
            Event::Task { task, run, node, from, to, cause } => self.task_became(time, *task, *run, *node, (*from, *to), *cause),
            Event::Reserved { task, run, node, cpuset, memory } => self.reserved(time, *task, *run, *node, (cpuset, *memory)),
            Event::Released { task, run, node, cores, memory } => {
                if let Some(node) = self.nodes.get_mut(node.index()) {
                    node.used_cores = node.used_cores.saturating_sub(*cores);
                    node.used_memory = node.used_memory.saturating_sub(*memory);
                    if node.held.get(task).is_some_and(|(holder, _)| holder <= run) {
                        node.held.remove(task);
                    }
                }
            }
            Event::Resized { task, run, node, cpuset, memory, cores_before, memory_before, .. } => {
                if let Some(node) = self.nodes.get_mut(node.index()) {
                    node.used_cores = node.used_cores.saturating_sub(*cores_before) + cpuset.count();
                    node.used_memory = node.used_memory.saturating_sub(*memory_before) + *memory;
                    node.held.insert(*task, (*run, cpuset.clone()));
                }
                if let Some(view) = self.task_mut(*task).filter(|view| view.run == *run) {
                    view.held = Some((cpuset.clone(), *memory));
                }
            }
            Event::Shaped { task, end, shape } => self.shaped(task.job, task.instance..*end, *shape),
            Event::Waiting { shape, reason } => match reason {
                Some(reason) => {
                    let since =
                        self.reasons.get(shape).filter(|(known, _)| known.code() == reason.code()).map_or(time, |(_, since)| *since);
                    self.reasons.insert(*shape, (*reason, since));
                }
                None => {
                    self.reasons.remove(shape);
                }
            },
            Event::Node { node, to, .. } => {
                if let Some(node) = self.nodes.get_mut(node.index()) {
                    (node.state, node.since) = (*to, time);
                    node.suspect &= matches!(to, NodeState::Ready | NodeState::Draining);
                }
            }
            Event::Joined { node, spec, epoch } => self.joined(time, *node, spec, *epoch),
            Event::Cordoned { node, cordoned } => {
                if let Some(node) = self.nodes.get_mut(node.index()) {
                    node.cordoned = *cordoned;
                }
            }
            Event::Suspected { node, suspect } => {
                if let Some(node) = self.nodes.get_mut(node.index()) {
                    node.suspect = *suspect;
                }
            }
            Event::Labelled { node, labels } => {
                if let Some(node) = self.nodes.get_mut(node.index())
                    && let Ok(spec) = node.spec.relabelled(labels.clone())
                {
                    node.spec = Arc::new(spec);
                }
            }
            Event::Prepared { task, .. } => {
                if let Some(moved) = self.task_mut(*task).and_then(|task| task.moved.as_mut()) {
                    (moved.phase, moved.ordered) = (MovePhase::Checkpointing, Some(time));
                }
            }
            Event::Checkpointed { task, node, image, kept, .. } => {
                if let Some(view) = self.task_mut(*task) {
                    view.checkpointed(time, Kept { node: *node, image: *image }, *kept);
                }
            }
            Event::PolicyChanged { policy } => self.policy = *policy,
        }
    }

    fn reserved(&mut self, time: Millis, task: TaskKey, run: Run, node: NodeId, (cpuset, memory): (&CpuSet, Bytes)) {
        if let Some(node) = self.nodes.get_mut(node.index()) {
            node.used_cores += cpuset.count();
            node.used_memory += memory;
            node.held.insert(task, (run, cpuset.clone()));
        }
        self.totals.placed += 1;
        let Some(view) = self.task_mut(task).filter(|view| view.run <= run) else { return };
        match view.node.filter(|_| view.run.attempt == run.attempt && view.run < run) {
            // Where it moves to, it only has a place until it runs there.
            Some(from) => {
                view.moved =
                    Some(MoveView { from, to: node, phase: MovePhase::Preparing, since: time, ordered: None, size: None, ended: None });
            }
            None => view.held = Some((cpuset.clone(), memory)),
        }
    }

    fn task_mut(&mut self, task: TaskKey) -> Option<&mut TaskView> {
        self.jobs.get_mut(&task.job)?.tasks.get_mut(task.instance as usize)
    }

    fn job_became(&mut self, time: Millis, id: JobId, to: JobState, cause: Option<Cause>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.state = to;
        job.cause = cause.or(job.cause);
        if to == JobState::Running {
            job.started.get_or_insert(time);
        }
        if !to.is_terminal() {
            return;
        }
        job.ended = Some(time);
        match to {
            JobState::Succeeded => self.totals.succeeded += 1,
            JobState::Stopped => self.totals.stopped += 1,
            _ => self.totals.failed += 1,
        }
        let (instances, forgotten) = (job.tasks.len() as u64, job.forgotten);
        self.open_tasks = self.open_tasks.saturating_sub(instances);
        if forgotten {
            self.jobs.remove(&id);
            return;
        }
        self.ended.push_back(id);
        self.ended_tasks += instances;
        while self.ended_tasks > self.limits.ended_tasks && self.ended.len() > 1 {
            let Some(oldest) = self.ended.pop_front() else { break };
            // One that was forgotten, or is tried again, has left the count already.
            if self.jobs.get(&oldest).is_some_and(|job| job.is_over()) {
                self.let_go(oldest);
            }
        }
    }

    /// Drops an ended job.
    pub(super) fn let_go(&mut self, id: JobId) {
        if let Some(job) = self.jobs.remove(&id) {
            self.ended_tasks = self.ended_tasks.saturating_sub(job.tasks.len() as u64);
        }
    }

    fn task_became(
        &mut self,
        time: Millis,
        key: TaskKey,
        run: Run,
        node: Option<NodeId>,
        (from, to): (TaskState, TaskState),
        cause: Option<Cause>,
    ) {
        self.totals.lost += u64::from(to == TaskState::Lost);
        // After a move it has what the ledger holds where it is now.
        let begins = node.filter(|_| to == TaskState::Running);
        let there = begins.and_then(|node| self.nodes.get(node.index())?.held.get(&key)).map(|(_, cpuset)| cpuset.clone());
        let Some(task) = self.task_mut(key) else { return };
        if run > task.run {
            // A later attempt: what is known of the one before is its past.
            if run.attempt > task.run.attempt {
                (task.placed, task.started, task.ended, task.cause, task.moved) = (None, None, None, None, None);
            }
            task.run = run;
        }
        if let Some(kept) = task.kept.as_mut().filter(|kept| to == TaskState::Running && kept.since == task.since) {
            kept.resumed = Some(time);
        }
        (task.state, task.since) = (to, time);
        task.cause = cause.or(task.cause.filter(|_| to.is_terminal()));
        task.node = node.or(task.node);
        if let Some(((held, _), there)) = task.held.as_mut().zip(there) {
            *held = there;
        }
        if let Some(moved) = &mut task.moved {
            moved.settle(to, node, time);
        }
        if to != TaskState::Ready {
            task.shape = None;
        }
        if to.holds_cores() {
            task.placed.get_or_insert(time);
        }
        if to == TaskState::Running {
            task.started.get_or_insert(time);
        }
        if from.holds_cores() && !to.holds_cores() {
            task.ended = Some(time);
            if !to.is_terminal() {
                task.past.push(AttemptView { run: task.run, node: task.node, started: task.started, ended: time, cause });
                if task.past.len() > MOST_PAST {
                    task.past.remove(0);
                }
            }
        } else if to.is_terminal() {
            task.ended.get_or_insert(time);
        }
    }

    fn shaped(&mut self, job: JobId, instances: std::ops::Range<u32>, shape: ShapeId) {
        let Some(job) = self.jobs.get_mut(&job) else { return };
        for task in job.tasks.iter_mut().take(instances.end as usize).skip(instances.start as usize) {
            task.shape = Some(shape);
        }
    }

    fn joined(&mut self, time: Millis, node: NodeId, spec: &Arc<NodeSpec>, epoch: u32) {
        self.names.insert(spec.name.clone(), node);
        match self.nodes.get_mut(node.index()) {
            Some(known) => (known.spec, known.epoch) = (Arc::clone(spec), epoch),
            None => self.nodes.push(NodeView::new(Arc::clone(spec), epoch, time)),
        }
    }
}

/// Attempts before the latest that are kept of a task; a task that is evicted again and again must not fill the memory.
const MOST_PAST: usize = 16;
