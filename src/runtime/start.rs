//! The start of the live system: recovery of each machine, ports and links, then the loop.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use actors::{Discovery, FrontEnd, GlobalManager, JobManager, Limits};
use link::identity::{Authority, Identity, Role};
use link::{Dialer, DialerOptions, LinkError, LinkLimits, Listener, ListenerOptions};
use model::{Millis, Outbox, Policy, Token};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::door::Door;
use super::fleet::{Fleet, FleetOptions};
use super::gate::Gate;
use super::live::{Deed, Inlets, Live, Outlets};
use super::machine::{ActorName, Machine, SharedFrontEnd};
use super::station::{Counters, Recovered, Station};
use super::status::{ActorStatus, Status};
use super::turn::{Stations, Work, each};
use super::workers::{Line, Port, Questions};
use crate::journal::Journal;
use crate::store::{Store, StoreError};

/// Requests, questions and events that may wait for the loop.
const QUEUE: usize = 8192;

/// What the live system is told.
pub struct LiveOptions {
    /// The actors that run here, each with its store.
    pub stores: Vec<(ActorName, Arc<dyn Store>)>,
    /// The policy of a cluster that is new.
    pub policy: Policy,
    /// The JobManager's round.
    pub round: Millis,
    /// How long a worker's lease holds from its last heartbeat.
    pub lease: Millis,
    /// How much longer Discovery waits, so that a worker whose lease has run out has surely stopped everything.
    pub lease_margin: Millis,
    /// How much is kept.
    pub limits: Limits,
    /// Simulated workers in this process.
    pub fleet: Option<FleetOptions>,
    /// Written while the system runs.
    pub journal: Option<Journal>,
    /// Ports and links; without them only simulated workers can join.
    pub network: Option<Network>,
    /// Ports for workers that are open already, beside those of the network: by actor, what they send by, and what comes in.
    pub lines: Vec<(ActorName, Arc<dyn Line>, mpsc::Receiver<link::FromPeer>)>,
    /// The clock; the system's, but for tests.
    pub clock: Option<Clock>,
}

/// How this process is reached, and reaches others.
pub struct Network {
    /// For sockets inside this process.
    pub folder: PathBuf,
    /// Who this process is.
    pub identity: Identity,
    /// Issues certificates; on the GlobalManager's host.
    pub authority: Option<Arc<Authority>>,
    /// How long certificates hold.
    pub certificate: Duration,
    /// Ports to open, by the actor that answers there.
    pub ports: Vec<(ActorName, String)>,
    /// Actors elsewhere that are dialed.
    pub dial: Vec<(ActorName, String)>,
    /// The engines that workers may have; absent: all.
    pub engines: Option<Vec<&'static str>>,
    /// Tokens that let in beside those that the GlobalManager knows: where the FrontEnd, which makes tokens known, has yet to join itself.
    pub tokens: Vec<Token>,
}

/// Why the system does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A port cannot be bound, or an identity cannot be used.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl StartError {
    /// The stable code of the error; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Link(error) => error.code(),
        }
    }
}

