//! Operations: stop a job, switch the policy, cordon and drain nodes, move tasks.

use model::{Amendment, Cause, CoreWish, Event, JobId, Name, NodeId, Operation, Outbox, Size, TaskKey, TaskState};

use super::{JobManager, NodeFlags};

impl JobManager {
    /// Carries out an operation. One that names what is not there changes nothing: the FrontEnd has checked the names.
    pub(super) fn operate(&mut self, operation: Operation, out: &mut Outbox) {
        match operation {
            Operation::Stop(job) => {
                // What is there no more changes nothing, so it calls for no round.
                self.dirty |= self.job(job).is_some();
                self.stop_job(job, Cause::Requested, out);
            }
            Operation::StopTask(task) => self.stop_task(task, out),
            Operation::SetPolicy(policy) => {
                self.dirty = true;
                self.planner.set_policy(policy);
                out.events.push(Event::PolicyChanged { policy });
            }
            Operation::Cordon { node, cordoned } => self.flag(&node, |flags| flags.cordoned = cordoned),
            Operation::Undrain { node } => {
                self.flag(&node, |flags| flags.draining = false);
                if let Some(node) = self.planner.node(node.as_str()) {
                    let stays: Vec<TaskKey> = self.tasks_on(node);
                    // Of one that moves, the other end may be drained too: that is seen when its move is over.
                    self.wanted_moves.retain(|task, _| !stays.contains(task) || self.moving.contains(task));
                }
            }
            Operation::Drain { node, migrate } => self.drain(&node, migrate, out),
            // What is forced never comes here: the GlobalManager reports its tasks lost instead.
            Operation::Remove { node, .. } => self.drain(&node, false, out),
            Operation::Migrate { task, to } => {
                let target = to.as_ref().map(|name| self.planner.node(name.as_str()));
                let record = self.job(task.job).and_then(|job| job.instances.get(task.instance as usize));
                let record = record.filter(|record| matches!(record.state, TaskState::Running | TaskState::Scheduled)).copied();
                let may_move = record.is_some_and(|record| self.nodes[record.node.index()].moves);
                if may_move && target != Some(None) {
                    self.wanted_moves.insert(task, target.flatten());
                    self.dirty = true;
                }
            }
            Operation::Amend { job, amendment } => self.amend(job, amendment),
            Operation::Resize { task, size } => {
                let record = self.job(task.job).and_then(|job| job.instances.get(task.instance as usize));
                if record.is_some_and(|record| record.state == TaskState::Running) {
                    self.wanted_sizes.insert(task, size);
                    self.dirty = true;
                }
            }
            Operation::Checkpoint(task) => {
                let record = self.job(task.job).and_then(|job| job.instances.get(task.instance as usize)).copied();
                let runs = record.filter(|record| matches!(record.state, TaskState::Running | TaskState::Migrating));
                if runs.is_some_and(|record| self.nodes[record.node.index()].moves) {
                    self.wanted_checkpoints.insert(task);
                    self.dirty = true;
                }
            }
            Operation::Label { node, labels } => {
                if let Some(node) = self.planner.node(node.as_str()) {
                    self.planner.set_labels(node, &labels);
                    self.dirty = true;
                }
            }
        }
    }

    fn drain(&mut self, name: &Name, migrate: bool, out: &mut Outbox) {
        self.flag(name, |flags| flags.draining = true);
        if let Some(node) = self.planner.node(name.as_str()) {
            self.empty(node, migrate, out);
        }
    }

    /// Stops one instance; what waits for it is skipped, and its mates go on.
    fn stop_task(&mut self, task: TaskKey, out: &mut Outbox) {
        self.dirty |= self.job(task.job).is_some();
        let Some(job) = self.job(task.job) else { return };
        match job.instances.get(task.instance as usize).map(|record| record.state) {
            Some(TaskState::Blocked) => job.set(task.instance, TaskState::Stopped, Some(Cause::Requested), out),
            Some(TaskState::Ready) => {
                let (priority, deadline) = (job.spec.body.priority, job.deadline());
                job.set(task.instance, TaskState::Stopped, Some(Cause::Requested), out);
                // Its unit may hold mates: all of the job leave the queue, and those that still wait come back to it.
                self.planner.cancel(task.job, priority, deadline);
                self.queue_anew(task.job);
            }
            Some(state) if state.holds_cores() => {
                self.stop_run(task, Cause::Requested, out);
            }
            _ => return,
        }
        self.skip_hopeless(task.job, out);
        self.settle(task.job, out);
    }

    /// What waits of a job leaves the queue, and comes back to it as it shall be; what runs gets what it shall have.
    fn amend(&mut self, id: JobId, amendment: Amendment) {
        if let Amendment::Resources { task, cores, memory } = amendment
            && let Some(job) = self.jobs.get(&id).filter(|job| job.spec.body.tasks.len() > usize::from(task))
        {
            for instance in job.spec.body.instances_of(usize::from(task)) {
                let record = &job.instances[instance as usize];
                if record.state == TaskState::Running && self.nodes[record.node.index()].moves {
                    let size = Size { cores: CoreWish::Count(cores), memory };
                    self.wanted_sizes.insert(TaskKey { job: id, instance }, size);
                }
            }
        }
        let Some(job) = self.job(id) else { return };
        let (priority, deadline) = (job.spec.body.priority, job.deadline());
        job.spec = job.spec.amended(amendment);
        job.first_shape = None;
        self.planner.withdraw(id, priority, deadline);
        self.queue_anew(id);
        self.dirty = true;
    }

    /// Queues what waits of a job that has nothing in the queue.
    fn queue_anew(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let waiting = (0..).zip(&job.instances).filter(|(_, record)| record.state == TaskState::Ready);
        self.fresh.extend(waiting.map(|(instance, _)| TaskKey { job: id, instance }));
    }

    fn flag(&mut self, node: &Name, set: impl FnOnce(&mut NodeFlags)) {
        if let Some(node) = self.planner.node(node.as_str()) {
            set(&mut self.nodes[node.index()]);
            self.reopen(node);
        }
    }

    fn tasks_on(&self, node: NodeId) -> Vec<TaskKey> {
        let mut tasks: Vec<TaskKey> = self.planner.holdings().on(node).map(|(task, _)| task).collect();
        tasks.sort_unstable();
        tasks
    }

    /// Sends everything on a node away: what runs may move, the rest starts again elsewhere.
    fn empty(&mut self, node: NodeId, migrate: bool, out: &mut Outbox) {
        let node_moves = migrate && self.nodes[node.index()].moves;
        for task in self.tasks_on(node) {
            let Some(job) = self.job(task.job) else { continue };
            let record = *job.instance(task.instance);
            let moves = node_moves && job.task(task.instance).volume_of_one_node().is_none();
            match record.state {
                // What stands still for a checkpoint or a move goes after that, if it is here then.
                TaskState::Running | TaskState::Migrating if moves => {
                    self.wanted_moves.insert(task, None);
                }
                // It is on its way here, and stopped when it has come.
                _ if record.node != node => {}
                _ => {
                    self.stop_run(task, Cause::Drained, out);
                }
            }
        }
    }
}
