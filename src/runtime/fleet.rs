//! Simulated workers in the process of the control plane, in real time: agents with simulated drivers and one heap of what comes.
//! They keep nothing over a restart, so they join anew after it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use engine::{Agent, Behaviour, Signal, Signals, SimulatedDriver};
use model::{Bytes, Join, Message, Millis, NodeId, NodeSpec, Outbox, Run, TaskKey, TaskSpec, Timer, ToAgent, ToGlobalManager};

/// The instance of all of them: with the process its workers have surely ended, so those of the next launch may come back at once.
const INSTANCE: u64 = 0;

/// How simulated tasks behave, whoever says so.
#[derive(Clone)]
pub struct AnyBehaviour(pub Arc<dyn Behaviour + Send + Sync>);

impl Behaviour for AnyBehaviour {
    fn attempt(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> (Option<Millis>, i32) {
        self.0.attempt(task, attempt, spec)
    }
    fn start_delay(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> Millis {
        self.0.start_delay(task, attempt, spec)
    }
    fn checkpoint_time(&self, memory: Bytes) -> Millis {
        self.0.checkpoint_time(memory)
    }
    fn restore_time(&self, size: Bytes, moved: bool) -> Millis {
        self.0.restore_time(size, moved)
    }
}

/// Which simulated workers there are.
#[derive(Clone)]
pub struct FleetOptions {
    /// Their nodes.
    pub nodes: Vec<Arc<NodeSpec>>,
    /// How their tasks behave.
    pub behaviour: AnyBehaviour,
    /// Between their heartbeats.
    pub heartbeat: Millis,
}

struct Host {
    spec: Arc<NodeSpec>,
    agent: Agent<SimulatedDriver<AnyBehaviour>>,
    up: bool,
    joined: bool,
    /// Rises when it dies: what was to come of it is void.
    incarnation: u32,
    since: Millis,
}

/// What comes of a host.
enum Due {
    Signal(Signal),
    Limit(TaskKey, Run),
    Heartbeat,
}

struct Entry {
    at: Millis,
    order: u64,
    host: usize,
    incarnation: u32,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// All simulated workers.
pub(super) struct Fleet {
    options: FleetOptions,
    hosts: Vec<Host>,
    /// By the ids that the GlobalManager gave.
    ids: BTreeMap<NodeId, usize>,
    names: BTreeMap<model::Name, usize>,
    heap: BinaryHeap<Reverse<Entry>>,
    pushed: u64,
    signals: Signals,
    out: Outbox,
}

impl Fleet {
    /// The workers, none of them joined.
    pub fn new(options: FleetOptions) -> Self {
        let host = |spec: &Arc<NodeSpec>| Host {
            spec: Arc::clone(spec),
            agent: fresh(&options.behaviour),
            up: true,
            joined: false,
            incarnation: 0,
            since: Millis::ZERO,
        };
        let hosts: Vec<Host> = options.nodes.iter().map(host).collect();
        let names = options.nodes.iter().enumerate().map(|(index, spec)| (spec.name.clone(), index)).collect();
        Self {
            hosts,
            names,
            ids: BTreeMap::new(),
            heap: BinaryHeap::new(),
            pushed: 0,
            signals: Signals::new(),
            out: Outbox::default(),
            options,
        }
    }

    /// The joins of all workers that are up.
    pub fn joins(&self) -> Vec<Message> {
        self.hosts.iter().filter(|host| host.up && !host.joined).map(|host| join(host, self.options.heartbeat)).collect()
    }

    /// Whether a node of this name is one of these.
    pub fn has(&self, name: &model::Name) -> bool {
        self.names.contains_key(name)
    }

    /// When the next thing comes.
    pub fn next(&self) -> Option<Millis> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Lets everything come that is due; what it says goes to `send` in order.
    pub fn advance(&mut self, now: Millis, send: &mut impl FnMut(Message)) {
        while self.next().is_some_and(|at| at <= now) {
            let Some(Reverse(Entry { at, host, incarnation, due, .. })) = self.heap.pop() else { return };
            let alive = self.hosts[host].up && self.hosts[host].incarnation == incarnation;
            if !alive {
                continue;
            }
            match due {
                Due::Signal(signal) => self.hosts[host].agent.signal(now, signal, &mut self.out),
                Due::Limit(task, run) => self.hosts[host].agent.limit(now, task, run, &mut self.signals),
                Due::Heartbeat => {
                    send(Message::Discovery(self.hosts[host].agent.heartbeat()));
                    self.push(at + self.options.heartbeat, host, Due::Heartbeat);
                }
            }
            self.settle(now, host, send);
        }
    }

    /// Gives a message to the agent of a node.
    pub fn tell(&mut self, now: Millis, node: NodeId, name: &model::Name, message: ToAgent, send: &mut impl FnMut(Message)) {
        let Some(&host) = self.names.get(name) else { return };
        if !self.hosts[host].up {
            return;
        }
        if let ToAgent::Welcome { .. } = message {
            self.ids.insert(node, host);
            if !std::mem::replace(&mut self.hosts[host].joined, true) {
                self.hosts[host].since = now;
                self.push(now + self.options.heartbeat, host, Due::Heartbeat);
            }
        }
        self.hosts[host].agent.step(now, message, &mut self.signals, &mut self.out);
        self.settle(now, host, send);
    }

    /// A worker dies with everything on it. The last heartbeat that it sent is the answer.
    pub fn fail(&mut self, now: Millis, index: usize) -> Option<(Millis, Message)> {
        let heartbeat = self.options.heartbeat;
        let host = self.hosts.get_mut(index).filter(|host| host.up)?;
        (host.up, host.joined) = (false, false);
        host.incarnation += 1;
        let last = Millis(now.since(host.since).0 / heartbeat.0 * heartbeat.0) + host.since;
        Some((last, Message::Discovery(host.agent.heartbeat())))
    }

    /// It comes back, empty; the answer is its join.
    pub fn repair(&mut self, index: usize) -> Option<Message> {
        let host = self.hosts.get_mut(index).filter(|host| !host.up)?;
        host.up = true;
        host.agent = fresh(&self.options.behaviour);
        Some(join(host, self.options.heartbeat))
    }

    /// Sends what the agent has put out, and keeps what is still to come.
    fn settle(&mut self, now: Millis, host: usize, send: &mut impl FnMut(Message)) {
        let mut signals = std::mem::take(&mut self.signals);
        self.sort(host, send);
        for (at, signal) in signals.drain(..) {
            if at > now {
                self.push(at, host, Due::Signal(signal));
            } else {
                self.hosts[host].agent.signal(now, signal, &mut self.out);
                self.sort(host, send);
            }
        }
        self.signals = signals;
    }

    fn sort(&mut self, host: usize, send: &mut impl FnMut(Message)) {
        let mut out = std::mem::take(&mut self.out);
        out.messages.drain(..).for_each(&mut *send);
        for (at, timer) in out.timers.drain(..) {
            if let Timer::Limit(_, task, run) = timer {
                self.push(at, host, Due::Limit(task, run));
            }
        }
        self.out = out;
    }

    fn push(&mut self, at: Millis, host: usize, due: Due) {
        self.pushed += 1;
        let incarnation = self.hosts[host].incarnation;
        self.heap.push(Reverse(Entry { at, order: self.pushed, host, incarnation, due }));
    }
}

fn join(host: &Host, heartbeat: Millis) -> Message {
    Message::GlobalManager(ToGlobalManager::Join(Box::new(Join::fresh(Arc::clone(&host.spec), INSTANCE, heartbeat))))
}

fn fresh(behaviour: &AnyBehaviour) -> Agent<SimulatedDriver<AnyBehaviour>> {
    // The agent learns the id of its node with its welcome.
    Agent::new(NodeId(0), SimulatedDriver::new(Arc::new(behaviour.clone())))
}
