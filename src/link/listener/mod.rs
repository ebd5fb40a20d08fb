//! The serving end: one port for peers with certificates and for those that join; behind it, a ROUTER that only this process reaches.

mod accept;
mod gate;
mod line;
mod queue;
mod table;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::counters::Quiet;
use crate::identity::{Authority, Identity, PeerName, Role};
use crate::relay::LinkLimits;
use crate::session::SendRefusal;
use crate::token::TokenHash;
use crate::{Counters, LinkError};
use table::Table;

/// Who may come in. Called on the threads of the links, so it answers from memory and does not wait.
pub trait Gatekeeper: Send + Sync {
    /// Whether somebody with this token may have a certificate as `wanted`, and for how long.
    ///
    /// # Errors
    /// The reason, in words for whoever tried; it is sent to them. It should not say which part of a token was right.
    fn admit(&self, token_id: &str, secret: &TokenHash, wanted: &PeerName) -> Result<Duration, String>;

    /// Whether a peer with a certificate may have a new one, and for how long.
    ///
    /// # Errors
    /// The reason, in words for the peer.
    fn renew(&self, peer: &PeerName) -> Result<Duration, String>;

    /// Whether a peer with a valid certificate may open a session: certificates are not revoked, peers are.
    ///
    /// # Errors
    /// The reason, in words for the peer.
    fn enter(&self, peer: &PeerName) -> Result<(), String> {
        let _ = peer;
        Ok(())
    }
}

/// What a listener needs to know.
pub struct ListenerOptions {
    /// Address and port; port 0 takes a free one.
    pub address: String,
    /// Who serves here; an actor.
    pub identity: Identity,
    /// Issues certificates to those that join and renew. Without it they are refused, and `identity` is renewed by whoever dials with it.
    pub authority: Option<Arc<Authority>>,
    /// A private folder for the sockets inside this process. If its path is too long for a socket, a temporary one is taken.
    pub folder: PathBuf,
    /// Who may come in.
    pub gatekeeper: Arc<dyn Gatekeeper>,
    /// Roles that may open sessions.
    pub accepts: Vec<Role>,
    /// Limits.
    pub limits: LinkLimits,
}

/// What a listener reports, in order. `Opened` and `Closed` of one session enclose everything else of it, and a peer has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromPeer {
    /// A peer opened a session.
    Opened {
        /// Who, by its certificate.
        peer: PeerName,
        /// The session, higher than all before it, over restarts too while the clock is not set back.
        session: u64,
        /// What the peer's user says of itself.
        hello: Bytes,
    },
    /// A message.
    Message {
        /// Who sent it.
        peer: PeerName,
        /// Its session.
        session: u64,
        /// Its bytes.
        payload: Bytes,
    },
    /// The peer has all messages up to this number.
    Acked {
        /// Who.
        peer: PeerName,
        /// The session.
        session: u64,
        /// The number that `send` returned.
        upto: u64,
    },
    /// The session is over.
    Closed {
        /// Whose.
        peer: PeerName,
        /// The session.
        session: u64,
        /// Why.
        reason: LinkError,
    },
}

/// Serves peers at one address. Dropping it closes everything.
pub struct Listener {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: DropGuard,
}

/// What the tasks of a listener share.
struct Shared {
    identity: Identity,
    authority: Option<Arc<Authority>>,
    gatekeeper: Arc<dyn Gatekeeper>,
    accepts: Vec<Role>,
    limits: LinkLimits,
    clock: Clock,
    counters: Arc<Counters>,
    quiet: Quiet,
    table: Table,
    /// Where the ROUTER of the moment is bound.
    endpoint: watch::Sender<Option<String>>,
    commands: mpsc::Sender<queue::Command>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Listener {
    /// Binds the address and begins to serve. The receiver is bounded: while it is full, nothing is read from TCP.
    ///
    /// # Errors
    /// [`LinkError::Address`], [`LinkError::Folder`], or [`LinkError::Certificate`] if the identity is not an actor's.
    pub async fn bind(options: ListenerOptions) -> Result<(Self, mpsc::Receiver<FromPeer>), LinkError> {
        if options.identity.peer().role() != Role::Actor {
            return Err(LinkError::Certificate(format!("{} may not serve; an actor may", options.identity.peer())));
        }
        let config = crate::identity::server_config(&options.identity)?;
        let bound = TcpListener::bind(&options.address).await.map_err(|error| LinkError::address(&options.address, error))?;
        let address = bound.local_addr().map_err(|error| LinkError::address(&options.address, error))?;
        let sockets = queue::Sockets::new(&options.folder, address.port())?;
        let (events, receiver) = mpsc::channel(options.limits.events);
        let (commands, to_do) = mpsc::channel(options.limits.events);
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            table: Table::new(options.limits.session),
            identity: options.identity,
            authority: options.authority,
            gatekeeper: options.gatekeeper,
            accepts: options.accepts,
            limits: options.limits,
            clock: Clock::new(),
            counters: Arc::default(),
            quiet: Quiet::default(),
            endpoint: watch::channel(None).0,
            commands,
            tasks: TaskTracker::new(),
            stop: stop.clone(),
        });
        shared.tasks.spawn(queue::serve(shared.clone(), sockets, to_do, events));
        shared.tasks.spawn(accept::serve(shared.clone(), bound, config));
        shared.tasks.spawn(accept::renew_own(shared.clone()));
        shared.tasks.close();
        Ok((Self { shared, address, stop: stop.drop_guard() }, receiver))
    }

    /// Sends a message to a peer in its session and returns its number, from 1. Never waits.
    ///
    /// # Errors
    /// [`SendRefusal`]; nothing was sent then.
    pub fn send(&self, peer: &PeerName, session: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        let most = self.shared.limits.message_bytes();
        if payload.len() > most {
            return Err(SendRefusal::Oversized { most });
        }
        self.shared.table.send(peer, session, payload)
    }

    /// Closes a session, if it is open; `Closed` follows. The peer may dial again at once.
    pub fn close(&self, peer: &PeerName, session: u64) {
        self.shared.table.close(peer, session);
    }

    /// What happened.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.shared.counters.clone()
    }

    /// Where it is bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Says goodbye to all peers and ends; no further event comes, `Closed` neither.
    pub async fn shutdown(self) {
        drop(self.stop);
        self.shared.tasks.wait().await;
    }
}
