//! Workers that join, come back, and leave. One that comes back with its memory keeps its epoch; what it has and what the ledger
//! holds for it are brought together.

use std::sync::Arc;

use model::{
    Action, Cause, Event, Fence, Join, JoinRefusal, Memory, Message, Millis, NodeId, NodeSpec, NodeState, Operation, Outbox, Run, Status,
    TaskKey, ToAgent, ToDiscovery, ToJobManager,
};

use super::ledger::{Phase, Reservation, Resizing};
use super::{GlobalManager, Node};

impl GlobalManager {
    /// Takes a worker in, or back. While one instance of a name may live, another is refused.
    pub(super) fn join(&mut self, join: Join, out: &mut Outbox) {
        let Join { spec, instance, number, heartbeat, memory, ends } = join;
        let known = self.names.get(&spec.name).copied();
        let Some(node) = known else {
            let node = self.new_node(&spec, instance);
            self.begin_epoch(node, number, heartbeat, out);
            return;
        };
        let record = &self.nodes[node.index()];
        let lives = matches!(record.state, NodeState::Ready | NodeState::Draining);
        if lives && record.instance != instance {
            out.messages.push(Message::Agent(node, ToAgent::NotAdmitted { instance, refusal: JoinRefusal::NameTaken }));
            return;
        }
        let same_capacity = record.joined == spec.class;
        if let Some(memory) = memory.filter(|memory| lives && same_capacity && (memory.node, memory.epoch) == (node, record.epoch)) {
            self.reconcile(node, number, &memory, out);
            return;
        }
        // It comes back with nothing running, so what it held is lost, even if its lease still holds; but what it knows to have ended has.
        let epoch = self.nodes[node.index()].epoch;
        for end in ends.into_iter().filter(|end| lives && (end.node, end.epoch) == (node, epoch)) {
            self.found(node, end.task, end.run, Status::Ended(end.cause), out);
        }
        self.lose(node, out);
        let node = if same_capacity {
            self.relabel(node, spec);
            node
        } else {
            // Cores and bytes of a node never change; a machine that offers others is another node of the name.
            // The worker that has the name now is not to hear that the other was let go.
            self.set_state(node, NodeState::Left, out);
            self.new_node(&spec, instance)
        };
        self.nodes[node.index()].instance = instance;
        self.begin_epoch(node, number, heartbeat, out);
    }

    fn new_node(&mut self, spec: &Arc<NodeSpec>, instance: u64) -> NodeId {
        let node = self.ledger.add_node(&spec.class);
        self.names.insert(spec.name.clone(), node);
        let (spec, joined, state) = (Arc::clone(spec), Arc::clone(&spec.class), NodeState::Joining);
        self.nodes.push(Node { spec, joined, instance, epoch: 0, state, cordoned: false, suspect: false, leaving: false });
        node
    }

    fn begin_epoch(&mut self, node: NodeId, join: u64, heartbeat: Millis, out: &mut Outbox) {
        let record = &mut self.nodes[node.index()];
        record.epoch += 1;
        (record.leaving, record.suspect) = (false, false);
        let (epoch, spec) = (record.epoch, Arc::clone(&record.spec));
        out.messages.push(Message::Discovery(ToDiscovery::Watch { node, name: spec.name.clone(), epoch, heartbeat }));
        self.welcome(node, join, out);
        out.messages.push(Message::JobManager(ToJobManager::NodeReady { node, spec: Arc::clone(&spec) }));
        out.events.push(Event::Joined { node, spec, epoch });
        self.set_state(node, NodeState::Ready, out);
    }

    fn welcome(&self, node: NodeId, join: u64, out: &mut Outbox) {
        let fence = Fence { term: self.term, epoch: self.nodes[node.index()].epoch };
        out.messages.push(Message::Agent(node, ToAgent::Welcome { node, fence, join }));
    }

