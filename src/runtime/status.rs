//! How the live system is: what the loop counts and others read, without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::Millis;

use super::clock::Clock;
use super::machine::ActorName;
use super::swarm::SwarmMembers;

/// An actor of this system as seen from this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorStatus {
    /// `front-end`, `job-manager`, `global-manager` or `discovery`.
    pub name: &'static str,
    /// Where it listens, or where it is reached.
    pub address: String,
    /// It runs in this process.
    pub here: bool,
    /// It is here, or its link is up.
    pub reachable: bool,
}

/// One count that only rises.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the loop counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Turns that had something to do.
    pub turns: Count,
    /// Inputs that machines took.
    pub inputs: Count,
    /// Heartbeats.
    pub heartbeats: Count,
    /// Bytes written to logs.
    pub logged_bytes: Count,
    /// Writes that the store refused.
    pub store_failures: Count,
    /// Messages of workers that could not be read, or were not theirs to say.
    pub dropped_messages: Count,
}

/// How the live system is.
#[derive(Debug)]
pub struct Status {
    pub(super) clock: Clock,
    /// What was counted.
    pub counts: Counts,
    ready: AtomicBool,
    stopping: AtomicBool,
    pub(super) actors: std::sync::Mutex<Vec<ActorStatus>>,
    swarm: std::sync::Mutex<SwarmMembers>,
    /// What the ports count of their connections; set once they are open.
    pub(super) ports: std::sync::OnceLock<Vec<std::sync::Arc<link::Counters>>>,
}

impl Status {
    pub(super) fn new(clock: Clock) -> Self {
        let actors = std::sync::Mutex::new(Vec::new());
        let (ready, stopping) = (AtomicBool::new(false), AtomicBool::new(false));
        let swarm = std::sync::Mutex::default();
        Self { clock, counts: Counts::default(), ready, stopping, actors, swarm, ports: std::sync::OnceLock::new() }
    }

    /// Whether recovery is done and the stores write.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.is_stopping()
    }

    /// Who is in the Docker Swarm, where the GlobalManager is in this process.
    #[must_use]
    pub fn swarm(&self) -> SwarmMembers {
        self.swarm.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(super) fn set_swarm(&self, members: SwarmMembers) {
        *self.swarm.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = members;
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether the system takes no more requests.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// The actors of the system.
    #[must_use]
    pub fn actors(&self) -> Vec<ActorStatus> {
        self.actors.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Which actors are reached now.
    pub(super) fn reaches(&self, reached: impl Fn(ActorName) -> bool) {
        let mut actors = self.actors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (status, actor) in actors.iter_mut().zip(ActorName::ALL) {
            status.reachable = reached(actor);
        }
    }

    /// Frames that were dropped: what no protocol has, what is too long, seen before, or not the sender's to say.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.counts.dropped_messages.get() + self.counted(&["malformed", "oversized", "frames_dropped"])
    }

    /// Joins, handshakes and connections that were refused.
    #[must_use]
    pub fn refused_joins(&self) -> u64 {
        self.counted(&["connections_refused", "handshakes_failed", "refused_certificates", "joins_refused"])
    }

    fn counted(&self, names: &[&str]) -> u64 {
        let rows = self.ports.get().into_iter().flatten().flat_map(|port| port.rows());
        rows.filter(|(name, _)| names.contains(name)).map(|(_, count)| count).sum()
    }

    /// The system's time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now()
    }
}
