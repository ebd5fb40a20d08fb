//! Docker Swarm, as the GlobalManager's carrier serves it: one worker's Docker manages it, the others are let in, and networks are asked for
//! before the containers that use them are started.
//!
//! Nothing of it is kept over a restart and nothing of it is logged: workers say where they stand in every session, and the token that lets
//! in others goes from one worker to another through the encrypted links alone.

use std::collections::{BTreeMap, BTreeSet};

use engine::wire::{Secret, SwarmAsk, SwarmPlace, ToWorker};
use model::{JobId, Network};

use super::workers::Port;

/// The most networks that wait for somebody to make them.
const MOST_WANTED: usize = 1024;

/// Who manages the Swarm, and who waits to be let in.
#[derive(Default)]
pub(super) struct Swarm {
    seat: Option<Seat>,
    outside: BTreeSet<String>,
    /// Networks that were asked for when nobody managed it, each with its subnet.
    wanted: BTreeMap<String, Option<String>>,
    /// What the Swarm calls the nodes of workers.
    nodes: BTreeMap<String, String>,
    changed: bool,
}

/// What is known of the Swarm outside the loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwarmMembers {
    /// The worker whose Docker manages it.
    pub manager: Option<String>,
    /// What the Swarm calls the node of each worker.
    pub nodes: BTreeMap<String, String>,
    /// Workers that wait to be let in.
    pub outside: BTreeSet<String>,
}

/// Where it is managed.
struct Seat {
    worker: String,
    address: String,
    token: Secret,
}

impl Swarm {
    /// A worker says where its Docker stands.
    pub fn said(&mut self, port: &mut Port, worker: &str, place: SwarmPlace) {
        self.changed = true;
        self.outside.remove(worker);
        match &place {
            SwarmPlace::Manager { node, .. } | SwarmPlace::Member { node } => _ = self.nodes.insert(worker.to_owned(), node.clone()),
            SwarmPlace::Outside => _ = self.nodes.remove(worker),
            SwarmPlace::Unknown => {}
        }
        match place {
            SwarmPlace::Manager { address, token, .. } => {
                if self.seat.as_ref().is_none_or(|seat| seat.worker != worker) {
                    tracing::info!(node = worker, address, "the Swarm is managed by the Docker of this node");
                }
                self.seat = Some(Seat { worker: worker.to_owned(), address, token });
                for worker in &std::mem::take(&mut self.outside) {
                    self.let_in(port, worker);
                }
                for (name, subnet) in std::mem::take(&mut self.wanted) {
                    self.ask(port, SwarmAsk::Network { name, subnet });
                }
            }
            SwarmPlace::Outside => self.let_in(port, worker),
            SwarmPlace::Unknown | SwarmPlace::Member { .. } => {}
        }
    }

    /// A worker's node was let go: its Docker leaves the Swarm by itself, where it hears of it, and is forgotten there.
    pub fn let_go(&mut self, port: &mut Port, worker: &str) {
        self.changed = true;
        self.outside.remove(worker);
        let node = self.nodes.remove(worker);
        match (&self.seat, node) {
            (Some(seat), _) if seat.worker == worker => self.seat = None,
            (_, Some(node)) => self.ask(port, SwarmAsk::Forget { node }),
            _ => {}
        }
    }

    /// What others may know of it, where that is no longer what it was.
    pub fn changed(&mut self) -> Option<SwarmMembers> {
        let manager = self.seat.as_ref().map(|seat| seat.worker.clone());
        let members = || SwarmMembers { manager, nodes: self.nodes.clone(), outside: self.outside.clone() };
        std::mem::take(&mut self.changed).then(members)
    }

    /// Sees to it that a network is there, as soon as somebody manages the Swarm. An ask that is lost is made again with the next attempt.
    pub fn ask_network(&mut self, port: &mut Port, job: JobId, network: &Network) {
        let (name, subnet) = (network.engine_name(job), network.subnet.clone());
        if self.seat.is_some() {
            return self.ask(port, SwarmAsk::Network { name, subnet });
        }
        tracing::warn!(%job, "a network is asked for and no Docker manages a Swarm: start a worker with --engine docker --swarm manager");
        if self.wanted.len() < MOST_WANTED {
            self.wanted.insert(name, subnet);
        }
    }

    fn ask(&self, port: &mut Port, ask: SwarmAsk) {
        self.seat.iter().for_each(|seat| _ = port.send(&seat.worker, &ToWorker::Swarm(ask.clone())));
    }

    fn let_in(&mut self, port: &mut Port, worker: &str) {
        let ask = self.seat.as_ref().map(|Seat { address, token, .. }| SwarmAsk::Join { address: address.clone(), token: token.clone() });
        match ask {
            Some(ask) => _ = port.send(worker, &ToWorker::Swarm(ask)),
            None => _ = self.outside.insert(worker.to_owned()),
        }
    }
}