    /// Sends again what the worker may not have heard, stops what nobody holds, and asks Discovery about what it lost.
    fn reconcile(&mut self, node: NodeId, join: u64, memory: &Memory, out: &mut Outbox) {
        self.welcome(node, join, out);
        let held: Vec<(TaskKey, Reservation)> = self.ledger.on(node).map(|(task, held)| (task, held.clone())).collect();
        for (task, run) in &memory.runs {
            // What a move that came to nothing left there is what the task is to go on from.
            let kept = |held: &Reservation| matches!(held.phase, Phase::Resuming { .. }) && held.run.attempt == run.attempt;
            if !held.iter().any(|(there, held)| there == task && (held.run == *run || kept(held))) {
                self.order(node, *task, *run, Action::Stop { cause: Cause::RolledBack }, out);
            }
        }
        for (task, held) in held {
            let has = memory.runs.contains(&(task, held.run));
            self.repeat(node, task, held, has, out);
        }
    }

    /// What a worker with or without the run must hear again.
    fn repeat(&mut self, node: NodeId, task: TaskKey, held: Reservation, has: bool, out: &mut Outbox) {
        let Reservation { run, phase, stopping, .. } = held;
        match phase {
            Phase::Starting(start) if !has && stopping.is_none() => self.order(node, task, run, start.order(), out),
            Phase::Restoring { from, start, image } if !has && stopping.is_none() => {
                self.order(node, task, run, Action::Restore { start, image, source: from }, out);
            }
            Phase::Resuming { start, image } if !has => {
                self.order(node, task, run, Action::Restore { start, image, source: node }, out);
            }
            Phase::MovingOut { .. } | Phase::Checkpointing { .. } if has => {
                let keep = matches!(phase, Phase::Checkpointing { keep: true, .. });
                // As long as the target is not ready, nothing is asked of the source.
                if let Some(target) = self.image_for(task, &phase) {
                    self.order(node, task, run, Action::Checkpoint { target, keep }, out);
                }
            }
            Phase::Resizing(resizing) if has => {
                let Resizing { number, to: (cpuset, memory), .. } = *resizing;
                self.order(node, task, run, Action::Resize { number, cpuset, memory }, out);
            }
            Phase::Preparing { start, .. } => self.order(node, task, run, Action::Prepare(start), out),
            // What was made ready may be gone with the worker: then the restore makes it.
            Phase::Awaiting { .. } => {}
            _ if !has => self.vanished(node, task, run, out),
            _ => {}
        }
        if let Some(cause) = stopping {
            self.order(node, task, run, Action::Stop { cause }, out);
        }
    }

    fn vanished(&self, node: NodeId, task: TaskKey, run: Run, out: &mut Outbox) {
        out.messages.push(Message::Discovery(ToDiscovery::Vanished { node, task, run }));
    }

    /// Drains a node and lets it go once it is empty, or lets it go at once.
    pub(super) fn remove(&mut self, node: NodeId, force: bool, operation: Operation, out: &mut Outbox) {
        self.nodes[node.index()].leaving = true;
        if force {
            self.lose(node, out);
        } else if self.nodes[node.index()].state == NodeState::Ready {
            self.set_state(node, NodeState::Draining, out);
            out.messages.push(Message::JobManager(ToJobManager::Operate(operation)));
        }
        self.leave_if_empty(node, out);
    }

    /// A node that shall go and holds nothing goes.
    pub(super) fn leave_if_empty(&mut self, node: NodeId, out: &mut Outbox) {
        let record = &self.nodes[node.index()];
        if !record.leaving || record.state == NodeState::Left || self.ledger.on(node).next().is_some() {
            return;
        }
        if record.state != NodeState::Unreachable {
            out.messages.push(Message::JobManager(ToJobManager::NodeLost(node)));
        }
        self.set_state(node, NodeState::Left, out);
        out.messages.push(Message::Agent(node, ToAgent::Removed));
    }
}
