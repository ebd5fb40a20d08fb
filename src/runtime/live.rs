//! The loop: waits for something to do, and does it in turns.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use link::FromPeer;
use model::{
    Action, JoinRefusal, Message, Millis, Name, NodeId, Operation, Order, Plan, Report, ReportBody, TaskKey, ToAgent, ToDiscovery,
    ToGlobalManager, ToJobManager, Token,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::door::{Asked, Silence, Trouble, WorkerAsked};
use super::fleet::Fleet;
use super::gate::Gate;
use super::links::Links;
use super::machine::ActorName;
use super::station::Sent;
use super::status::Status;
use super::swarm::Swarm;
use super::turn::{Routes, Stations, Work, each};
use super::workers::{Heard, Port, Questions, read};
use crate::journal::Journal;
use engine::wire::{FromWorker, ToWorker};

/// The most inputs of one turn: what comes in meanwhile waits for the next.
const MOST_OF_A_TURN: usize = 8192;
/// More instances than any job has that was let in: a report of a higher one is made up, and would make Discovery keep room for all below it.
const MOST_INSTANCES: u32 = 10_000;
/// The most that waits here for actors that are away before requests are refused.
const MOST_UNTAKEN: usize = 4096;
/// How long the loop waits before it tries a store again that refused.
const STORE_PATIENCE: Duration = Duration::from_millis(200);

/// What happens to a simulated worker from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It dies with everything on it.
    Fail(usize),
    /// It comes back, empty.
    Repair(usize),
}

/// Everything that comes in from outside.
pub(super) struct Inlets {
    pub requests: mpsc::Receiver<Asked>,
    pub questions: mpsc::Receiver<WorkerAsked>,
    pub deeds: mpsc::Receiver<Deed>,
    /// Sessions at the GlobalManager's port and at Discovery's.
    pub peers: mpsc::Receiver<(ActorName, FromPeer)>,
    /// Links to actors elsewhere that this process dials.
    pub servers: mpsc::Receiver<(ActorName, link::FromServer)>,
}

/// The state of the loop beside the machines.
#[derive(Default)]
pub(super) struct Outlets {
    pub here: [bool; ActorName::ALL.len()],
    /// Mail for machines here, in the order in which it was sent.
    pub mail: VecDeque<Work>,
    /// What a store refused: it goes before everything that came later.
    pub again: VecDeque<Work>,
    pub fleet: Option<Fleet>,
    /// The GlobalManager's end for workers, and Discovery's.
    pub ports: [Option<Port>; 2],
    pub links: Links,
    pub swarm: Swarm,
    /// Where workers give away images, by their names.
    pub images: BTreeMap<String, String>,
    /// Restores on nodes that wait for the worker that has the image to say where it gives it away.
    pub restores: BTreeMap<(NodeId, TaskKey), Order>,
    pub heard: Heard,
    pub journal: Option<Journal>,
    pub gate: Option<Arc<Gate>>,
    /// The engines that workers may have; absent: all.
    pub engines: Option<Vec<&'static str>>,
    /// Where the ports are bound.
    pub addresses: BTreeMap<ActorName, std::net::SocketAddr>,
}

/// The loop.
pub(super) struct Live {
    pub stations: Stations,
    pub outlets: Outlets,
    pub inlets: Inlets,
    pub questions: Questions,
    pub status: Arc<Status>,
    pub latest: watch::Sender<u64>,
    pub stop: CancellationToken,
    pub turn: u64,
    pub now: Millis,
    pub lease: Millis,
}

impl Routes for Outlets {
    fn actor(&mut self, from: ActorName, sent: Sent) {
        if self.here[sent.to as usize] {
            self.mail.push_back(Work::Mail(Some((from, sent.seq)), sent.message));
        } else {
            self.links.send(from, sent);
        }
    }

    fn post(&mut self, message: Message) {
        self.mail.push_back(Work::Mail(None, message));
    }

