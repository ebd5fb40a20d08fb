//! Links over real sockets on the loopback address: what works, what is refused, and what comes back.

mod garbage;
mod joining;
mod traffic;
mod trust;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::identity::{Authority, Identity, NewKey, PeerName, Role};
use crate::session::SendRefusal;
use crate::token::{JoinToken, TokenHash};
use crate::{Dialer, DialerOptions, FromPeer, FromServer, Gatekeeper, LinkLimits, Listener, ListenerOptions};

const HOUR: Duration = Duration::from_secs(3600);

/// Tokens in memory; what a store will be for the real one.
struct Doors {
    tokens: Mutex<BTreeMap<String, (TokenHash, SystemTime)>>,
    lifetime: Duration,
    banned: Mutex<Vec<PeerName>>,
}

impl Gatekeeper for Doors {
    fn admit(&self, id: &str, secret: &TokenHash, wanted: &PeerName) -> Result<Duration, String> {
        let tokens = self.tokens.lock().unwrap();
        let (_, ends) = tokens.get(id).filter(|(hash, _)| hash == secret).ok_or("the token is not known, or was revoked")?;
        if *ends < SystemTime::now() {
            return Err("the token has ended".to_owned());
        }
        if wanted.role() == Role::Worker { Ok(self.lifetime) } else { Err("the token is for workers".to_owned()) }
    }

    fn renew(&self, peer: &PeerName) -> Result<Duration, String> {
        self.enter(peer).map(|()| self.lifetime)
    }

    fn enter(&self, peer: &PeerName) -> Result<(), String> {
        if self.banned.lock().unwrap().contains(peer) { Err("it was banned".to_owned()) } else { Ok(()) }
    }
}

/// A cluster of one listener.
struct Site {
    home: tempfile::TempDir,
    authority: Arc<Authority>,
    doors: Arc<Doors>,
    limits: LinkLimits,
}

impl Site {
    fn new() -> Self {
        Self::with(LinkLimits { handshake: Duration::from_millis(1500), ..LinkLimits::default() }, HOUR)
    }

    fn with(limits: LinkLimits, lifetime: Duration) -> Self {
        let home = tempfile::tempdir().unwrap();
        let authority = Arc::new(Authority::open(&home.path().join("authority")).unwrap());
        let doors = Doors { tokens: Mutex::default(), lifetime, banned: Mutex::default() };
        Self { home, authority, doors: Arc::new(doors), limits }
    }

    async fn listen(&self) -> (Listener, Receiver<FromPeer>) {
        self.listen_at("127.0.0.1:0").await
    }

    async fn listen_at(&self, address: &str) -> (Listener, Receiver<FromPeer>) {
        Listener::bind(self.options(address, vec![Role::Worker, Role::Actor])).await.unwrap()
    }

    fn options(&self, address: &str, accepts: Vec<Role>) -> ListenerOptions {
        ListenerOptions {
            address: address.to_owned(),
            identity: self.identity("actor:global-manager"),
            authority: Some(self.authority.clone()),
            folder: self.home.path().join("run"),
            gatekeeper: self.doors.clone(),
            accepts,
            limits: self.limits,
        }
    }

    fn identity(&self, peer: &str) -> Identity {
        Identity::issued_by(&self.authority, &peer.parse().unwrap(), HOUR, None).unwrap()
    }

    /// A certificate that has ended an hour ago.
    fn ended(&self, peer: &str) -> Identity {
        let key = NewKey::new().unwrap();
        let now = SystemTime::now();
        let chain = self.authority.issue_between(&key.request().unwrap(), &peer.parse().unwrap(), now - 2 * HOUR, now - HOUR);
        Identity::take(key, chain.unwrap(), None).unwrap()
    }

    fn dial(&self, listener: &Listener, identity: Identity) -> (Dialer, Receiver<FromServer>) {
        dial(&listener.local_addr().to_string(), identity, self.limits)
    }

    fn token(&self, ends: SystemTime) -> JoinToken {
        let token = JoinToken::new(self.authority.digest());
        self.doors.tokens.lock().unwrap().insert(token.id.clone(), (token.hash(), ends));
        token
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }
}

fn dial(address: &str, identity: Identity, limits: LinkLimits) -> (Dialer, Receiver<FromServer>) {
    let hello = Bytes::from_static(b"hello");
    Dialer::start(DialerOptions { address: address.to_owned(), identity, server: Role::Actor, hello, limits }).unwrap()
}

async fn next<T>(events: &mut Receiver<T>) -> T {
    timeout(Duration::from_secs(20), events.recv()).await.expect("an event comes").expect("the link lives")
}

/// The next session of a dialer, whatever failed before it.
async fn opened(events: &mut Receiver<FromServer>) -> u64 {
    loop {
        if let FromServer::Opened { session, server } = next(events).await {
            assert_eq!(server.to_string(), "actor:global-manager");
            return session;
        }
    }
}

/// The next session of a listener.
async fn entered(events: &mut Receiver<FromPeer>) -> (PeerName, u64) {
    loop {
        if let FromPeer::Opened { peer, session, hello } = next(events).await {
            assert_eq!(hello, "hello");
            return (peer, session);
        }
    }
}

/// Why the next dial failed.
async fn failed(events: &mut Receiver<FromServer>) -> crate::LinkError {
    match next(events).await {
        FromServer::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// The next message that a dialer hears.
async fn heard(events: &mut Receiver<FromServer>) -> Bytes {
    loop {
        match next(events).await {
            FromServer::Message { payload, .. } => return payload,
            FromServer::Acked { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Answers every message with itself, for ever. What the window does not take yet waits here.
async fn echo(listener: Arc<Listener>, mut events: Receiver<FromPeer>) {
    let mut waiting = VecDeque::new();
    while let Some(event) = events.recv().await {
        if let FromPeer::Message { peer, session, payload } = event {
            waiting.push_back((peer, session, payload));
        }
        while let Some((peer, session, payload)) = waiting.front()
            && listener.send(peer, *session, payload.clone()) != Err(SendRefusal::WouldBlock)
        {
            waiting.pop_front();
        }
    }
}

async fn counted(listener: &Listener, name: &str, least: u64) {
    for _ in 0..200 {
        let counters = listener.counters();
        if counters.rows().iter().any(|(row, count)| *row == name && *count >= least) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} stays below {least}: {:?}", listener.counters());
}

/// A peer that others may disturb as they like: it opens a session and gets an answer.
async fn serves(site: &Site, listener: &Listener, events: &mut Receiver<FromPeer>, name: &str) {
    let (dialer, mut heard_there) = site.dial(listener, site.identity(name));
    let session = opened(&mut heard_there).await;
    let (peer, same) = entered(events).await;
    assert_eq!((peer.to_string().as_str(), same), (name, session));
    listener.send(&peer, session, Bytes::from_static(b"are you there?")).unwrap();
    assert_eq!(heard(&mut heard_there).await, "are you there?");
    dialer.shutdown().await;
    assert!(listener.counters().sessions.load(Relaxed) > 0);
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777
}
