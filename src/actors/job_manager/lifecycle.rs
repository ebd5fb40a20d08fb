//! The life of a task instance: blocked, ready, placed, ended, tried again; and what its end means for its mates.

use model::{
    Cause, Change, Condition, Event, JobId, JobState, Message, Millis, NodeId, OnFailure, Outbox, Placement, Progress, Run, Stop, TaskKey,
    TaskKind, TaskState, ToGlobalManager,
};
use scheduler::gang::Place;
use scheduler::held::Held;
use scheduler::inventory::Need;
use scheduler::shape::Shape;

use super::JobManager;
use super::record::Job;

impl JobManager {
    /// Takes a durable job: it fails at once where no node could ever hold one of its tasks, else what can start is ready.
    pub(super) fn admit(&mut self, now: Millis, mut job: Job, progress: Vec<Progress>, out: &mut Outbox) {
        let id = job.id;
        if !self.planner.inventory().is_empty() && !self.could_ever_run(&mut job) {
            self.reject(job, out);
            return;
        }
        job.become_state(JobState::Queued, None, out);
        self.jobs.insert(id, Box::new(job));
        for (instance, progress) in progress.into_iter().enumerate() {
            self.take_up(now, TaskKey { job: id, instance: instance as u32 }, progress, out);
        }
        self.wake_blocked(id, out);
        self.settle(id, out);
    }

    /// Judges every task alone, and all that is ready at first together where it is a gang.
    fn could_ever_run(&mut self, job: &mut Job) -> bool {
        let body = &job.spec.body;
        let ready: Vec<u32> =
            (0..body.tasks.len()).filter(|&task| body.tasks[task].depends_on.is_empty()).flat_map(|task| body.instances_of(task)).collect();
        if body.gang && ready.len() > 1 {
            let shape = self.planner.shape(Shape::of(job.id, body, &ready).0);
            job.first_shape = Some(shape);
            if !self.planner.could_ever_hold(shape) {
                return false;
            }
        }
        let single = body.tasks.len() == 1;
        for task in 0..body.tasks.len() {
            let shape = self.planner.shape(Shape::of_one(job.id, body, task));
            if single && job.first_shape.is_none() {
                job.first_shape = Some(shape);
            }
            if !self.planner.could_ever_hold(shape) {
                return false;
            }
        }
        true
    }

    fn reject(&mut self, mut job: Job, out: &mut Outbox) {
        job.become_state(JobState::Failed, Some(Cause::Unplaceable), out);
        let task_event = |instance, from, to| Event::Task {
            task: TaskKey { job: job.id, instance },
            run: Run::default(),
            node: None,
            from,
            to,
            cause: Some(Cause::Unplaceable),
        };
        for instance in 0..job.instances.len() as u32 {
            out.events.push(task_event(instance, TaskState::Blocked, TaskState::Ready));
            out.events.push(task_event(instance, TaskState::Ready, TaskState::Failed));
        }
    }

    /// Takes up an instance of a saved state where it stood.
    fn take_up(&mut self, now: Millis, task: TaskKey, progress: Progress, out: &mut Outbox) {
        let Some(job) = self.jobs.get_mut(&task.job) else { return };
        match progress {
            Progress::Waiting => {}
            Progress::Succeeded => job.set(task.instance, TaskState::Succeeded, None, out),
            Progress::Again { after, from } => {
                let record = job.instance(task.instance);
                (record.run, record.minted) = (after, after.placement);
                self.restored.extend(from.map(|kept| (task, kept)));
            }
            Progress::Running { node, cpuset, attempt, started, ends: known_end } => {
                let Some(node) = self.planner.node(node.as_str()) else { return };
                let spec = job.task(task.instance);
                let need = Need { cores: cpuset.count(), memory: spec.memory };
                let ends = spec.expected.map_or(Millis::NEVER, |expected| started.plus(expected));
                let mates = spec.rules.spread || spec.rules.anti_affinity;
                let mate = mates.then(|| job.spec.body.task_of(task.instance) as u16);
                let held = Held { need, priority: job.spec.body.priority, ends, stopping: false, mate };
                let ports = spec.host_ports();
                let place = Place { task, node, cpuset, need };
                if !self.planner.adopt(&place, held, &ports) {
                    return;
                }
                let record = job.instance(task.instance);
                record.run = Run { attempt, placement: 1 };
                (record.minted, record.charged, record.node) = (1, attempt - 1, node);
                let run = record.run;
                job.set(task.instance, TaskState::Ready, None, out);
                job.set(task.instance, TaskState::Scheduled, None, out);
                let spec = std::sync::Arc::clone(job.task(task.instance));
                let Place { cpuset, .. } = place;
                let elapsed = now.since(started);
                self.adopted.push(Placement {
                    task,
                    run,
                    node,
                    cpuset,
                    memory: need.memory,
                    gang: 0,
                    spec,
                    limit: None,
                    elapsed,
                    ends: known_end,
                    resume: None,
                });
                self.dirty = true;
            }
        }
    }

