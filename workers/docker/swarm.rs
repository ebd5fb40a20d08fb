//! Docker Swarm, as one worker serves it: its Docker manages the Swarm or joins it, and where it manages, it makes the networks that jobs share
//! and removes them when no job uses them any more.
//!
//! A worker whose node was let go takes its Docker out of the Swarm, and the managing one strikes it off the list.
//!
//! All of it is asked again whenever it may have been lost: the manager's word is never more than a wish for a state, and a state that is there
//! is left as it is.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bollard::models::{Ipam, IpamConfig, LocalNodeState, NetworkCreateRequest, SwarmInitRequest, SwarmJoinRequest};
use bollard::query_parameters::{DeleteNodeOptions, ListNetworksOptionsBuilder};
use engine::wire::{Secret, SwarmAsk, SwarmPlace};
use tokio::sync::{mpsc, watch};

use super::{Docker, Fault};

/// The label of the networks that we made: no other is ever removed.
const LABEL: &str = "wharfinger.network";
/// Between two looks at what Docker says of itself.
const LOOK: Duration = Duration::from_secs(5);
/// Before something that failed is tried again, or something that was made is looked at.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest that leaving the Swarm may take.
const LEAVE: Duration = Duration::from_secs(20);
/// How often a node is tried to be forgotten. Docker takes a quarter of a minute to see that it has left. One that has not is a member still, and stays
/// on the list: forced off it, it could neither go on nor come back.
const FORGETS: u32 = 60;
/// Asks that wait.
const QUEUE: usize = 1024;

/// What a worker does about the Swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmSettings {
    /// Docker's socket.
    pub socket: PathBuf,
    /// Whether its Docker makes the Swarm where there is none.
    pub manages: bool,
    /// The address, of this host, by which the Dockers of others reach this one.
    pub address: String,
    /// Where the addresses of networks are taken from, as in `10.50.0.0/16`; none: Docker's own choice.
    pub pool: Option<String>,
    /// How long a network is kept that no job asks for and no container uses.
    pub idle: Duration,
}

/// The worker's end of it.
#[derive(Debug)]
pub struct Swarm(Option<(mpsc::Sender<SwarmAsk>, watch::Receiver<SwarmPlace>, PathBuf)>);

impl Swarm {
    /// For a worker that has nothing to do with any.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Begins to serve it, on the runtime of the caller.
    #[must_use]
    pub fn start(settings: SwarmSettings) -> Self {
        let (asks, queue) = mpsc::channel(QUEUE);
        let (place, seen) = watch::channel(SwarmPlace::Unknown);
        let socket = settings.socket.clone();
        tokio::spawn(Server { settings, place, wanted: BTreeMap::new() }.serve(queue));
        Self(Some((asks, seen, socket)))
    }

    /// Passes on what the manager asks. What finds no room is asked again.
    pub fn tell(&self, ask: SwarmAsk) {
        if let Some((asks, ..)) = &self.0
            && asks.try_send(ask).is_err()
        {
            tracing::warn!("what is asked of the Swarm comes faster than Docker takes it");
        }
    }

    /// Where the worker's Docker stands, once that is known.
    #[must_use]
    pub fn place(&self) -> Option<SwarmPlace> {
        let place = self.0.as_ref().map(|(_, place, _)| place.borrow().clone());
        place.filter(|place| *place != SwarmPlace::Unknown)
    }

    /// Leaves the Swarm, for the node was let go. The Docker that manages it stays: what is left of the Swarm is the operator's.
    pub async fn leave(&self) {
        let Some((_, place, socket)) = &self.0 else { return };
        if !matches!(*place.borrow(), SwarmPlace::Member { .. }) {
            return;
        }
        let leaves = async { Ok::<_, Fault>(Docker::connect(socket).await?.0.leave_swarm(None).await?) };
        match tokio::time::timeout(LEAVE, leaves).await {
            Ok(Ok(())) => tracing::info!("this Docker has left the Swarm"),
            Ok(Err(fault)) => tracing::warn!("this Docker has not left the Swarm: {}", fault.words),
            Err(_) => tracing::warn!("Docker takes too long to leave the Swarm"),
        }
    }