/// A live system. Dropping it lets it run on; `stop` ends it.
pub struct System {
    /// The door to it.
    pub door: Door,
    /// Where its ports are bound.
    pub addresses: BTreeMap<ActorName, std::net::SocketAddr>,
    deeds: mpsc::Sender<Deed>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl System {
    /// Does something to a simulated worker.
    pub async fn deed(&self, deed: Deed) {
        // After the end there is nobody to do it to.
        let _ = self.deeds.send(deed).await;
    }

    /// Ends it: what was taken is done, and everything is saved.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the loop ended badly");
        }
    }

    /// Ends it as a power cut would: nothing more is done or saved.
    pub async fn cut(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

/// Starts a live system.
///
/// # Errors
/// When a store cannot be read, or a port cannot be bound.
pub async fn start(options: LiveOptions) -> Result<System, StartError> {
    let LiveOptions { stores, policy, round, lease, lease_margin, limits, fleet, mut journal, network, lines, clock } = options;
    let front_end = Arc::new(RwLock::new(FrontEnd::with_view(limits, policy)));
    let mut stations = Stations { front_end: None, job_manager: None, global_manager: None, discovery: None };
    for (actor, store) in stores {
        let front_end = SharedFrontEnd(Arc::clone(&front_end));
        stations.add(actor, store, front_end, JobManager::new(policy, round), Discovery::new(lease + lease_margin));
    }
    let recovered = stations.recover()?;
    let clock = clock.unwrap_or_else(|| Clock::system(recovered.stamp));
    let now = clock.now().max(recovered.stamp);
    if let Some(journal) = &mut journal {
        journal.start(policy, round, 0);
    }
    let (requests, asked) = mpsc::channel(QUEUE);
    let (questions, questions_asked) = mpsc::channel(QUEUE);
    let (deeds, deeds_done) = mpsc::channel(QUEUE);
    let (latest, latest_seen) = watch::channel(0);
    let status = Arc::new(Status::new(clock));
    let (peers, from_peers) = mpsc::channel(QUEUE);
    let (servers, from_servers) = mpsc::channel(QUEUE);
    let here = ActorName::ALL.map(|actor| stations.has(actor));
    let mut outlets = Outlets { here, fleet: fleet.map(Fleet::new), journal, ..Outlets::default() };
    let elsewhere = network.as_ref().map(|network| network.dial.clone()).unwrap_or_default();
    if let Some(network) = network {
        let gate = Arc::new(Gate::new(network.tokens.clone(), clock, network.certificate, requests.clone(), here));
        if let Some(station) = &stations.global_manager {
            gate.set(station.machine.tokens().clone());
        }
        let ports = outlets.open(network, gate, &peers, &servers).await?;
        status.ports.set(ports).expect("they are opened once");
    }
    for (actor, line, events) in lines {
        outlets.ports[usize::from(actor == ActorName::Discovery)] = Some(Port::new(line));
        forward(actor, events, peers.clone());
    }
    stations.resume(now, &mut outlets.mail);
    if let Some(fleet) = &outlets.fleet {
        outlets.mail.extend(fleet.joins().into_iter().map(|join| Work::Mail(None, join)));
    }
    show_actors(&status, &outlets, &elsewhere);
    let addresses = outlets.addresses.clone();
    let stop = CancellationToken::new();
    let door = Door { requests, questions, front_end, latest: latest_seen, status: Arc::clone(&status) };
    let live = Live {
        stations,
        outlets,
        inlets: Inlets { requests: asked, questions: questions_asked, deeds: deeds_done, peers: from_peers, servers: from_servers },
        questions: Questions::default(),
        status,
        latest,
        stop: stop.clone(),
        turn: recovered.turn,
        now,
        lease,
    };
    let task = tokio::spawn(live.run());
    Ok(System { door, addresses, deeds, stop, task })
}

fn show_actors(status: &Status, outlets: &Outlets, elsewhere: &[(ActorName, String)]) {
    let shown = ActorName::ALL.into_iter().map(|actor| {
        let here = outlets.here[actor as usize];
        let bound = outlets.addresses.get(&actor).map(ToString::to_string);
        let dialed = elsewhere.iter().find(|(other, _)| *other == actor).map(|(_, address)| address.clone());
        let address = bound.or(dialed).unwrap_or_else(|| if here { "in this process".into() } else { "dials us".into() });
        ActorStatus { name: actor.word(), address, here, reachable: here }
    });
    *status.actors.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = shown.collect();
}

impl Stations {
    /// Adds the station of an actor, with the one of these machines that is its own.
    fn add(&mut self, actor: ActorName, store: Arc<dyn Store>, front_end: SharedFrontEnd, job_manager: JobManager, discovery: Discovery) {
        match actor {
            ActorName::FrontEnd => self.front_end = Some(Station::new(front_end, store)),
            ActorName::JobManager => self.job_manager = Some(Station::new(job_manager, store)),
            ActorName::GlobalManager => self.global_manager = Some(Station::new(GlobalManager::new(), store)),
            ActorName::Discovery => self.discovery = Some(Station::new(discovery, store)),
        }
    }

    /// Takes up every log. What one machine has put out and another has not taken in is left with the sender.
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        // By receiver: how far it has durably received from each.
        let mut got = [Counters::default(); ActorName::ALL.len()];
        each!(self, station => got[super::station::name_of(station) as usize] = last_received(station)?);
        let arrived = |sender: ActorName| ActorName::ALL.map(|receiver| got[receiver as usize][sender as usize]);
        let mut latest = Recovered::default();
        each!(self, station => {
            let recovered = station.recover(&arrived(super::station::name_of(station)))?;
            latest = Recovered { turn: latest.turn.max(recovered.turn), stamp: latest.stamp.max(recovered.stamp) };
        });
        Ok(latest)
    }

    /// What was on its way here is on its way again, and every lease is whole.
    fn resume(&mut self, now: Millis, mail: &mut VecDeque<Work>) {
        let here = ActorName::ALL.map(|actor| self.has(actor));
        each!(self, station => {
            let from = super::station::name_of(station);
            let (near, far): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut station.unacked).into_iter().partition(|sent| here[sent.to as usize]);
            station.unacked = far;
            mail.extend(near.into_iter().map(|sent| Work::Mail(Some((from, sent.seq)), sent.message)));
        });
        if let Some(station) = &mut self.discovery {
            // All of its timers are looks at nodes.
            station.timers.clear();
            let mut out = Outbox::default();
            station.machine.renew_all(now, &mut out);
            station.timers.extend(out.timers);
        }
    }
}