    /// Makes blocked instances ready whose conditions hold now.
    pub(super) fn wake_blocked(&mut self, id: JobId, out: &mut Outbox) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        for task in 0..job.spec.body.tasks.len() {
            let instances = job.spec.body.instances_of(task);
            if job.instances[instances.start as usize].state != TaskState::Blocked
                && !instances.clone().any(|i| job.instances[i as usize].state == TaskState::Blocked)
            {
                continue;
            }
            let dependencies = &job.spec.body.tasks[task].depends_on;
            if !dependencies.iter().all(|&(other, condition)| holds(job, other, condition)) {
                continue;
            }
            for instance in instances {
                if job.instances[instance as usize].state == TaskState::Blocked {
                    job.set(instance, TaskState::Ready, None, out);
                    self.fresh.push(TaskKey { job: id, instance });
                    self.dirty = true;
                }
            }
        }
    }

    /// A run has changed, as the GlobalManager saw it.
    pub(super) fn changed(&mut self, now: Millis, task: TaskKey, run: Run, node: NodeId, change: Change, out: &mut Outbox) {
        // One that was on its way somewhere may be there now.
        self.dirty |= self.wanted_checkpoints.contains(&task);
        match change {
            Change::Started => self.started(now, task, run, node, out),
            Change::Ended { cause, cpuset, memory } => {
                self.planner.release(node, task, &cpuset, memory);
                self.dirty = true;
                self.ended(task, run, cause, out);
            }
            Change::Moved { from, cpuset, memory } => {
                self.planner.release(from, task, &cpuset, memory);
                self.dirty = true;
                self.moved(task, run, node, out);
            }
            Change::MoveFailed { target, cpuset, memory } => {
                self.planner.release(target, task, &cpuset, memory);
                self.dirty = true;
                // Its target is lost: if it must leave its node, another will do.
                if !self.nodes[target.index()].ready {
                    self.wanted_moves.insert(task, None);
                }
            }
            Change::Stayed => self.stayed(task, run, node, out),
            Change::Resized { cores, memory, freed, freed_memory } => {
                self.resizing.remove(&task);
                let current = self.job(task.job).is_some_and(|job| job.instance(task.instance).run == run);
                let need = current.then_some(Need { cores, memory });
                self.planner.resized(node, task, need, &freed, freed_memory);
                self.dirty = true;
            }
            Change::Resumed => {
                if let Some(record) = self.job(task.job).map(|job| job.instance(task.instance)) {
                    record.run = run;
                    record.minted = record.minted.max(run.placement);
                }
            }
        }
    }

    fn started(&mut self, now: Millis, task: TaskKey, run: Run, node: NodeId, out: &mut Outbox) {
        let Some(job) = self.job(task.job) else { return };
        let record = *job.instance(task.instance);
        if record.run != run {
            return;
        }
        let expected = job.task(task.instance).expected;
        let waits = job.has_dependencies;
        match record.state {
            TaskState::Scheduled | TaskState::Migrating => job.set(task.instance, TaskState::Running, None, out),
            _ => return,
        }
        if let Some(expected) = expected {
            self.planner.started(node, task, now.plus(expected));
        }
        if waits {
            self.wake_blocked(task.job, out);
        }
        if self.moving.remove(&task) {
            self.settle_move(task, node, out);
        }
    }

    /// Its move is over, and it runs on a node. Where it may not stay it moves on, if a drain that came meanwhile wants that or what it moved to was
    /// lost; else it starts again elsewhere.
    fn settle_move(&mut self, task: TaskKey, node: NodeId, out: &mut Outbox) {
        if !self.nodes[node.index()].draining {
            self.wanted_moves.remove(&task);
        } else if !self.wanted_moves.contains_key(&task) {
            self.stop_run(task, Cause::Drained, out);
        }
    }

    fn stayed(&mut self, task: TaskKey, run: Run, node: NodeId, out: &mut Outbox) {
        let Some(job) = self.job(task.job) else { return };
        let record = *job.instance(task.instance);
        if record.run != run || record.state != TaskState::Migrating {
            return;
        }
        job.set(task.instance, TaskState::Running, None, out);
        if self.moving.remove(&task) {
            self.settle_move(task, node, out);
        }
    }

    fn moved(&mut self, task: TaskKey, run: Run, node: NodeId, out: &mut Outbox) {
        self.moving.remove(&task);
        let Some(job) = self.job(task.job) else { return };
        let record = job.instance(task.instance);
        (record.run, record.node) = (run, node);
        match record.stopping {
            // It was told to stop at the source; now the target must hear it.
            Some(cause) => out.messages.push(Message::GlobalManager(ToGlobalManager::Stop(Stop { task, run, node, cause }))),
            None if record.state == TaskState::Migrating => {
                job.set(task.instance, TaskState::Running, None, out);
                self.settle_move(task, node, out);
            }
            None => {}
        }
    }

    pub(super) fn ended(&mut self, task: TaskKey, run: Run, cause: Cause, out: &mut Outbox) {
        self.wanted_moves.remove(&task);
        self.wanted_sizes.remove(&task);
        self.wanted_checkpoints.remove(&task);
        self.resizing.remove(&task);
        self.moving.remove(&task);
        let Some(job) = self.job(task.job) else { return };
        let (spec_attempts, at_most_once) = (job.task(task.instance).attempts, job.task(task.instance).at_most_once);
        let service = job.task(task.instance).kind == TaskKind::Service;
        let job_stops = matches!(job.state, JobState::Stopping);
        let record = job.instance(task.instance);
        if record.run != run || !record.state.holds_cores() {
            return;
        }
        let (stopping, gang) = (record.stopping.take(), record.gang);
        if record.state == TaskState::Scheduled && matches!(cause, Cause::Exit(_)) {
            // It ran, though its worker died before it could say so.
            job.set(task.instance, TaskState::Running, None, out);
        }
        if cause == Cause::Exit(0) && (!service || stopping.is_some()) {
            job.set(task.instance, TaskState::Succeeded, Some(cause), out);
            self.wake_blocked_after(task.job, out);
        } else if job_stops || matches!(stopping, Some(Cause::Requested | Cause::FailFast)) {
            if job.instance(task.instance).state != TaskState::Stopping {
                job.set(task.instance, TaskState::Stopping, stopping.or(Some(cause)), out);
            }
            job.set(task.instance, TaskState::Stopped, stopping.or(Some(cause)), out);
            self.skip_hopeless(task.job, out);
        } else {
            // A stop by the system says why the attempt ended, unless the node went first.
            let cause = stopping.filter(|_| cause != Cause::NodeLost).unwrap_or(cause);
            let record = job.instance(task.instance);
            record.charged += u16::from(cause.charges_attempt());
            let again = record.charged < spec_attempts && !(cause == Cause::NodeLost && at_most_once);
            if cause == Cause::NodeLost {
                job.set(task.instance, TaskState::Lost, Some(cause), out);
            }
            job.set(task.instance, if again { TaskState::Ready } else { TaskState::Failed }, Some(cause), out);
            if again {
                self.fresh.push(task);
            } else {
                self.failed(task, out);
            }
            if cause == Cause::StartRefused && gang != 0 {
                self.roll_back(task, gang, out);
            }
        }
        self.settle(task.job, out);
    }

    fn wake_blocked_after(&mut self, id: JobId, out: &mut Outbox) {
        if self.job(id).is_some_and(|job| job.has_dependencies) {
            self.wake_blocked(id, out);
        }
    }

    /// An instance has failed for good.
    fn failed(&mut self, task: TaskKey, out: &mut Outbox) {
        let Some(job) = self.job(task.job) else { return };
        match job.spec.body.on_failure {
            OnFailure::FailFast => self.stop_job(task.job, Cause::FailFast, out),
            OnFailure::Continue => self.skip_hopeless(task.job, out),
        }
    }

    /// Skips what waits for something that can no longer succeed.
    pub(super) fn skip_hopeless(&mut self, id: JobId, out: &mut Outbox) {
        let Some(job) = self.job(id) else { return };
        loop {
            let hopeless = (0..job.spec.body.tasks.len()).find(|&task| {
                let blocked = job.spec.body.instances_of(task).any(|i| job.instances[i as usize].state == TaskState::Blocked);
                blocked
                    && job.spec.body.tasks[task].depends_on.iter().any(|&(other, _)| {
                        let mut states = job.spec.body.instances_of(usize::from(other)).map(|i| job.instances[i as usize].state);
                        states.any(|state| state.is_terminal() && state != TaskState::Succeeded)
                    })
            });
            let Some(task) = hopeless else { return };
            for instance in job.spec.body.instances_of(task) {
                if job.instances[instance as usize].state == TaskState::Blocked {
                    job.set(instance, TaskState::Skipped, Some(Cause::FailFast), out);
                }
            }
        }
    }

    /// A gang did not start whole: its other members stop and wait again, at no charge.
    fn roll_back(&mut self, refused: TaskKey, gang: u16, out: &mut Outbox) {
        let Some(job) = self.job(refused.job) else { return };
        let mates: Vec<u32> = (0..job.instances.len() as u32)
            .filter(|&i| job.instances[i as usize].gang == gang && job.instances[i as usize].state.holds_cores())
            .collect();
        for instance in mates {
            self.stop_run(TaskKey { instance, ..refused }, Cause::RolledBack, out);
        }
    }

    /// Tells one run to stop.
    pub(super) fn stop_run(&mut self, task: TaskKey, cause: Cause, out: &mut Outbox) -> bool {
        let stop = self.begin_stop(task, cause, out);
        out.messages.extend(stop.map(|stop| Message::GlobalManager(ToGlobalManager::Stop(stop))));
        stop.is_some()
    }

    /// Marks a run as stopping; whoever calls sends the order.
    pub(super) fn begin_stop(&mut self, task: TaskKey, cause: Cause, out: &mut Outbox) -> Option<Stop> {
        let job = self.job(task.job)?;
        let record = job.instance(task.instance);
        if !record.state.holds_cores() || record.stopping.is_some() {
            return None;
        }
        record.stopping = Some(cause);
        let stop = Stop { task, run: record.run, node: record.node, cause };
        job.set(task.instance, TaskState::Stopping, Some(cause), out);
        self.planner.stopping(stop.node, task);
        Some(stop)
    }

    /// Stops all of a job: what runs is told to stop, what waits never runs.
    pub(super) fn stop_job(&mut self, id: JobId, cause: Cause, out: &mut Outbox) {
        let Some(job) = self.job(id) else { return };
        let (priority, deadline) = (job.spec.body.priority, job.deadline());
        let waits = job.instances.iter().any(|record| record.state == TaskState::Ready);
        let never = if cause == Cause::FailFast { TaskState::Skipped } else { TaskState::Stopped };
        if cause == Cause::Requested {
            job.become_state(JobState::Stopping, None, out);
        }
        for instance in 0..job.instances.len() as u32 {
            if matches!(job.instance(instance).state, TaskState::Blocked | TaskState::Ready) {
                job.set(instance, never, Some(cause), out);
            }
        }
        let active: Vec<u32> = (0..job.instances.len() as u32).filter(|&i| job.instances[i as usize].state.holds_cores()).collect();
        if waits {
            self.planner.cancel(id, priority, deadline);
        }
        for instance in active {
            let task = TaskKey { job: id, instance };
            if !self.stop_run(task, cause, out)
                && let Some(job) = self.job(id)
            {
                // It is being stopped already, to be tried again; now it shall not.
                job.instance(instance).stopping = Some(cause);
            }
        }
        self.settle(id, out);
    }

    /// Lets go of a job that has ended.
    pub(super) fn settle(&mut self, id: JobId, out: &mut Outbox) {
        if self.job(id).is_some_and(|job| job.is_over()) {
            self.jobs.remove(&id);
            self.restored.retain(|task, _| task.job != id);
            out.messages.push(Message::GlobalManager(ToGlobalManager::Forget(id)));
        }
    }
}

fn holds(job: &Job, other: u16, condition: Condition) -> bool {
    let mut states = job.spec.body.instances_of(usize::from(other)).map(|i| job.instances[i as usize].state);
    match condition {
        Condition::Succeeded => states.all(|state| state == TaskState::Succeeded),
        Condition::Running => states.all(|state| matches!(state, TaskState::Running | TaskState::Migrating | TaskState::Succeeded)),
    }
}
