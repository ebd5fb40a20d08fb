//! Sessions of workers: who is connected, and what goes to them. What does not get through is not kept here: a worker that comes
//! back says what it has, and the GlobalManager sends again what it lacks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use engine::question::{Question, Reply};
use engine::wire::{FromWorker, ToWorker};
use link::Listener;
use link::identity::PeerName;
use link::session::SendRefusal;
use model::{Millis, Report};
use tokio::sync::oneshot;

use super::door::{Silence, WorkerAsked};

/// Messages that wait for room in a session's window; beyond them the session is closed, and the worker comes back.
const MOST_WAITING: usize = 100_000;
/// How long a worker may take to answer a question that it answers at once.
const PATIENCE: Millis = Millis(5000);
/// The same about what is left over, which it may have to remove.
const LEFT_PATIENCE: Millis = Millis(60_000);

/// What a port sends by: a listener, or what stands in for one where there is no network.
pub trait Line: Send + Sync {
    /// Sends a message to a peer in its session and returns its number. Never waits.
    ///
    /// # Errors
    /// [`SendRefusal`]; nothing was sent then.
    fn send(&self, peer: &PeerName, session: u64, payload: Bytes) -> Result<u64, SendRefusal>;

    /// Closes a session, if it is open.
    fn close(&self, peer: &PeerName, session: u64);
}

impl Line for Listener {
    fn send(&self, peer: &PeerName, session: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        Self::send(self, peer, session, payload)
    }
    fn close(&self, peer: &PeerName, session: u64) {
        Self::close(self, peer, session);
    }
}

/// One end for workers: the GlobalManager's or Discovery's.
pub(super) struct Port {
    line: Arc<dyn Line>,
    sessions: BTreeMap<String, Open>,
}

/// An open session.
struct Open {
    peer: PeerName,
    session: u64,
    /// It has said what it has, so that it may be told what is new.
    greeted: bool,
    waiting: VecDeque<Bytes>,
}

impl Port {
    pub fn new(line: Arc<dyn Line>) -> Self {
        Self { line, sessions: BTreeMap::new() }
    }

    /// A session has opened. Where workers join first of all, nothing is sent before that: an order that overtook what a worker says it
    /// has would be taken for one that it has lost.
    pub fn opened(&mut self, peer: PeerName, session: u64, joins: bool) {
        self.sessions.insert(peer.name().to_owned(), Open { peer, session, greeted: !joins, waiting: VecDeque::new() });
    }

    /// The worker has joined in its session.
    pub fn joined(&mut self, peer: &PeerName, session: u64) {
        if let Some(open) = self.sessions.get_mut(peer.name()).filter(|open| open.session == session) {
            open.greeted = true;
        }
    }

    pub fn closed(&mut self, peer: &PeerName, session: u64) {
        if self.sessions.get(peer.name()).is_some_and(|open| open.session == session) {
            self.sessions.remove(peer.name());
        }
    }

    /// Whether the session is the peer's present one.
    pub fn is_open(&self, peer: &PeerName, session: u64) -> bool {
        self.sessions.get(peer.name()).is_some_and(|open| open.session == session)
    }

    /// Sends to a worker by its name, now or when its window has room; false: it is not connected.
    pub fn send(&mut self, name: &str, message: &ToWorker) -> bool {
        let Some(open) = self.sessions.get_mut(name).filter(|open| open.greeted) else { return false };
        let payload = Bytes::from(postcard::to_stdvec(message).expect("messages are plain data, which postcard writes"));
        open.waiting.push_back(payload);
        if open.waiting.len() > MOST_WAITING {
            self.line.close(&open.peer, open.session);
            return false;
        }
        open.flush(&*self.line);
        true
    }

    /// The worker has acknowledged something: there may be room.
    pub fn acked(&mut self, peer: &PeerName) {
        if let Some(open) = self.sessions.get_mut(peer.name()) {
            open.flush(&*self.line);
        }
    }
}

impl Open {
    fn flush(&mut self, line: &dyn Line) {
        while let Some(payload) = self.waiting.front() {
            match line.send(&self.peer, self.session, payload.clone()) {
                Ok(_) => drop(self.waiting.pop_front()),
                Err(SendRefusal::WouldBlock) => return,
                Err(refusal) => {
                    // Closed sessions are told of by an event; an oversized order cannot be sent at all.
                    tracing::warn!(peer = %self.peer, %refusal, "a message to a worker was dropped");
                    self.waiting.pop_front();
                }
            }
        }
    }
}

/// What was heard of a worker in this turn and is to be told once it is durable: the latest record and the latest renewal.
#[derive(Default)]
pub(super) struct Heard(BTreeMap<model::NodeId, (Option<Report>, Option<Report>)>);

impl Heard {
    pub fn add(&mut self, report: &Report, heartbeat: bool, renewed: bool) {
        let (recorded, beat) = self.0.entry(report.node).or_default();
        if !heartbeat {
            *recorded = Some(*report);
        }
        if renewed {
            *beat = Some(*report);
        }
    }

    /// What is to be told, by node.
    pub fn drain(&mut self, lease: Millis) -> impl Iterator<Item = (model::NodeId, Vec<ToWorker>)> {
        std::mem::take(&mut self.0).into_iter().map(move |(node, (recorded, beat))| {
            let recorded = recorded.map(|report| ToWorker::Recorded { epoch: report.fence.epoch, seq: report.seq });
            let renewed = beat.map(|report| ToWorker::Renewed { epoch: report.fence.epoch, seq: report.seq, lease_ms: lease.0 });
            (node, recorded.into_iter().chain(renewed).collect())
        })
    }
}

/// Questions that wait for a worker.
#[derive(Default)]
pub(super) struct Questions {
    next: u64,
    open: BTreeMap<u64, (Millis, oneshot::Sender<Result<Reply, Silence>>)>,
}

impl Questions {
    /// Asks the worker of that name.
    pub fn ask(&mut self, now: Millis, port: &mut Port, name: &str, WorkerAsked { question, answer }: WorkerAsked) {
        self.open.retain(|_, (until, answer)| *until > now && !answer.is_closed());
        self.next += 1;
        let patience = match question {
            Question::Log(_) | Question::Fetch { .. } => PATIENCE,
            Question::Leftovers { .. } => LEFT_PATIENCE,
        };
        if port.send(name, &ToWorker::Ask { id: self.next, question }) {
            self.open.insert(self.next, (now.plus(patience), answer));
        } else {
            // Whoever asked may have gone.
            let _ = answer.send(Err(Silence::Away));
        }
    }

    /// A worker has replied.
    pub fn replied(&mut self, id: u64, reply: Reply) {
        if let Some((_, answer)) = self.open.remove(&id) {
            let _ = answer.send(Ok(reply));
        }
    }

    /// Gives up on what was not answered in time.
    pub fn expire(&mut self, now: Millis) {
        let late: Vec<u64> = self.open.iter().filter(|(_, (until, _))| *until <= now).map(|(id, _)| *id).collect();
        for id in late {
            if let Some((_, answer)) = self.open.remove(&id) {
                let _ = answer.send(Err(Silence::Away));
            }
        }
    }

    /// When the next question is given up.
    pub fn next(&self) -> Option<Millis> {
        self.open.values().map(|(until, _)| *until).min()
    }
}

/// Reads a worker's message; none where it is not one.
pub(super) fn read(payload: &[u8]) -> Option<FromWorker> {
    postcard::from_bytes(payload).ok()
}