    /// Waits until that changes.
    pub async fn changed(&mut self) {
        let changed = match &mut self.0 {
            Some((_, place, _)) => place.changed().await.is_ok(),
            None => false,
        };
        if !changed {
            std::future::pending().await
        }
    }
}

struct Server {
    settings: SwarmSettings,
    place: watch::Sender<SwarmPlace>,
    /// When each network was last asked for.
    wanted: BTreeMap<String, Instant>,
}

impl Server {
    async fn serve(mut self, mut asks: mpsc::Receiver<SwarmAsk>) {
        let mut said = String::new();
        loop {
            let pause = match self.look().await {
                Ok(pause) => {
                    said.clear();
                    pause
                }
                Err(fault) => {
                    if said != fault.words {
                        tracing::warn!("the Swarm: {}", fault.words);
                        said = fault.words;
                    }
                    AGAIN
                }
            };
            let ask = tokio::time::timeout(pause.max(Duration::from_millis(100)), asks.recv()).await;
            match ask {
                Ok(None) => return,
                Ok(Some(ask)) => {
                    let joins = matches!(ask, SwarmAsk::Join { .. });
                    if let Err(fault) = self.obey(ask).await {
                        tracing::warn!("the Swarm: {}", fault.words);
                        if joins {
                            // That it stands outside is said anew, and so it is asked to join again.
                            self.place.send_replace(SwarmPlace::Unknown);
                            tokio::time::sleep(AGAIN).await;
                        }
                    }
                }
                Err(_) => {}
            }
        }
    }

    /// Finds out where this Docker stands, makes the Swarm where that is its part, and removes networks that nobody uses. The answer says when to
    /// look again.
    async fn look(&mut self) -> Result<Duration, Fault> {
        let docker = Docker::connect(&self.settings.socket).await?;
        let info = docker.0.info().await?.swarm.unwrap_or_default();
        if info.local_node_state == Some(LocalNodeState::PENDING) {
            return Err(refusal("this Docker is a member, and has not found a manager yet"));
        }
        let active = info.local_node_state == Some(LocalNodeState::ACTIVE);
        let place = match (active, info.control_available == Some(true)) {
            (true, true) => {
                let tokens = docker.0.inspect_swarm().await?.join_tokens.unwrap_or_default();
                let token = Secret(tokens.worker.unwrap_or_default());
                let address = info.node_addr.unwrap_or_else(|| self.settings.address.clone());
                SwarmPlace::Manager { node: info.node_id.unwrap_or_default(), address: format!("{address}:2377"), token }
            }
            (true, false) if self.settings.manages => {
                return Err(refusal("this Docker is a member of a Swarm that another one manages: start this worker with --swarm member"));
            }
            (true, false) => SwarmPlace::Member { node: info.node_id.unwrap_or_default() },
            (false, _) if self.settings.manages => {
                self.make(&docker).await?;
                // A network that is made at once can be one that no container ever comes to.
                return Ok(AGAIN);
            }
            (false, _) => SwarmPlace::Outside,
        };
        let manages = matches!(place, SwarmPlace::Manager { .. });
        self.place.send_if_modified(|known| {
            *known != place && {
                *known = place;
                true
            }
        });
        if manages {
            self.prune(&docker).await?;
        }
        Ok(LOOK.min(self.settings.idle / 2))
    }

    async fn make(&self, docker: &Docker) -> Result<(), Fault> {
        let request = SwarmInitRequest {
            listen_addr: Some(format!("{}:2377", self.settings.address)),
            advertise_addr: Some(self.settings.address.clone()),
            default_addr_pool: self.settings.pool.clone().map(|pool| vec![pool]),
            subnet_size: self.settings.pool.as_ref().map(|_| 24),
            ..SwarmInitRequest::default()
        };
        let id = docker.0.init_swarm(request).await?;
        tracing::info!(id, "a Swarm was made, which this Docker manages");
        Ok(())
    }