fn last_received<M: Machine>(station: &Station<M>) -> Result<Counters, StoreError> {
    let last = station.store.last()?;
    Ok(last.and_then(|last| postcard::from_bytes(&last.received).ok()).unwrap_or_default())
}

impl Outlets {
    /// Opens the ports and begins to dial; what the ports count.
    async fn open(
        &mut self,
        network: Network,
        gate: Arc<Gate>,
        peers: &mpsc::Sender<(ActorName, link::FromPeer)>,
        servers: &mpsc::Sender<(ActorName, link::FromServer)>,
    ) -> Result<Vec<Arc<link::Counters>>, LinkError> {
        let mut counters = Vec::new();
        let Network { folder, identity, authority, ports, dial, engines, .. } = network;
        for (actor, address) in ports {
            let accepts = match actor {
                ActorName::GlobalManager | ActorName::Discovery => vec![Role::Worker, Role::Actor],
                ActorName::FrontEnd | ActorName::JobManager => vec![Role::Actor],
            };
            let (listener, events) = Listener::bind(ListenerOptions {
                address,
                identity: identity.clone(),
                authority: authority.clone(),
                folder: folder.clone(),
                gatekeeper: Arc::clone(&gate) as Arc<dyn link::Gatekeeper>,
                accepts,
                limits: LinkLimits::default(),
            })
            .await?;
            self.addresses.insert(actor, listener.local_addr());
            counters.push(listener.counters());
            let listener = Arc::new(listener);
            self.links.listen(actor, Arc::clone(&listener));
            match actor {
                ActorName::GlobalManager => self.ports[0] = Some(Port::new(listener)),
                ActorName::Discovery => self.ports[1] = Some(Port::new(listener)),
                ActorName::FrontEnd | ActorName::JobManager => {}
            }
            forward(actor, events, peers.clone());
        }
        for (actor, address) in dial {
            let options = DialerOptions {
                address,
                identity: identity.clone(),
                server: Role::Actor,
                hello: bytes::Bytes::new(),
                limits: LinkLimits::default(),
            };
            let (dialer, events) = Dialer::start(options)?;
            self.links.dial(actor, dialer);
            forward(actor, events, servers.clone());
        }
        (self.gate, self.engines) = (Some(gate), engines);
        Ok(counters)
    }
}

/// Brings what comes from one of the links to the loop; a full loop holds it up, and so the sender.
fn forward<T: Send + 'static>(actor: ActorName, mut events: mpsc::Receiver<T>, to: mpsc::Sender<(ActorName, T)>) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if to.send((actor, event)).await.is_err() {
                return;
            }
        }
    });
}
