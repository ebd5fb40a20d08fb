//! The sessions of a listener, and which of them have something to send when. Short locks, never held over a wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use crate::identity::PeerName;
use crate::session::{Received, Segment, SendRefusal, Session, SessionLimits};

/// Bytes of one session that may be under way to its connection. The ZeroMQ sockets between would hold 100,000 messages.
const OUTBOUND_BYTES: usize = 1 << 20;
/// What a message counts beyond its bytes, so that small ones are bounded in number too.
pub(super) const MESSAGE_COST: usize = 64;
/// Segments of one session that are taken before it is the next one's turn.
const TURN: usize = 32;

/// What a connection and the tasks behind the ROUTER share about one session.
pub(super) struct Line {
    pub(super) peer: PeerName,
    pub(super) session: u64,
    /// The DEALER's identity, as the ROUTER knows it.
    pub(super) identity: Bytes,
    /// Bytes that may still be under way from the connection to the ROUTER's reader.
    pub(super) inbound: Semaphore,
    /// Bytes under way from the ROUTER to the connection.
    pub(super) outbound: AtomicUsize,
    pub(super) stop: CancellationToken,
}

/// A connection whose DEALER has not been heard at the ROUTER yet.
pub(super) struct Pending {
    pub(super) line: Arc<Line>,
    pub(super) hello: Bytes,
    pub(super) opened: oneshot::Sender<()>,
}

struct Entry {
    line: Arc<Line>,
    session: Session,
    /// Where it stands in `due`.
    due: Option<u64>,
}

#[derive(Default)]
struct Inner {
    sessions: BTreeMap<u64, Entry>,
    by_peer: BTreeMap<PeerName, u64>,
    pending: BTreeMap<u64, Pending>,
    due: BTreeSet<(u64, u64)>,
}

pub(super) struct Table {
    inner: Mutex<Inner>,
    limits: SessionLimits,
    last_session: AtomicU64,
    /// Something may be there to send.
    pub(super) wake: Notify,
}

