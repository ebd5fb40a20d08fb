//! The dialing end: one connection to one address, made again for ever, with a session on each.

mod connection;
mod join;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use join::join;

use crate::clock::Clock;
use crate::identity::{Identity, PeerName, Role};
use crate::relay::LinkLimits;
use crate::session::{SendRefusal, Session};
use crate::{Counters, LinkError};

/// What a dialer needs to know.
#[derive(Clone, Debug)]
pub struct DialerOptions {
    /// Host and port; resolved anew at each try.
    pub address: String,
    /// Who this is; renewed by the server before its certificate ends.
    pub identity: Identity,
    /// What the server must be.
    pub server: Role,
    /// What the server's user is told when a session opens; at most as long as a message.
    pub hello: Bytes,
    /// Limits.
    pub limits: LinkLimits,
}

/// What a dialer reports, in order. `Opened` and `Closed` of one session enclose everything else of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromServer {
    /// A session is open. Messages of earlier sessions that were not acknowledged may or may not have arrived.
    Opened {
        /// The session, higher than all before it from this server.
        session: u64,
        /// Who serves, by its certificate.
        server: PeerName,
    },
    /// A message.
    Message {
        /// Its session.
        session: u64,
        /// Its bytes.
        payload: Bytes,
    },
    /// The server has all messages up to this number.
    Acked {
        /// The session.
        session: u64,
        /// The number that `send` returned.
        upto: u64,
    },
    /// The session is over.
    Closed {
        /// The session.
        session: u64,
        /// Why.
        reason: LinkError,
    },
    /// No session came about; it will be tried again.
    Failed {
        /// Why.
        reason: LinkError,
        /// After this wait.
        again_in: Duration,
    },
}

/// A link to a server that is made again whenever it breaks. Dropping it ends it.
pub struct Dialer {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    stop: DropGuard,
}

pub(super) struct Shared {
    pub(super) options: DialerOptions,
    pub(super) hello: Mutex<Bytes>,
    pub(super) session: Mutex<Option<Session>>,
    /// Something may be there to send.
    pub(super) wake: Notify,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Counters>,
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().expect("nobody panics while holding it")
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("address", &self.shared.options.address).finish_non_exhaustive()
    }
}

impl Dialer {
    /// Starts dialing. The receiver is bounded: while it is full, nothing is read from the server.
    ///
    /// # Errors
    /// [`LinkError::Certificate`] if the identity cannot be used, [`LinkError::Oversized`] if the hello is too long.
    pub fn start(options: DialerOptions) -> Result<(Self, mpsc::Receiver<FromServer>), LinkError> {
        let most = options.limits.message_bytes();
        if options.hello.len() > most {
            return Err(LinkError::Oversized { most });
        }
        let config = crate::identity::client_config(&options.identity, options.server)?;
        let (events, receiver) = mpsc::channel(options.limits.events);
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            hello: Mutex::new(options.hello.clone()),
            session: Mutex::new(None),
            wake: Notify::new(),
            clock: Clock::new(),
            counters: Arc::default(),
            stop: stop.clone(),
            options,
        });
        let task = tokio::spawn(connection::dial_for_ever(shared.clone(), config, events));
        Ok((Self { shared, task, stop: stop.drop_guard() }, receiver))
    }

    /// Sends a message in the session and returns its number, from 1. Never waits.
    ///
    /// # Errors
    /// [`SendRefusal`]; nothing was sent then.
    pub fn send(&self, session: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        self.check_length(&payload)?;
        let mut current = self.shared.session();
        let current = current.as_mut().filter(|current| current.id() == session).ok_or(SendRefusal::Closed)?;
        let seq = current.send(payload)?;
        self.shared.wake.notify_one();
        Ok(seq)
    }

    /// What the server's user is told when the next session opens.
    ///
    /// # Errors
    /// [`SendRefusal::Oversized`]; the earlier one stays then.
    pub fn set_hello(&self, hello: Bytes) -> Result<(), SendRefusal> {
        self.check_length(&hello)?;
        *self.shared.hello.lock().expect("nobody panics while holding it") = hello;
        Ok(())
    }

    fn check_length(&self, bytes: &Bytes) -> Result<(), SendRefusal> {
        let most = self.shared.options.limits.message_bytes();
        if bytes.len() > most { Err(SendRefusal::Oversized { most }) } else { Ok(()) }
    }

    /// What happened.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.shared.counters.clone()
    }

    /// Says goodbye to the server and ends.
    pub async fn shutdown(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}
