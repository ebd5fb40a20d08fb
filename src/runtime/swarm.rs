//! Docker Swarm, as the GlobalManager's carrier serves it: one worker's Docker manages it, the others are let in, and networks are asked for
//! before the containers that use them are started.
//!
//! Nothing of it is kept over a restart and nothing of it is logged: workers say where they stand in every session, and the token that lets
//! in others goes from one worker to another through the encrypted links alone.

use std::collections::BTreeSet;

use engine::wire::{Secret, SwarmAsk, SwarmPlace, ToWorker};
use model::{JobId, Network};

use super::workers::Port;

/// Who manages the Swarm, and who waits to be let in.
#[derive(Default)]
pub(super) struct Swarm {
    seat: Option<Seat>,
    outside: BTreeSet<String>,
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
        self.outside.remove(worker);
        match place {
            SwarmPlace::Manager { address, token } => {
                if self.seat.as_ref().is_none_or(|seat| seat.worker != worker) {
                    tracing::info!(node = worker, address, "the Swarm is managed by the Docker of this node");
                }
                self.seat = Some(Seat { worker: worker.to_owned(), address, token });
                for worker in &std::mem::take(&mut self.outside) {
                    self.let_in(port, worker);
                }
            }
            SwarmPlace::Outside => self.let_in(port, worker),
            SwarmPlace::Unknown | SwarmPlace::Member => {}
        }
    }

    /// Sees to it that a network is there. An ask that is lost is made again with the next attempt.
    pub fn ask_network(&self, port: &mut Port, job: JobId, network: &Network) {
        let Some(seat) = &self.seat else {
            tracing::warn!(%job, "a network is asked for and no Docker manages a Swarm: start a worker with --engine docker --swarm manager");
            return;
        };
        let ask = SwarmAsk::Network { name: network.engine_name(job), subnet: network.subnet.clone() };
        port.send(&seat.worker, &ToWorker::Swarm(ask));
    }

    fn let_in(&mut self, port: &mut Port, worker: &str) {
        let ask = self.seat.as_ref().map(|Seat { address, token, .. }| SwarmAsk::Join { address: address.clone(), token: token.clone() });
        match ask {
            Some(ask) => _ = port.send(worker, &ToWorker::Swarm(ask)),
            None => _ = self.outside.insert(worker.to_owned()),
        }
    }
}