impl Table {
    pub(super) fn new(limits: SessionLimits) -> Self {
        // Numbers of an earlier process are lower, so its sessions are never taken for new ones.
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let first = u64::try_from(epoch).unwrap_or_default() << 16;
        Self { inner: Mutex::default(), limits, last_session: AtomicU64::new(first), wake: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while holding it")
    }

    /// A session number that was never given.
    pub(super) fn number(&self) -> u64 {
        self.last_session.fetch_add(1, SeqCst) + 1
    }

    pub(super) fn announce(&self, pending: Pending) {
        self.lock().pending.insert(pending.line.session, pending);
    }

    /// The connection has given up before its session was opened.
    pub(super) fn withdraw(&self, session: u64) {
        self.lock().pending.remove(&session);
    }

    /// Opens what was announced. Returns it, with the peer's older session, which is closed.
    pub(super) fn open(&self, session: u64) -> Option<(Pending, Option<Arc<Line>>)> {
        let mut inner = self.lock();
        let pending = inner.pending.remove(&session)?;
        let peer = pending.line.peer.clone();
        let older = inner.by_peer.get(&peer).copied().and_then(|older| inner.remove(older));
        inner.by_peer.insert(peer, session);
        inner.sessions.insert(session, Entry { line: pending.line.clone(), session: Session::new(session, self.limits), due: None });
        Some((pending, older))
    }

    /// Forgets a session; its connection ends.
    pub(super) fn remove(&self, session: u64) -> Option<Arc<Line>> {
        self.lock().remove(session)
    }

    /// Forgets all sessions and all that would become one.
    pub(super) fn clear(&self) -> Vec<Arc<Line>> {
        let mut inner = self.lock();
        for pending in std::mem::take(&mut inner.pending).into_values() {
            pending.line.stop.cancel();
        }
        let all: Vec<u64> = inner.sessions.keys().copied().collect();
        all.into_iter().filter_map(|session| inner.remove(session)).collect()
    }

    pub(super) fn close(&self, peer: &PeerName, session: u64) {
        let inner = self.lock();
        if let Some(entry) = inner.sessions.get(&session).filter(|entry| entry.line.peer == *peer) {
            entry.line.stop.cancel();
        }
    }

    pub(super) fn send(&self, peer: &PeerName, session: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        let mut inner = self.lock();
        let entry = inner.sessions.get_mut(&session).filter(|entry| entry.line.peer == *peer).ok_or(SendRefusal::Closed)?;
        let seq = entry.session.send(payload)?;
        self.reschedule(&mut inner, session);
        Ok(seq)
    }

    /// Takes a segment from the connection of that session.
    pub(super) fn receive(&self, now_ms: u64, session: u64, segment: Segment) -> Option<(Arc<Line>, Received)> {
        let mut inner = self.lock();
        let entry = inner.sessions.get_mut(&session)?;
        let received = entry.session.receive(now_ms, segment);
        let line = entry.line.clone();
        self.reschedule(&mut inner, session);
        Some((line, received))
    }

    /// Bytes have left for the network, so there is room for more.
    pub(super) fn written(&self, line: &Line, bytes: usize) {
        let before = line.outbound.fetch_sub(bytes, SeqCst);
        if before >= OUTBOUND_BYTES {
            self.reschedule(&mut self.lock(), line.session);
        }
    }

    /// Segments to send now, of several sessions in turn, and else when there will be some.
    pub(super) fn due(&self, now_ms: u64) -> (Vec<(Arc<Line>, Segment)>, Option<u64>) {
        let mut inner = self.lock();
        let mut segments = Vec::new();
        while let Some(&(at, session)) = inner.due.first()
            && segments.len() < 8 * TURN
        {
            if at > now_ms {
                return (segments, Some(at));
            }
            inner.due.pop_first();
            let entry = inner.sessions.get_mut(&session).expect("what is due is open");
            entry.due = None;
            let from = segments.len();
            while segments.len() - from < TURN
                && entry.line.outbound.load(SeqCst) < OUTBOUND_BYTES
                && let Some(segment) = entry.session.transmit(now_ms)
            {
                entry.line.outbound.fetch_add(segment.payload.len() + MESSAGE_COST, SeqCst);
                segments.push((entry.line.clone(), segment));
            }
            if segments.len() == from && entry.session.due() == Some(0) {
                // Full: `written` will say when there is room.
                continue;
            }
            self.reschedule(&mut inner, session);
        }
        let next = inner.due.first().map(|(at, _)| *at);
        (segments, next)
    }

    /// Puts a session where its next segment is due, and wakes the sender if that is sooner than it knew.
    fn reschedule(&self, inner: &mut Inner, session: u64) {
        let Some(entry) = inner.sessions.get_mut(&session) else { return };
        let full = entry.line.outbound.load(SeqCst) >= OUTBOUND_BYTES;
        let due = entry.session.due().filter(|_| !full);
        if due == entry.due {
            return;
        }
        let before = std::mem::replace(&mut entry.due, due);
        let first = inner.due.first().map(|(at, _)| *at);
        inner.due.extend(due.map(|at| (at, session)));
        if let Some(before) = before {
            inner.due.remove(&(before, session));
        }
        if due.is_some_and(|due| first.is_none_or(|first| due < first)) {
            self.wake.notify_one();
        }
    }
}

impl Inner {
    fn remove(&mut self, session: u64) -> Option<Arc<Line>> {
        let entry = self.sessions.remove(&session)?;
        if self.by_peer.get(&entry.line.peer) == Some(&session) {
            self.by_peer.remove(&entry.line.peer);
        }
        if let Some(due) = entry.due {
            self.due.remove(&(due, session));
        }
        entry.line.stop.cancel();
        Some(entry.line)
    }
}
