//! Links in memory: sessions that delay, break with what is under way, and come back. Within a session messages come once and in order, as
//! the sessions of `link` see to it; across sessions the end of what was sent is lost, in either direction, and each end hears of the break
//! in its own time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use link::identity::PeerName;
use link::session::SendRefusal;
use link::{FromPeer, FromServer, LinkError};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use wharfinger::runtime::Line;
use workers::shell::Wire;

use super::ground::{Chance, Fuse};

/// Messages that a session takes before it says that there is no room.
const WINDOW: usize = 6;
/// The longest that a message is under way, milliseconds.
const LATENCY: u64 = 150;
/// The longest until an end hears of a break, milliseconds.
const NOTICE: u64 = 1500;

/// One session.
struct Session {
    id: u64,
    peer: PeerName,
    /// From the break on nothing gets through.
    up_cut: AtomicBool,
    down_cut: AtomicBool,
    up: Way,
    down: Way,
    /// The worker's end hears of the break.
    over: Notify,
}

/// What arrives in one direction.
type Arrivals = mpsc::UnboundedReceiver<(Instant, Bytes)>;

/// Messages in one direction, each with the time at which it arrives.
struct Way {
    queue: mpsc::UnboundedSender<(Instant, Bytes)>,
    waiting: AtomicUsize,
}

impl Way {
    fn new() -> (Self, Arrivals) {
        let (queue, receiver) = mpsc::unbounded_channel();
        (Self { queue, waiting: AtomicUsize::new(0) }, receiver)
    }

    fn send(&self, chance: &Chance, payload: Bytes) -> Result<u64, SendRefusal> {
        if self.waiting.load(Relaxed) >= WINDOW {
            return Err(SendRefusal::WouldBlock);
        }
        self.waiting.fetch_add(1, Relaxed);
        let at = Instant::now() + Duration::from_millis(1 + chance.below(LATENCY));
        let _ = self.queue.send((at, payload));
        Ok(0)
    }
}

/// A port of the control plane, and all sessions with it. It outlives the control plane, as a network does.
pub struct Net {
    chance: Arc<Chance>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The control plane, while it lives.
    port: Option<mpsc::Sender<FromPeer>>,
    sessions: BTreeMap<PeerName, Arc<Session>>,
    last: u64,
    /// Until when a peer gets no session.
    shut: BTreeMap<PeerName, Instant>,
}

