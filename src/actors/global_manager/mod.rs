//! The GlobalManager: nodes, the ledger, and the orders to workers. It rechecks every plan before it reserves.

mod join;
mod ledger;
mod moves;
mod sizes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{Ledger, Phase, Reservation};
use model::{
    Action, Cause, Change, Event, Fence, Finding, Message, Millis, Name, NodeClass, NodeId, NodeSpec, NodeState, Operation, Order, Outbox,
    Placement, Plan, Run, Start, Status, Stop, TaskKey, ToAgent, ToDiscovery, ToGlobalManager, ToJobManager, Token,
};
use serde::{Deserialize, Serialize};

/// The first term; a GlobalManager that takes over counts on.
const FIRST_TERM: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Node {
    spec: Arc<NodeSpec>,
    /// Its class as its worker said it when it joined: an operator may have given it other labels since.
    joined: Arc<NodeClass>,
    /// Which instance of the name holds it.
    instance: u64,
    epoch: u32,
    state: NodeState,
    cordoned: bool,
    /// Heartbeats of it are missing.
    suspect: bool,
    /// It goes when nothing holds it any more.
    leaving: bool,
}

/// The GlobalManager's state.
#[derive(Debug, Serialize, Deserialize)]
pub struct GlobalManager {
    term: u32,
    names: BTreeMap<Name, NodeId>,
    nodes: Vec<Node>,
    ledger: Ledger,
    /// Tokens with which workers and actors may join.
    tokens: BTreeMap<Name, Token>,
}

impl Default for GlobalManager {
    fn default() -> Self {
        Self { term: FIRST_TERM, names: BTreeMap::new(), nodes: Vec::new(), ledger: Ledger::default(), tokens: BTreeMap::new() }
    }
}

impl GlobalManager {
    /// A GlobalManager of a cluster without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is free on every node, by the ledger.
    #[must_use]
    pub fn free(&self) -> &scheduler::inventory::Inventory {
        self.ledger.free()
    }

    /// Which host ports are held, by the ledger.
    #[must_use]
    pub fn ports(&self) -> &scheduler::ports::Ports {
        self.ledger.ports()
    }

    /// Which runs hold cores on a node, by the ledger.
    pub fn holders(&self, node: NodeId) -> impl Iterator<Item = (TaskKey, Run, &model::CpuSet)> {
        self.ledger.on(node).map(|(task, held)| (task, held.run, &held.cpuset))
    }

