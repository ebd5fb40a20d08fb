//! The carrier in virtual time: it moves messages between the machines, keeps their timers, and lets nodes die. It decides nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use actors::{Discovery, FrontEnd, GlobalManager, JobManager};
use engine::{Agent, Signals, SimulatedDriver};
use model::{Event, JobId, Join, Message, Millis, NodeId, Outbox, Request, Submission, TaskKind, Timer, ToFrontEnd, ToGlobalManager};
use rand::RngExt as _;
use scheduler::check::faults;

use super::behaviour::Nature;
use super::config::{Arrival, Config, Deed};
use super::heap::{Class, Heap, Item};
use super::observer::Observer;
use super::random::Stream;

/// A node as the carrier knows it.
#[derive(Debug)]
struct Host {
    agent: Agent<SimulatedDriver<Nature>>,
    up: bool,
    /// Rises when it dies: what was on its way from it is lost.
    incarnation: u32,
    /// When its heartbeats began.
    since: Millis,
}

/// A machine, as one end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    FrontEnd,
    JobManager,
    GlobalManager,
    Discovery,
    Agent(NodeId),
}

/// All machines and everything on its way between them.
pub struct World<'a> {
    config: &'a Config,
    nature: Arc<Nature>,
    front_end: FrontEnd,
    job_manager: JobManager,
    global_manager: GlobalManager,
    discovery: Discovery,
    hosts: Vec<Host>,
    heap: Heap,
    /// Messages that arrive at this very moment, where latency is zero.
    near: VecDeque<Message>,
    /// When the latest message on a link arrives: a link keeps its order.
    links: BTreeMap<(Place, Place), Millis>,
    jitter: Stream,
    failures: Stream,
    out: Outbox,
    signals: Signals,
    now: Millis,
    delivered: u64,
    /// Instances of container tasks that have not ended.
    open_tasks: u64,
    services: BTreeMap<JobId, Arc<model::JobBody>>,
    observer: Observer,
}

impl<'a> World<'a> {
    /// The cluster before anything has happened; its nodes join first.
    #[must_use]
    pub fn new(config: &'a Config, observer: Observer) -> Self {
        let nature = Arc::new(Nature::new(config.seed, config.timing));
        let mut world = Self {
            config,
            front_end: FrontEnd::new(),
            job_manager: JobManager::new(config.policy, config.timing.round),
            global_manager: GlobalManager::new(),
            discovery: Discovery::new(config.timing.lease),
            hosts: Vec::with_capacity(config.nodes.len()),
            heap: Heap::default(),
            near: VecDeque::new(),
            links: BTreeMap::new(),
            jitter: Stream::new(config.seed, "jitter"),
            failures: Stream::new(config.seed, "node-failure"),
            out: Outbox::default(),
            signals: Signals::new(),
            now: config.start,
            delivered: 0,
            open_tasks: 0,
            services: BTreeMap::new(),
            observer,
            nature,
        };
        for node in (0..config.nodes.len() as u32).map(NodeId) {
            let agent = Agent::new(node, SimulatedDriver::new(Arc::clone(&world.nature)));
            world.hosts.push(Host { agent, up: true, incarnation: 0, since: config.start });
            world.deliver(join(config, node));
            world.settle();
            world.expect_failure(node, 0);
        }
        for (index, (at, _)) in config.script.iter().enumerate() {
            world.heap.push((*at).max(config.start), Class::Deed, Item::Deed(index));
        }
        world
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Messages, timers and deeds that were delivered.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Whether a message arrives at the moment in which it is sent, so that between two steps all machines know the same.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        self.config.timing.latency == Millis::ZERO && self.config.timing.jitter == Millis::ZERO
    }

    /// The machines that hold what a saved state is made of.
    #[must_use]
    pub fn machines(&self) -> (&JobManager, &GlobalManager) {
        (&self.job_manager, &self.global_manager)
    }

    /// What looks on.
    #[must_use]
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// The agents of the nodes that are up.
    pub fn agents(&self) -> impl Iterator<Item = (NodeId, &Agent<SimulatedDriver<Nature>>)> {
        let hosts = self.hosts.iter().enumerate().filter(|(_, host)| host.up);
        hosts.map(|(index, host)| (NodeId(index as u32), &host.agent))
    }

    /// When and of which class the next thing is that does not come from outside.
    #[must_use]
    pub fn next(&self) -> Option<(Millis, Class)> {
        self.heap.next()
    }