impl Net {
    pub fn new(chance: Arc<Chance>) -> Arc<Self> {
        Arc::new(Self { chance, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The control plane is there: what comes in for it.
    pub fn bind(&self) -> mpsc::Receiver<FromPeer> {
        let (port, events) = mpsc::channel(100_000);
        self.inner().port = Some(port);
        events
    }

    /// The control plane is gone.
    pub fn unbind(self: &Arc<Self>) {
        let sessions = {
            let mut inner = self.inner();
            inner.port = None;
            std::mem::take(&mut inner.sessions)
        };
        for session in sessions.into_values() {
            self.cut(&session, true, true);
        }
    }

    /// Breaks the session of a peer in one direction or both, and lets it have none for a while.
    pub fn break_off(self: &Arc<Self>, peer: &PeerName, up: bool, down: bool, shut_ms: u64) {
        let session = {
            let mut inner = self.inner();
            inner.shut.insert(peer.clone(), Instant::now() + Duration::from_millis(shut_ms));
            inner.sessions.get(peer).cloned()
        };
        if let Some(session) = session {
            self.cut(&session, up, down);
        }
    }

    /// From now on peers have their sessions.
    pub fn heal(&self) {
        self.inner().shut.clear();
    }

    /// What is sent in these directions is lost; both ends hear of it later, each in its time, and lose what came meanwhile.
    fn cut(self: &Arc<Self>, session: &Arc<Session>, up: bool, down: bool) {
        session.up_cut.fetch_or(up, Relaxed);
        session.down_cut.fetch_or(down, Relaxed);
        let (net, session) = (Arc::clone(self), Arc::clone(session));
        tokio::spawn(async move {
            net.chance.pause(NOTICE).await;
            session.down_cut.store(true, Relaxed);
            session.over.notify_one();
            net.chance.pause(NOTICE).await;
            net.inner().close(&session);
        });
    }

    /// A worker dials for as long as it lives.
    pub fn dial(self: &Arc<Self>, peer: PeerName, fuse: Arc<Fuse>) -> (Box<dyn Wire>, mpsc::Receiver<FromServer>) {
        let (events, receiver) = mpsc::channel(100_000);
        let current = Arc::new(Mutex::new(None));
        let end = End { net: Arc::clone(self), fuse, current: Arc::clone(&current) };
        tokio::spawn(dial(Arc::clone(self), peer, current, events));
        (Box::new(end), receiver)
    }

    fn open(&self, peer: &PeerName) -> Option<(Arc<Session>, [Arrivals; 2])> {
        let mut inner = self.inner();
        if inner.port.is_none() || inner.shut.get(peer).is_some_and(|until| Instant::now() < *until) {
            return None;
        }
        if let Some(older) = inner.sessions.get(peer).cloned() {
            inner.close(&older);
        }
        inner.last += 1;
        let ((up, upwards), (down, downwards)) = (Way::new(), Way::new());
        let (up_cut, down_cut) = (AtomicBool::new(false), AtomicBool::new(false));
        let session = Arc::new(Session { id: inner.last, peer: peer.clone(), up_cut, down_cut, up, down, over: Notify::new() });
        inner.sessions.insert(peer.clone(), Arc::clone(&session));
        inner.tell(FromPeer::Opened { peer: peer.clone(), session: session.id, hello: Bytes::new() });
        Some((session, [upwards, downwards]))
    }
}

impl Inner {
    fn tell(&self, event: FromPeer) {
        if let Some(port) = &self.port {
            port.try_send(event).expect("the loop takes what comes");
        }
    }

    fn has(&self, session: &Session) -> bool {
        self.sessions.get(&session.peer).is_some_and(|open| open.id == session.id)
    }

    fn close(&mut self, session: &Session) {
        if self.has(session) {
            self.sessions.remove(&session.peer);
            session.up_cut.store(true, Relaxed);
            session.down_cut.store(true, Relaxed);
            session.over.notify_one();
            let reason = LinkError::Closed("it was cut".into());
            self.tell(FromPeer::Closed { peer: session.peer.clone(), session: session.id, reason });
        }
    }
}

/// Sessions of one life of a worker, one after the other.
async fn dial(net: Arc<Net>, peer: PeerName, current: Arc<Mutex<Option<Arc<Session>>>>, events: mpsc::Sender<FromServer>) {
    loop {
        net.chance.pause(300).await;
        if events.is_closed() {
            return;
        }
        let Some((session, [mut upwards, mut downwards])) = net.open(&peer) else { continue };
        *current.lock().unwrap() = Some(Arc::clone(&session));
        let server = "actor:global-manager".parse().expect("a name");
        if events.send(FromServer::Opened { session: session.id, server }).await.is_err() {
            return;
        }
        let up = async {
            while let Some((at, payload)) = upwards.recv().await {
                sleep_until(at).await;
                session.up.waiting.fetch_sub(1, Relaxed);
                let inner = net.inner();
                if !session.up_cut.load(Relaxed) && inner.has(&session) {
                    inner.tell(FromPeer::Message { peer: peer.clone(), session: session.id, payload });
                    let _ = events.try_send(FromServer::Acked { session: session.id, upto: 0 });
                }
            }
        };
        let down = async {
            while let Some((at, payload)) = downwards.recv().await {
                sleep_until(at).await;
                session.down.waiting.fetch_sub(1, Relaxed);
                if !session.down_cut.load(Relaxed) {
                    let _ = events.try_send(FromServer::Message { session: session.id, payload });
                    let inner = net.inner();
                    if inner.has(&session) && !session.up_cut.load(Relaxed) {
                        inner.tell(FromPeer::Acked { peer: peer.clone(), session: session.id, upto: 0 });
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = session.over.notified() => {}
            // The worker is dead, or has no use for this any more.
            () = events.closed() => return,
            () = up => {}
            () = down => {}
        }
        *current.lock().unwrap() = None;
        let reason = LinkError::Closed("it was cut".into());
        let _ = events.send(FromServer::Closed { session: session.id, reason }).await;
    }
}

/// The worker's end. Each message that leaves it is a step of its life.
struct End {
    net: Arc<Net>,
    fuse: Arc<Fuse>,
    current: Arc<Mutex<Option<Arc<Session>>>>,
}

impl Wire for End {
    fn send(&self, id: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        let current = self.current.lock().unwrap();
        let session = current.as_ref().filter(|session| session.id == id).ok_or(SendRefusal::Closed)?;
        if self.fuse.step() { session.up.send(&self.net.chance, payload) } else { Ok(0) }
    }
}

/// The control plane's end.
pub struct Far(pub Arc<Net>);

impl Line for Far {
    fn send(&self, peer: &PeerName, id: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        let inner = self.0.inner();
        let session = inner.sessions.get(peer).filter(|session| session.id == id).ok_or(SendRefusal::Closed)?;
        session.down.send(&self.0.chance, payload)
    }
    fn close(&self, peer: &PeerName, id: u64) {
        let mut inner = self.0.inner();
        if let Some(session) = inner.sessions.get(peer).filter(|session| session.id == id).cloned() {
            inner.close(&session);
        }
    }
}