    /// A node's name.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> Option<&Name> {
        self.nodes.get(node.index()).map(|node| &node.spec.name)
    }

    /// The tokens with which workers and actors may join.
    #[must_use]
    pub fn tokens(&self) -> &BTreeMap<Name, Token> {
        &self.tokens
    }

    /// A node's state.
    #[must_use]
    pub fn node_state(&self, node: NodeId) -> NodeState {
        self.nodes[node.index()].state
    }

    /// Takes a message.
    pub fn step(&mut self, _now: Millis, input: ToGlobalManager, out: &mut Outbox) {
        match input {
            ToGlobalManager::Join(join) => self.join(*join, out),
            ToGlobalManager::Propose(plan) => self.carry_out(*plan, out),
            ToGlobalManager::Stop(stop) => self.stop(stop, out),
            ToGlobalManager::Operate(operation) => self.operate(operation, out),
            ToGlobalManager::AddToken(token) => {
                self.tokens.insert(token.id.clone(), *token);
            }
            ToGlobalManager::RevokeToken(id) => {
                self.tokens.remove(&id);
            }
            ToGlobalManager::Forget(job) => out.messages.push(Message::Discovery(ToDiscovery::Forget(job))),
            ToGlobalManager::Found(Finding::NodeLost { node, epoch }) => {
                if self.nodes.get(node.index()).is_some_and(|record| record.epoch == epoch) {
                    self.lose(node, out);
                }
            }
            ToGlobalManager::Found(Finding::NodeSuspect { node, epoch, suspect }) => {
                if self.nodes.get(node.index()).is_some_and(|record| record.epoch == epoch) {
                    self.suspect(node, suspect, out);
                }
            }
            ToGlobalManager::Found(Finding::Run { node, task, run, status }) => self.found(node, task, run, status, out),
        }
    }

    fn set_state(&mut self, node: NodeId, to: NodeState, out: &mut Outbox) {
        let record = &mut self.nodes[node.index()];
        let from = std::mem::replace(&mut record.state, to);
        self.ledger.set_open(node, to == NodeState::Ready && !record.cordoned && !record.suspect);
        if from != to {
            out.events.push(Event::Node { node, from, to });
        }
    }

    fn operate(&mut self, operation: Operation, out: &mut Outbox) {
        let name = match &operation {
            Operation::Cordon { node, .. }
            | Operation::Drain { node, .. }
            | Operation::Undrain { node }
            | Operation::Remove { node, .. }
            | Operation::Label { node, .. } => node,
            Operation::Stop(_)
            | Operation::StopTask(_)
            | Operation::SetPolicy(_)
            | Operation::Migrate { .. }
            | Operation::Amend { .. }
            | Operation::Resize { .. }
            | Operation::Checkpoint(_) => return,
        };
        let Some(&node) = self.names.get(name) else { return };
        let state = self.nodes[node.index()].state;
        match operation {
            Operation::Cordon { cordoned, .. } => {
                self.nodes[node.index()].cordoned = cordoned;
                self.set_state(node, state, out);
                out.events.push(Event::Cordoned { node, cordoned });
            }
            Operation::Drain { .. } if state == NodeState::Ready => self.set_state(node, NodeState::Draining, out),
            Operation::Undrain { .. } if state == NodeState::Draining => {
                self.nodes[node.index()].leaving = false;
                self.set_state(node, NodeState::Ready, out);
            }
            Operation::Remove { force, .. } if state != NodeState::Left => {
                self.remove(node, force, operation, out);
                return;
            }
            Operation::Label { ref labels, .. } if state != NodeState::Left => {
                // One that would change a fixed label is refused by the FrontEnd.
                let Ok(spec) = self.nodes[node.index()].spec.relabelled(labels.clone()) else { return };
                self.relabel(node, Arc::new(spec));
                out.events.push(Event::Labelled { node, labels: labels.clone() });
            }
            _ => return,
        }
        out.messages.push(Message::JobManager(ToJobManager::Operate(operation)));
    }

    /// Takes a spec of the node that differs in nothing but labels.
    fn relabel(&mut self, node: NodeId, spec: Arc<NodeSpec>) {
        self.ledger.set_labels(node, &spec.class.labels);
        self.nodes[node.index()].spec = spec;
    }

    fn carry_out(&mut self, plan: Plan, out: &mut Outbox) {
        for stop in plan.stops {
            self.stop(stop, out);
        }
        let mut refused = Vec::new();
        for moved in plan.moves {
            refused.extend(self.begin_move(moved, out));
        }
        for resize in plan.resizes {
            self.begin_resize(resize, out);
        }
        for checkpoint in plan.checkpoints {
            self.begin_checkpoint(checkpoint, out);
        }
        out.messages.reserve(plan.placements.len());
        out.events.reserve(plan.placements.len());
        let mut gang: Vec<Placement> = Vec::new();
        for placement in plan.placements {
            if gang.last().is_some_and(|last| last.gang != placement.gang) {
                self.start_gang(&mut gang, &mut refused, out);
            }
            gang.push(placement);
        }
        self.start_gang(&mut gang, &mut refused, out);
        out.messages.push(Message::JobManager(ToJobManager::Planned { refused }));
    }

    /// Reserves for all of a gang and orders the starts, or reserves for none and refuses all.
    fn start_gang(&mut self, gang: &mut Vec<Placement>, refused: &mut Vec<Placement>, out: &mut Outbox) {
        let events = out.events.len();
        for (index, placement) in gang.iter().enumerate() {
            if !self.ledger.reserve(
                placement.node,
                placement.task,
                reservation(placement, Phase::Starting(Box::new(start(placement.clone())))),
                out,
            ) {
                for earlier in &gang[..index] {
                    self.ledger.release(earlier.node, earlier.task, out).expect("it was reserved just now");
                }
                // Nothing was held beyond this step, so nothing is said of it.
                out.events.truncate(events);
                refused.append(gang);
                return;
            }
        }
        for placement in gang.drain(..) {
            let (node, task, run) = (placement.node, placement.task, placement.run);
            self.order(node, task, run, Box::new(start(placement)).order(), out);
        }
    }

    fn stop(&mut self, stop: Stop, out: &mut Outbox) {
        let held = self.ledger.get_mut(stop.node, stop.task);
        if let Some(held) = held.filter(|held| held.run == stop.run) {
            held.stopping = Some(stop.cause);
            self.order(stop.node, stop.task, stop.run, Action::Stop { cause: stop.cause }, out);
        }
    }

    fn order(&self, node: NodeId, task: TaskKey, run: Run, action: Action, out: &mut Outbox) {
        let fence = Fence { term: self.term, epoch: self.nodes[node.index()].epoch };
        out.messages.push(Message::Agent(node, ToAgent::Order(Order { fence, task, run, action })));
    }

    /// Heartbeats of a node are missing, or it is heard of again: what it holds stays, and what is new goes elsewhere meanwhile.
    fn suspect(&mut self, node: NodeId, suspect: bool, out: &mut Outbox) {
        let record = &mut self.nodes[node.index()];
        if matches!(record.state, NodeState::Unreachable | NodeState::Left) {
            return;
        }
        record.suspect = suspect;
        let state = record.state;
        self.set_state(node, state, out);
        out.events.push(Event::Suspected { node, suspect });
        out.messages.push(Message::JobManager(ToJobManager::NodeSuspect { node, suspect }));
    }

    /// A node's lease has surely run out: what it held is free, and its tasks are told lost one by one.
    fn lose(&mut self, node: NodeId, out: &mut Outbox) {
        if matches!(self.nodes[node.index()].state, NodeState::Unreachable | NodeState::Left) {
            return;
        }
        self.set_state(node, NodeState::Unreachable, out);
        // Before what that means for its tasks: what cannot move there may want another node.
        out.messages.push(Message::JobManager(ToJobManager::NodeLost(node)));
        let mut tasks: Vec<TaskKey> = self.ledger.on(node).map(|(task, _)| task).collect();
        tasks.sort_unstable();
        for task in tasks {
            self.ended(node, task, Cause::NodeLost, out);
        }
        self.leave_if_empty(node, out);
    }

    fn found(&mut self, node: NodeId, task: TaskKey, run: Run, status: Status, out: &mut Outbox) {
        // A report about a run that holds nothing here is stale: its end was taken already.
        let Some(held) = self.ledger.get_mut(node, task).filter(|held| held.run == run) else { return };
        match (status, &held.phase) {
            (Status::Running, Phase::Starting(_) | Phase::Resuming { .. }) => {
                held.phase = Phase::Running;
                tell(node, task, run, Change::Started, out);
            }
            (Status::Running, &Phase::Restoring { from, .. }) => {
                held.phase = Phase::Running;
                self.moved(node, task, run, from, out);
            }
            (Status::Prepared, _) => self.prepared(node, task, out),
            (Status::Unprepared, &Phase::Preparing { from, .. }) => {
                self.cancel_target(node, task, Cause::RolledBack, out);
                self.unprepared(from, task, out);
            }
            (Status::Checkpointed(image), _) => self.checkpointed(node, task, image, out),
            (Status::CheckpointRefused { target }, _) => self.stayed(node, task, target, out),
            (Status::Ended(cause), _) => self.ended(node, task, cause, out),
            (Status::Resized { number, done }, _) => self.resized(node, task, number, done, out),
            (Status::Running | Status::Unprepared, _) => {}
        }
    }

    /// Frees what a run held and says so; the other end of a move is settled with it.
    fn ended(&mut self, node: NodeId, task: TaskKey, cause: Cause, out: &mut Outbox) {
        let held = self.ledger.release(node, task, out).expect("only a holder ends");
        match held.phase {
            Phase::Starting(_) | Phase::Resuming { .. } | Phase::Running | Phase::Resizing(_) | Phase::Checkpointing { .. } => {}
            Phase::MovingOut { to } | Phase::Kept { to, .. } => self.cancel_target(to, task, cause, out),
            Phase::Preparing { from, .. } => {
                tell(node, task, held.run, Change::MoveFailed { target: node, cpuset: held.cpuset, memory: held.memory }, out);
                self.unprepared(from, task, out);
                return self.leave_if_empty(node, out);
            }
            Phase::Awaiting { from, start } | Phase::Restoring { from, start, .. } => {
                tell(node, task, held.run, Change::MoveFailed { target: node, cpuset: held.cpuset, memory: held.memory }, out);
                self.fall_back(from, task, held.run, *start, out);
                return self.leave_if_empty(node, out);
            }
        }
        tell(node, task, held.run, Change::Ended { cause, cpuset: held.cpuset, memory: held.memory }, out);
        self.leave_if_empty(node, out);
    }
}

fn reservation(placement: &Placement, phase: Phase) -> Reservation {
    let ports = placement.spec.host_ports();
    Reservation { run: placement.run, cpuset: placement.cpuset.clone(), memory: placement.memory, ports, phase, stopping: None }
}

fn start(placement: Placement) -> Start {
    let Placement { cpuset, memory, spec, limit, elapsed, ends, resume, .. } = placement;
    Start { cpuset, memory, spec, limit, elapsed, ends, resume }
}

fn tell(node: NodeId, task: TaskKey, run: Run, change: Change, out: &mut Outbox) {
    out.messages.push(Message::JobManager(ToJobManager::Changed { task, run, node, change }));
}
