//! Docker Swarm, as the GlobalManager's carrier serves it: one worker's Docker manages it, the others are let in, and networks are asked for
//! before the containers that use them are started.
//!
//! Nothing of it is kept over a restart and nothing of it is logged: workers say where they stand in every session, and the token that lets
//! in others goes from one worker to another through the encrypted links alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use engine::wire::{Secret, SwarmAsk, SwarmPlace, ToWorker};
use model::{JobId, Network};

use super::workers::Port;

/// The most networks that wait for somebody to make them.
const MOST_WANTED: usize = 256;
/// How long a container waits for its network: then its ask is made anew, with its next attempt, or nobody's any more.
const WANTED: Duration = Duration::from_secs(30);

/// Who manages the Swarm, and who waits to be let in.
#[derive(Default)]
pub(super) struct Swarm {
    seat: Option<Seat>,
    outside: BTreeSet<String>,
    /// Asks for networks that nobody could be told of, the oldest first.
    wanted: VecDeque<(Instant, SwarmAsk)>,
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
                for (_, ask) in std::mem::take(&mut self.wanted).into_iter().filter(is_young) {
                    self.ask(port, ask);
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
            (_, Some(node)) => _ = self.ask(port, SwarmAsk::Forget { node }),
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
        if self.seat.is_none() {
            tracing::warn!(%job, "a network is asked for and no Docker manages a Swarm: start a worker with --engine docker --swarm manager");
        }
        let ask = SwarmAsk::Network { name: network.engine_name(job), subnet: network.subnet.clone() };
        if !self.ask(port, ask.clone()) {
            self.wanted.retain(is_young);
            self.wanted.push_back((Instant::now(), ask));
            self.wanted.drain(..self.wanted.len().saturating_sub(MOST_WANTED));
        }
    }

    /// Asks the worker that manages it; false where there is none, or it is away.
    fn ask(&self, port: &mut Port, ask: SwarmAsk) -> bool {
        self.seat.as_ref().is_some_and(|seat| port.send(&seat.worker, &ToWorker::Swarm(ask)))
    }

    fn let_in(&mut self, port: &mut Port, worker: &str) {
        let ask = self.seat.as_ref().map(|Seat { address, token, .. }| SwarmAsk::Join { address: address.clone(), token: token.clone() });
        match ask {
            Some(ask) => _ = port.send(worker, &ToWorker::Swarm(ask)),
            None => _ = self.outside.insert(worker.to_owned()),
        }
    }
}

/// Whether somebody may still wait for what was asked for then.
fn is_young((asked, _): &(Instant, SwarmAsk)) -> bool {
    asked.elapsed() < WANTED
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use link::identity::{PeerName, Role};
    use link::session::SendRefusal;

    use super::*;
    use crate::runtime::Line;

    /// Keeps what is sent.
    #[derive(Default)]
    struct Kept(Mutex<Vec<ToWorker>>);

    impl Line for Kept {
        fn send(&self, _: &PeerName, _: u64, payload: Bytes) -> Result<u64, SendRefusal> {
            let mut kept = self.0.lock().unwrap();
            kept.push(postcard::from_bytes(&payload).unwrap());
            Ok(kept.len() as u64)
        }
        fn close(&self, _: &PeerName, _: u64) {}
    }

    #[test]
    fn a_network_is_asked_for_as_soon_as_somebody_makes_it() {
        let kept = Arc::new(Kept::default());
        let (mut port, mut swarm) = (Port::new(kept.clone()), Swarm::default());
        let worker = PeerName::new(Role::Worker, "n1").unwrap();
        let network = Network { name: None, subnet: None };
        let manages = || SwarmPlace::Manager { node: "x".into(), address: "h:2377".into(), token: Secret("t".into()) };
        let asked = || -> Vec<String> {
            let name = |sent: ToWorker| match sent {
                ToWorker::Swarm(SwarmAsk::Network { name, .. }) => name,
                other => panic!("{other:?}"),
            };
            kept.0.lock().unwrap().drain(..).map(name).collect()
        };
        let names = |jobs: &[u32]| -> Vec<String> { jobs.iter().map(|&job| network.engine_name(JobId(job))).collect() };
        let ask = |swarm: &mut Swarm, port: &mut Port, job| swarm.ask_network(port, JobId(job), &network);
        // Nobody manages it yet.
        ask(&mut swarm, &mut port, 2);
        ask(&mut swarm, &mut port, 1);
        swarm.wanted.push_front((Instant::now() - WANTED, SwarmAsk::Network { name: "old".into(), subnet: None }));
        port.opened(worker.clone(), 7, false);
        assert_eq!(asked(), [""; 0]);
        swarm.said(&mut port, "n1", manages());
        assert_eq!(asked(), names(&[2, 1]), "in their order, and nothing that nobody waits for");
        ask(&mut swarm, &mut port, 3);
        assert_eq!(asked(), names(&[3]));
        // It is away, and comes back.
        port.closed(&worker, 7);
        ask(&mut swarm, &mut port, 4);
        port.opened(worker, 8, false);
        swarm.said(&mut port, "n1", manages());
        assert_eq!(asked(), names(&[4]));
        // No more wait than may, and the latest do.
        let mut swarm = Swarm::default();
        (0..MOST_WANTED as u32 + 2).for_each(|job| ask(&mut swarm, &mut port, job));
        swarm.said(&mut port, "n1", manages());
        assert_eq!(asked(), names(&(2..MOST_WANTED as u32 + 2).collect::<Vec<_>>()));
    }
}
