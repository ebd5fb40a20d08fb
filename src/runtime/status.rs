//! How the live system is: what the loop counts and others read, without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::Millis;

use super::clock::Clock;
use super::machine::ActorName;

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
    /// Messages that could not be read, or spoke of somebody else.
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
    /// What the ports of this process count.
    pub(super) ports: std::sync::Mutex<Vec<Arc<link::Counters>>>,
}

impl Status {
    pub(super) fn new(clock: Clock) -> Self {
        let (ready, stopping) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { clock, counts: Counts::default(), ready, stopping, actors: Default::default(), ports: Default::default() }
    }

    /// Whether recovery is done and the stores write.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.is_stopping()
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

    /// Frames that were dropped at the ports of this process: malformed, too long, forged, said before, or not understood.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.at_ports(&["malformed", "oversized", "frames_dropped"]) + self.counts.dropped_messages.get()
    }

    /// Joins, handshakes and certificates that were refused at the ports of this process.
    #[must_use]
    pub fn refused_joins(&self) -> u64 {
        self.at_ports(&["joins_refused", "handshakes_failed", "refused_certificates"])
    }

    fn at_ports(&self, names: &[&str]) -> u64 {
        let ports = self.ports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ports.iter().flat_map(|port| port.rows()).filter(|(name, _)| names.contains(name)).map(|(_, count)| count).sum()
    }

    /// Which actors are reached now.
    pub(super) fn reaches(&self, reached: impl Fn(ActorName) -> bool) {
        let mut actors = self.actors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (status, actor) in actors.iter_mut().zip(ActorName::ALL) {
            status.reachable = reached(actor);
        }
    }

    /// The system's time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now()
    }
}