    fn agent(&mut self, now: Millis, stations: &Stations, node: NodeId, message: ToAgent) {
        let name = stations.global_manager.as_ref().and_then(|station| station.machine.node_name(node));
        let Some(name) = name else { return };
        if let Some(fleet) = self.fleet.as_mut().filter(|fleet| fleet.has(name)) {
            let mail = &mut self.mail;
            fleet.tell(now, node, name, message, &mut |message| mail.push_back(Work::Mail(None, message)));
        } else if let Some(port) = &mut self.ports[0] {
            if let ToAgent::Order(order @ Order { task, action: Action::Restore { source, .. }, .. }) = &message
                && *source != node
                && let Some(worker) = stations.global_manager.as_ref().and_then(|station| station.machine.node_name(*source))
            {
                let Some(address) = self.images.get(worker.as_str()) else {
                    // Management was restarted, and that worker has not come back yet.
                    self.restores.insert((node, *task), order.clone());
                    return;
                };
                let source = ToWorker::Source { node: *source, worker: worker.clone(), address: address.clone() };
                port.send(name.as_str(), &source);
            }
            if let ToAgent::Order(Order {
                task, action: Action::Start(start) | Action::Prepare(start) | Action::Restore { start, .. }, ..
            }) = &message
                && let Some(network) = start.spec.container.as_ref().and_then(|container| container.network.as_ref())
            {
                self.swarm.ask_network(port, task.job, network);
            }
            if matches!(message, ToAgent::Removed) {
                self.swarm.let_go(port, name.as_str());
            }
            // One that is away hears of it when it comes back.
            port.send(name.as_str(), &ToWorker::Agent(message));
        }
    }

    fn plan(&mut self, plan: &Plan) {
        if let Some(journal) = &mut self.journal {
            journal.plan(plan);
        }
    }

    fn input(&mut self, now: Millis, input: &ToJobManager) {
        if let Some(journal) = &mut self.journal {
            journal.input(now, input);
        }
    }

    fn round(&mut self, now: Millis) {
        if let Some(journal) = &mut self.journal {
            journal.round(now);
        }
    }

    fn tokens(&mut self, tokens: &BTreeMap<Name, Token>) {
        if let Some(gate) = &self.gate {
            gate.set(tokens.clone());
        }
    }

    fn heard(&mut self, report: &Report, renewed: bool) {
        // What is refused is not acknowledged: its sender keeps it.
        if self.ports[1].is_some() && renewed {
            self.heard.add(report, report.body == ReportBody::Heartbeat, renewed);
        }
    }
}

impl Outlets {
    /// Whether a worker with this engine is not let in.
    fn refuses(&self, engine: Option<&str>) -> bool {
        self.engines.as_ref().is_some_and(|engines| engine.is_none_or(|engine| !engines.contains(&engine)))
    }
}

impl Live {
    /// Runs until told to stop; then everything that was taken is done and saved.
    pub async fn run(mut self) {
        self.status.set_ready(true);
        while !self.stop.is_cancelled() {
            let worked = self.turn().await;
            if !worked {
                self.wait().await;
            }
        }
        self.finish().await;
    }

    /// Does what there is to do; false: there was nothing.
    async fn turn(&mut self) -> bool {
        self.now = self.status.now().max(self.now);
        let mut work = VecDeque::new();
        self.stations.due(self.now, &mut work);
        work.append(&mut self.outlets.again);
        // What follows from the turn before, and what ended the wait, came before everything that is taken in now.
        work.append(&mut self.outlets.mail);
        self.take_in(&mut work);
        if let Some(fleet) = &mut self.outlets.fleet {
            fleet.advance(self.now, &mut |message| work.push_back(Work::Mail(None, message)));
        }
        if work.is_empty() {
            return false;
        }
        self.do_work(work).await;
        if self.outlets.mail.is_empty() && self.outlets.again.is_empty() {
            self.save_where_it_pays(false).await;
        }
        true
    }

