//! Operations: stop a job, switch the policy, cordon and drain nodes, move tasks.

use model::{Cause, Event, Name, NodeId, Operation, Outbox, TaskKey, TaskState};

use super::{JobManager, NodeFlags};

impl JobManager {
    /// Carries out an operation. One that names what is not there changes nothing: the FrontEnd has checked the names.
    pub(super) fn operate(&mut self, operation: Operation, out: &mut Outbox) {
        match operation {
            Operation::Stop(job) => self.stop_job(job, Cause::Requested, out),
            Operation::SetPolicy(policy) => {
                self.planner.set_policy(policy);
                out.events.push(Event::PolicyChanged { policy });
            }
            Operation::Cordon { node, cordoned } => self.flag(&node, |flags| flags.cordoned = cordoned),
            Operation::Undrain { node } => {
                self.flag(&node, |flags| flags.draining = false);
                if let Some(node) = self.planner.node(node.as_str()) {
                    let stays: Vec<TaskKey> = self.tasks_on(node);
                    self.wanted_moves.retain(|task, _| !stays.contains(task));
                }
            }
            Operation::Drain { node, migrate } => {
                self.flag(&node, |flags| flags.draining = true);
                if let Some(node) = self.planner.node(node.as_str()) {
                    self.empty(node, migrate, out);
                }
            }
            Operation::Migrate { task, to } => {
                let target = to.as_ref().map(|name| self.planner.node(name.as_str()));
                let record = self.job(task.job).and_then(|job| job.instances.get(task.instance as usize));
                let may_move = record.is_some_and(|record| matches!(record.state, TaskState::Running | TaskState::Scheduled));
                if may_move && target != Some(None) {
                    self.wanted_moves.insert(task, target.flatten());
                }
            }
        }
        self.dirty = true;
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
        for task in self.tasks_on(node) {
            let Some(record) = self.job(task.job).map(|job| *job.instance(task.instance)) else { continue };
            // A task on its way here holds a place on this node, but is still elsewhere.
            if record.node != node {
                continue;
            }
            if migrate && record.state == TaskState::Running {
                self.wanted_moves.insert(task, None);
            } else {
                self.stop_run(task, Cause::Drained, out);
            }
        }
    }
}