    async fn obey(&mut self, ask: SwarmAsk) -> Result<(), Fault> {
        let docker = Docker::connect(&self.settings.socket).await?;
        match ask {
            SwarmAsk::Join { address, token } => {
                if *self.place.borrow() != SwarmPlace::Outside {
                    return Ok(());
                }
                let request = SwarmJoinRequest {
                    listen_addr: Some(format!("{}:2377", self.settings.address)),
                    advertise_addr: Some(self.settings.address.clone()),
                    remote_addrs: Some(vec![address.clone()]),
                    join_token: Some(token.0),
                    ..SwarmJoinRequest::default()
                };
                docker.0.join_swarm(request).await?;
                tracing::info!(manager = address, "this Docker has joined the Swarm");
                Ok(())
            }
            SwarmAsk::Forget { node } => {
                tokio::spawn(forget(docker, node));
                Ok(())
            }
            SwarmAsk::Network { name, subnet } => self.network(&docker, name, subnet).await,
        }
    }

    /// Makes a network that containers of all nodes can be attached to, if it is not there.
    async fn network(&mut self, docker: &Docker, name: String, subnet: Option<String>) -> Result<(), Fault> {
        if self.wanted.insert(name.clone(), Instant::now()).is_some() {
            // It was there a moment ago, and is not removed as long as it is wanted.
            return Ok(());
        }
        let config = subnet
            .map(|subnet| Ipam { config: Some(vec![IpamConfig { subnet: Some(subnet), ..IpamConfig::default() }]), ..Ipam::default() });
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("overlay".into()),
            attachable: Some(true),
            ipam: config,
            labels: Some([(LABEL.to_owned(), String::new())].into()),
            ..NetworkCreateRequest::default()
        };
        match docker.0.create_network(request).await.map_err(Fault::from) {
            Ok(_) => tracing::info!(name, "a network was made"),
            Err(fault) if fault.status == 409 => {}
            Err(fault) => {
                self.wanted.remove(&name);
                return Err(Fault { words: format!("network {name}: {}", fault.words), ..fault });
            }
        }
        Ok(())
    }

    /// Removes networks of ours that nobody has asked for lately. Docker refuses where a container still uses one.
    async fn prune(&mut self, docker: &Docker) -> Result<(), Fault> {
        let filters = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
        let ours = docker.0.list_networks(Some(ListNetworksOptionsBuilder::new().filters(&filters).build())).await?;
        let names: Vec<String> = ours.into_iter().filter_map(|network| network.name).collect();
        // One that a worker before this one made is as good as asked for now.
        names.iter().for_each(|name| _ = self.wanted.entry(name.clone()).or_insert_with(Instant::now));
        self.wanted.retain(|name, _| names.contains(name));
        let idle: Vec<String> =
            self.wanted.iter().filter(|(_, asked)| asked.elapsed() >= self.settings.idle).map(|(name, _)| name.clone()).collect();
        for name in idle {
            match docker.0.remove_network(&name).await.map_err(Fault::from) {
                Ok(()) => {
                    tracing::info!(name, "a network that no job uses was removed");
                    self.wanted.remove(&name);
                }
                // In use: it is looked at again when it has been idle for as long once more.
                Err(_) => _ = self.wanted.insert(name, Instant::now()),
            }
        }
        Ok(())
    }
}

/// Takes a node that has left out of the Swarm's list.
async fn forget(docker: Docker, node: String) {
    for attempt in 1..=FORGETS {
        match docker.0.delete_node(&node, None::<DeleteNodeOptions>).await.map_err(Fault::from) {
            Ok(()) => return tracing::info!(node, "the Swarm has forgotten a node that was let go"),
            Err(fault) if fault.is_absence() => return,
            Err(fault) if attempt == FORGETS => tracing::warn!(node, "the Swarm still lists a node that was let go: {}", fault.words),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

fn refusal(words: &str) -> Fault {
    Fault::new(model::Cause::StartRefused, words)
}