    async fn do_work(&mut self, work: VecDeque<Work>) {
        self.turn += 1;
        let (failures, logged) = self.stations.record(self.turn, self.now, &work).await;
        self.status.counts.turns.add(1);
        self.status.counts.logged_bytes.add(logged);
        let stepped = self.stations.step(self.now, work, &failures, &mut self.outlets);
        self.status.counts.inputs.add(stepped.inputs);
        self.status.counts.heartbeats.add(stepped.heartbeats);
        for (answer, given) in stepped.answers {
            // A client that has gone hears nothing; its request stands.
            let _ = answer.send(given);
        }
        self.tell_workers();
        self.outlets.links.settle(&mut self.stations);
        self.status.reaches(|actor| self.outlets.here[actor as usize] || self.outlets.links.reaches(actor));
        self.show_latest();
        let failed = failures.iter().flatten().next();
        self.status.set_ready(failed.is_none());
        if let Some(error) = failed {
            tracing::error!(%error, "a store refuses; what is asked is refused until it writes again");
            self.status.counts.store_failures.add(1);
            for work in stepped.back.into_iter().rev() {
                self.put_back(work);
            }
            tokio::time::sleep(STORE_PATIENCE).await;
        }
    }

    /// What could not be recorded is tried again in the next turn, before everything later.
    fn put_back(&mut self, work: Work) {
        match work {
            Work::Round(at) => {
                if let Some(station) = &mut self.stations.job_manager {
                    station.timers.insert((at, model::Timer::Round));
                }
            }
            work => self.outlets.again.push_front(work),
        }
    }

    /// Takes what has come in, without waiting.
    fn take_in(&mut self, work: &mut VecDeque<Work>) {
        while let Ok(deed) = self.inlets.deeds.try_recv() {
            self.deed(deed, work);
        }
        while work.len() < MOST_OF_A_TURN
            && let Ok(asked) = self.inlets.requests.try_recv()
        {
            work.extend(self.asked(asked));
        }
        while work.len() < MOST_OF_A_TURN
            && let Ok((actor, event)) = self.inlets.peers.try_recv()
        {
            self.peer(actor, event, work);
        }
        while work.len() < MOST_OF_A_TURN
            && let Ok((actor, event)) = self.inlets.servers.try_recv()
        {
            self.outlets.links.server(actor, event, &mut self.stations, work);
        }
        while let Ok(asked) = self.inlets.questions.try_recv() {
            self.ask_worker(asked);
        }
        self.questions.expire(self.now);
    }

    /// A request goes to the FrontEnd, unless too much waits there for an actor that is away. Where the FrontEnd is elsewhere, only the gate
    /// asks: for a token to be spent, whose record is the GlobalManager's here.
    fn asked(&self, asked: Asked) -> Option<Work> {
        match (&self.stations.front_end, asked.request) {
            (None, model::Request::RevokeToken(id)) => Some(Work::Mail(None, Message::GlobalManager(ToGlobalManager::RevokeToken(id)))),
            (Some(front_end), _) if front_end.unacked.len() >= MOST_UNTAKEN => {
                // A client that has gone hears nothing.
                let _ = asked.answer.send(Err(Trouble::Busy));
                None
            }
            (_, request) => Some(Work::Request(Asked { request, ..asked })),
        }
    }

    /// Waits until something comes in or is due.
    async fn wait(&mut self) {
        let fleet = self.outlets.fleet.as_ref().and_then(Fleet::next);
        let due = self.stations.next().into_iter().chain(fleet).chain(self.questions.next()).min();
        let due = due.map(|at| self.status.clock.instant(at));
        let sleep = async {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let mut work = VecDeque::new();
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep => {}
            Some(asked) = self.inlets.requests.recv() => work.extend(self.asked(asked)),
            Some(asked) = self.inlets.questions.recv() => self.ask_worker(asked),
            Some(deed) = self.inlets.deeds.recv() => {
                self.now = self.status.now().max(self.now);
                self.deed(deed, &mut work);
            }
            Some((actor, event)) = self.inlets.peers.recv() => self.peer(actor, event, &mut work),
            Some((actor, event)) = self.inlets.servers.recv() => self.outlets.links.server(actor, event, &mut self.stations, &mut work),
        }
        self.outlets.mail.append(&mut work);
    }