    /// Whether anything can still change what has become of a task.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.heap.has_work() || (self.open_tasks > 0 && self.hosts.iter().any(|host| !host.up))
    }

    /// Says why everything that waits waits, at the end of a run, and hands the observer back.
    #[must_use]
    pub fn finish(mut self) -> Observer {
        for (shape, reason) in self.job_manager.reasons() {
            let numbered = self.front_end.publish(self.now, Event::Waiting { shape, reason: Some(reason) });
            self.observer.event(&numbered);
        }
        self.observer
    }

    /// A job arrives.
    pub fn arrive(&mut self, arrival: Arrival) {
        self.now = arrival.at;
        let Arrival { submitted, mut spec, progress, .. } = arrival;
        let job = self.front_end.next_job();
        if let Some(error) = self.config.estimate_error {
            self.estimate(job, &mut spec, error);
        }
        let instances =
            spec.body.tasks.iter().filter(|task| task.kind == TaskKind::Container).map(|task| u64::from(task.count)).sum::<u64>();
        self.open_tasks += instances;
        if spec.body.tasks.iter().any(|task| task.kind == TaskKind::Service) {
            self.services.insert(job, Arc::clone(&spec.body));
        }
        self.observer.admitted(self.now, job, &spec, submitted);
        self.deliver(Message::FrontEnd(ToFrontEnd::Request(Request::Submit(Box::new(Submission {
            spec,
            submitted,
            progress,
            key: None,
        })))));
        self.settle();
    }

    /// Lets the next thing happen. Effects of one moment happen together, and only then what follows from them: so it is live, too,
    /// where what is due at one moment is taken in one turn.
    pub fn advance(&mut self) {
        let Some((at, item)) = self.heap.pop() else { return };
        self.now = at;
        self.happen(at, item);
        if self.is_prompt() {
            while self.heap.next() == Some((at, Class::Effect))
                && let Some((_, item)) = self.heap.pop()
            {
                self.happen(at, item);
            }
        }
        self.settle();
    }

    fn happen(&mut self, at: Millis, item: Item) {
        self.delivered += 1;
        match item {
            Item::Round => {
                self.observer.round(at);
                self.job_manager.wake(at, &mut self.out);
                self.route(Place::JobManager);
            }
            Item::Look(node, timer) => {
                if !self.hosts[node.index()].up {
                    self.discovery.wake(at, timer, &mut self.out);
                    self.route(Place::Discovery);
                }
            }
            Item::Limit(node, task, run) => {
                if self.hosts[node.index()].up {
                    self.hosts[node.index()].agent.limit(at, task, run, &mut self.signals);
                    self.route_agent(node);
                }
            }
            Item::Signal(node, incarnation, signal) => {
                if self.hosts[node.index()].incarnation == incarnation {
                    self.hosts[node.index()].agent.signal(at, signal, &mut self.out);
                    self.route_agent(node);
                }
            }
            Item::Message(message) => self.deliver(*message),
            Item::Deed(index) => self.deed(self.config.script[index].1.clone()),
            Item::Fail(node, count) => {
                self.fail(node);
                self.expect_repair(node, count);
            }
            Item::Repair(node, count) => {
                self.repair(node);
                self.expect_failure(node, count + 1);
            }
        }
    }

    /// Lets everything arrive that arrives at this very moment.
    fn settle(&mut self) {
        while let Some(message) = self.near.pop_front() {
            self.deliver(message);
        }
    }

    fn deliver(&mut self, message: Message) {
        self.delivered += 1;
        let now = self.now;
        match message {
            Message::FrontEnd(request) => {
                self.front_end.step(now, request, &mut self.out);
                self.route(Place::FrontEnd);
            }
            Message::JobManager(input) => {
                self.observer.input(now, &input);
                self.job_manager.step(now, input, &mut self.out);
                self.route(Place::JobManager);
            }
            Message::GlobalManager(input) => {
                if let ToGlobalManager::Propose(plan) = &input {
                    debug_assert!(
                        !self.is_prompt() || faults(plan, self.global_manager.free(), self.global_manager.ports()).is_empty(),
                        "{:?}",
                        faults(plan, self.global_manager.free(), self.global_manager.ports())
                    );
                    self.observer.plan(plan);
                }
                self.global_manager.step(now, input, &mut self.out);
                self.route(Place::GlobalManager);
            }
            Message::Discovery(input) => {
                self.discovery.step(now, input, &mut self.out);
                self.route(Place::Discovery);
            }
            Message::Agent(node, input) => {
                let host = &mut self.hosts[node.index()];
                if host.up {
                    host.agent.step(now, input, &mut self.signals, &mut self.out);
                    self.route_agent(node);
                }
            }
        }
    }

    /// Publishes, sends and keeps what a machine has put out.
    fn route(&mut self, from: Place) {
        let mut out = std::mem::take(&mut self.out);
        for event in out.events.drain(..) {
            self.count(&event);
            let numbered = self.front_end.publish(self.now, event);
            self.observer.event(&numbered);
        }
        for (at, timer) in out.timers.drain(..) {
            match timer {
                Timer::Round => self.heap.push(at, Class::Round, Item::Round),
                // The heartbeats of a node that lives are not simulated one by one, so nobody looks for them either.
                Timer::Lease(node) | Timer::Suspect(node) if self.hosts[node.index()].up => {}
                Timer::Lease(node) | Timer::Suspect(node) => self.heap.push(at, Class::Effect, Item::Look(node, timer)),
                Timer::Limit(node, task, run) => self.heap.push(at, Class::Effect, Item::Limit(node, task, run)),
            }
        }
        if self.is_prompt() {
            self.near.extend(out.messages.drain(..));
        } else {
            for message in out.messages.drain(..) {
                self.send(from, message);
            }
        }
        self.out = out;
    }

    /// The same for an agent, whose driver's signals may hold now or later.
    fn route_agent(&mut self, node: NodeId) {
        self.route(Place::Agent(node));
        let mut signals = std::mem::take(&mut self.signals);
        for (at, signal) in signals.drain(..) {
            if at > self.now {
                let incarnation = self.hosts[node.index()].incarnation;
                self.heap.push(at, Class::Effect, Item::Signal(node, incarnation, signal));
            } else {
                self.hosts[node.index()].agent.signal(self.now, signal, &mut self.out);
                self.route(Place::Agent(node));
            }
        }
        self.signals = signals;
    }

    fn send(&mut self, from: Place, message: Message) {
        let to = match &message {
            Message::FrontEnd(_) => Place::FrontEnd,
            Message::JobManager(_) => Place::JobManager,
            Message::GlobalManager(_) => Place::GlobalManager,
            Message::Discovery(_) => Place::Discovery,
            Message::Agent(node, _) => Place::Agent(*node),
        };
        let timing = &self.config.timing;
        let jitter = match timing.jitter {
            Millis::ZERO => Millis::ZERO,
            most => Millis(self.jitter.at(&[self.delivered, self.near.len() as u64]).random_range(0..=most.0)),
        };
        let latest = self.links.entry((from, to)).or_default();
        *latest = (*latest).max(self.now + timing.latency + jitter);
        self.heap.push(*latest, Class::Effect, Item::Message(Box::new(message)));
    }

    fn count(&mut self, event: &Event) {
        if let Event::Task { task, to, from, .. } = event
            && to.is_terminal()
            && !from.is_terminal()
        {
            let service =
                self.services.get(&task.job).is_some_and(|body| body.tasks[body.task_of(task.instance)].kind == TaskKind::Service);
            self.open_tasks -= u64::from(!service);
        }
    }

    fn deed(&mut self, deed: Deed) {
        match deed {
            Deed::Fail(node) => self.fail(node),
            Deed::Repair(node) => self.repair(node),
            Deed::Operate(operation) => self.deliver(Message::FrontEnd(ToFrontEnd::Request(Request::Operate(operation)))),
        }
    }

    /// The node dies with everything on it. Discovery has heard its last heartbeat, and will wait for the next in vain.
    fn fail(&mut self, node: NodeId) {
        let (now, heartbeat) = (self.now, self.config.timing.heartbeat);
        let host = &mut self.hosts[node.index()];
        if !host.up {
            return;
        }
        host.up = false;
        host.incarnation += 1;
        let last = Millis(now.since(host.since).0 / heartbeat.0 * heartbeat.0) + host.since;
        let heard = host.agent.heartbeat();
        self.discovery.step(last, heard, &mut self.out);
        for timer in [Timer::Suspect(node), Timer::Lease(node)] {
            self.discovery.wake(now, timer, &mut self.out);
        }
        self.route(Place::Discovery);
    }

    /// The node comes back, empty, and joins again.
    fn repair(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.index()];
        if host.up {
            return;
        }
        host.up = true;
        host.since = self.now;
        host.agent = Agent::new(node, SimulatedDriver::new(Arc::clone(&self.nature)));
        self.out.messages.push(join(self.config, node));
        self.route(Place::Agent(node));
    }

    fn expect_failure(&mut self, node: NodeId, count: u32) {
        if let Some(failures) = self.config.failures {
            let at = self.now + self.exponential(node, 2 * count, failures.mttf_s);
            self.heap.push(at, Class::Deed, Item::Fail(node, count));
        }
    }

    fn expect_repair(&mut self, node: NodeId, count: u32) {
        if let Some(failures) = self.config.failures {
            let at = self.now + self.exponential(node, 2 * count + 1, failures.mttr_s);
            self.heap.push(at, Class::Deed, Item::Repair(node, count));
        }
    }

    fn exponential(&self, node: NodeId, draw: u32, mean_s: f64) -> Millis {
        model::Distribution::Exponential { mean: mean_s }.draw(&mut self.failures.at(&[u64::from(node.0), u64::from(draw)]))
    }

    /// Gives every task without an estimate one.
    fn estimate(&self, job: JobId, spec: &mut model::JobSpec, error: f64) {
        let mut body = (*spec.body).clone();
        let mut first = 0;
        for task in &mut body.tasks {
            if task.expected.is_none() && task.kind == TaskKind::Container {
                let estimate = self.nature.estimate(job, first, task, error);
                Arc::make_mut(task).expected = Some(estimate);
            }
            first += task.count;
        }
        spec.body = Arc::new(body);
    }
}

/// The join of a node that runs nothing.
fn join(config: &Config, node: NodeId) -> Message {
    let join = Join::fresh(Arc::clone(&config.nodes[node.index()]), 0, config.timing.heartbeat);
    Message::GlobalManager(ToGlobalManager::Join(Box::new(join)))
}