    /// Something happens to a simulated worker.
    fn deed(&mut self, deed: Deed, work: &mut VecDeque<Work>) {
        let Some(fleet) = &mut self.outlets.fleet else { return };
        match deed {
            Deed::Fail(index) => {
                // As in virtual time, Discovery has heard the last heartbeat when it was sent, and waits for the next in vain.
                if let Some((last, Message::Discovery(heartbeat))) = fleet.fail(self.now, index)
                    && let Some(station) = &mut self.stations.discovery
                {
                    station.machine.step(last, heartbeat, &mut model::Outbox::default());
                }
            }
            Deed::Repair(index) => work.extend(fleet.repair(index).map(|join| Work::Mail(None, join))),
        }
    }

    /// Something came from a worker, or from an actor that dialed.
    fn peer(&mut self, actor: ActorName, event: FromPeer, work: &mut VecDeque<Work>) {
        let peer = match &event {
            FromPeer::Opened { peer, .. }
            | FromPeer::Message { peer, .. }
            | FromPeer::Acked { peer, .. }
            | FromPeer::Closed { peer, .. } => peer,
        };
        if peer.role() == link::identity::Role::Actor {
            self.outlets.links.peer(actor, event, &mut self.stations, work);
            return;
        }
        let Some(port) = self.outlets.ports.get_mut(usize::from(actor == ActorName::Discovery)).and_then(Option::as_mut) else { return };
        match event {
            FromPeer::Opened { peer, session, hello } => {
                tracing::info!(%peer, session, to = actor.word(), "a worker is connected");
                port.opened(peer.clone(), session, actor == ActorName::GlobalManager);
                if !hello.is_empty() {
                    self.hear_worker(actor, &peer, session, &hello, work);
                }
            }
            FromPeer::Message { peer, session, payload } => self.hear_worker(actor, &peer, session, &payload, work),
            FromPeer::Acked { peer, .. } => port.acked(&peer),
            FromPeer::Closed { peer, session, reason } => {
                tracing::info!(%peer, session, to = actor.word(), %reason, "a worker's session is over");
                port.closed(&peer, session);
            }
        }
    }

    /// Sends restores that waited for where an image is given away, where they are still wanted; those of other images wait on.
    fn restore_what_waited(&mut self) {
        for ((node, task), order) in std::mem::take(&mut self.outlets.restores) {
            let manager = self.stations.global_manager.as_ref().map(|station| &station.machine);
            if manager.is_some_and(|manager| manager.holders(node).any(|(there, run, _)| (there, run) == (task, order.run))) {
                self.outlets.agent(self.now, &self.stations, node, ToAgent::Order(order));
            }
        }
    }

    /// A worker says something. It may speak of itself alone: its name is that of its certificate.
    fn hear_worker(&mut self, actor: ActorName, peer: &link::identity::PeerName, session: u64, payload: &[u8], work: &mut VecDeque<Work>) {
        let discovery = self.stations.discovery.as_ref().map(|station| &station.machine);
        match (actor, read(payload)) {
            (ActorName::GlobalManager, Some(FromWorker::Join(join)))
                if join.spec.name.as_str() == peer.name() && join.spec.class.is_sound() =>
            {
                let refused = self.outlets.refuses(join.spec.class.engine());
                if let Some(port) = &mut self.outlets.ports[0] {
                    port.joined(peer, session);
                    if refused {
                        let (instance, refusal) = (join.instance, JoinRefusal::Engine);
                        port.send(peer.name(), &ToWorker::Agent(ToAgent::NotAdmitted { instance, refusal }));
                        return;
                    }
                }
                work.push_back(Work::Mail(None, Message::GlobalManager(ToGlobalManager::Join(join))));
            }
            (ActorName::GlobalManager, Some(FromWorker::Reply { id, reply })) => self.questions.replied(id, reply),
            (ActorName::GlobalManager, Some(FromWorker::Images { address })) => {
                self.outlets.images.insert(peer.name().to_owned(), address);
                self.restore_what_waited();
            }
            (ActorName::GlobalManager, Some(FromWorker::Swarm(place))) => {
                if let Some(port) = self.outlets.ports[0].as_mut().filter(|port| port.is_open(peer, session)) {
                    self.outlets.swarm.said(port, peer.name(), place);
                }
            }
            (ActorName::GlobalManager, Some(FromWorker::Leave)) => {
                if let Ok(node) = peer.name().parse() {
                    let leave = Operation::Remove { node, force: false };
                    work.push_back(Work::Mail(None, Message::GlobalManager(ToGlobalManager::Operate(leave))));
                }
            }
            (ActorName::Discovery, Some(FromWorker::Report(report))) => {
                let own = discovery.and_then(|discovery| discovery.name(report.node)).is_some_and(|name| name.as_str() == peer.name());
                let own = own && !matches!(report.body, ReportBody::Run { task, .. } if task.instance >= MOST_INSTANCES);
                // Before the GlobalManager's word has come here nobody is watched; the worker says it again.
                if own && self.outlets.ports[1].as_ref().is_some_and(|port| port.is_open(peer, session)) {
                    work.push_back(Work::Mail(None, Message::Discovery(ToDiscovery::Report(report))));
                }
            }
            _ => {
                self.status.counts.dropped_messages.add(1);
                tracing::warn!(%peer, "a worker's message was dropped: it cannot be read, speaks of another node, or of cores that cannot be");
            }
        }
    }

    fn ask_worker(&mut self, asked: WorkerAsked) {
        let name = self.stations.global_manager.as_ref().and_then(|station| station.machine.node_name(asked.question.node()));
        match (name.cloned(), &mut self.outlets.ports[0]) {
            (Some(name), Some(port)) => self.questions.ask(self.now, port, name.as_str(), asked),
            _ => {
                let _ = asked.answer.send(Err(Silence::None));
            }
        }
    }

    /// Workers hear what is durable of their reports, and that their leases are renewed.
    fn tell_workers(&mut self) {
        if let Some(members) = self.outlets.swarm.changed() {
            self.status.set_swarm(members);
        }
        let Some(station) = &self.stations.discovery else { return };
        let Some(port) = &mut self.outlets.ports[1] else { return };
        for (node, messages) in self.outlets.heard.drain(self.lease) {
            let Some(name) = station.machine.name(node) else { continue };
            for message in messages {
                port.send(name.as_str(), &message);
            }
        }
    }

    fn show_latest(&mut self) {
        let Some(station) = &self.stations.front_end else { return };
        let front_end = station.machine.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let seq = front_end.view().map_or(0, actors::View::latest_seq);
        self.latest.send_if_modified(|latest| std::mem::replace(latest, seq) != seq);
    }

    /// Saves the machines whose logs have grown long, or all of them.
    async fn save_where_it_pays(&mut self, all: bool) {
        each!(self.stations, station => {
            if (all || station.wants_snapshot())
                && let Some(receipt) = station.snapshot()
                && let Err(error) = receipt.await
            {
                tracing::warn!(%error, "a snapshot failed; the log goes on");
            }
        });
    }

    /// The end: no request is taken any more, and everything under way here is done and saved.
    async fn finish(mut self) {
        self.status.set_stopping();
        self.inlets.requests.close();
        let mut work = std::mem::take(&mut self.outlets.again);
        while let Ok(asked) = self.inlets.requests.try_recv() {
            work.extend(self.asked(asked));
        }
        work.append(&mut self.outlets.mail);
        // Orders that follow from the last requests still go out; a store that refuses ends it.
        for _ in 0..64 {
            if work.is_empty() {
                break;
            }
            self.do_work(work).await;
            work = std::mem::take(&mut self.outlets.again);
            work.append(&mut self.outlets.mail);
        }
        self.save_where_it_pays(true).await;
        if let Some(journal) = self.outlets.journal.take()
            && let Err(error) = journal.finish()
        {
            tracing::error!(%error, "the journal is not whole");
        }
    }
}
