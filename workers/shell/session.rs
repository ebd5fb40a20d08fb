//! The sessions of a worker: with the GlobalManager, which orders, and with Discovery, which hears reports. The loop that brings what
//! comes in to the node, and what the node says out.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use engine::Signal;
use engine::wire::FromWorker;
use link::identity::{Identity, Role};
use link::session::SendRefusal;
use link::{Dialer, DialerOptions, FromServer, LinkError, LinkLimits};
use model::Millis;
use tokio::sync::mpsc::Receiver;

use super::Ending;
use super::node::Node;
use super::stop::{Stop, Wish};
use crate::Error;
use crate::run::boot_time;

/// A link to one actor, with its session of the moment.
struct Link {
    what: &'static str,
    dialer: Dialer,
    events: Receiver<FromServer>,
    session: Option<u64>,
    /// What found no room in the window.
    waiting: Option<Bytes>,
    said: String,
}

/// What came of an event of a link.
enum Came {
    /// A session is open, or has ended.
    Session(bool),
    Message(Bytes),
    Trouble(LinkError),
    Nothing,
}

impl Link {
    fn start(what: &'static str, address: String, identity: Identity) -> Result<Self, Error> {
        let options = DialerOptions { address, identity, server: Role::Actor, hello: Bytes::new(), limits: LinkLimits::default() };
        let (dialer, events) = Dialer::start(options).map_err(Error::Link)?;
        Ok(Self { what, dialer, events, session: None, waiting: None, said: String::new() })
    }

    fn took(&mut self, event: FromServer) -> Came {
        match event {
            FromServer::Opened { session, .. } => {
                tracing::info!(session, "the link to {} is up", self.what);
                (self.session, self.waiting) = (Some(session), None);
                self.said.clear();
                Came::Session(true)
            }
            FromServer::Message { payload, .. } => Came::Message(payload),
            FromServer::Acked { .. } => Came::Nothing,
            FromServer::Closed { reason, .. } => {
                tracing::warn!(code = reason.code(), "the link to {} is down: {reason}", self.what);
                (self.session, self.waiting) = (None, None);
                Came::Session(false)
            }
            FromServer::Failed { reason, .. } => {
                let why = reason.to_string();
                if self.said != why {
                    tracing::warn!(code = reason.code(), "no link to {} yet: {why}", self.what);
                    self.said = why;
                }
                Came::Trouble(reason)
            }
        }
    }

    /// Whether something can be sent now: what waited has gone.
    fn is_free(&mut self) -> bool {
        self.session.is_some() && self.waiting.take().is_none_or(|payload| self.send_bytes(payload))
    }

    fn send(&mut self, message: &FromWorker) -> bool {
        self.send_bytes(Bytes::from(postcard::to_stdvec(message).expect("messages are plain data, which postcard writes")))
    }

    /// False: it waits for room.
    fn send_bytes(&mut self, payload: Bytes) -> bool {
        let Some(session) = self.session else { return false };
        match self.dialer.send(session, payload.clone()) {
            Ok(_) => true,
            Err(SendRefusal::WouldBlock) => {
                self.waiting = Some(payload);
                false
            }
            // That it is closed comes as an event; whatever counts is said again in the next session.
            Err(refusal) => {
                tracing::debug!(%refusal, "a message to {} was not sent", self.what);
                true
            }
        }
    }
}

/// Both links.
pub struct Links {
    manager: Link,
    discovery: Link,
    identity: Identity,
}

/// Why the loop ended.
pub enum Over {
    /// The worker ends.
    End(Ending),
    /// The links are to be made anew, perhaps under another identity.
    Reconnect,
}

impl Links {
    /// Begins to dial both.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn start(manager: String, discovery: String, identity: Identity) -> Result<Self, Error> {
        let manager = Link::start("the global manager", manager, identity.clone())?;
        Ok(Self { manager, discovery: Link::start("discovery", discovery, identity.clone())?, identity })
    }

    /// Serves the node until it ends. `is_stale` says whether another identity may be had than the one that was refused.
    pub async fn serve(
        &mut self,
        node: &mut Node,
        signals: &mut Receiver<Signal>,
        stop: &mut Stop,
        heartbeat: Millis,
        is_stale: impl Fn(&Identity) -> bool,
    ) -> Over {
        let mut next_beat = boot_time();
        node.manager_session(false);
        loop {
            let now = boot_time();
            node.look(now);
            if let Some(ending) = node.ending() {
                return Over::End(ending);
            }
            self.say(node, now);
            if now >= next_beat {
                self.beat(node, now);
                next_beat = now + interval(heartbeat, node.lease_span());
            }
            let due = node.due().into_iter().fold(next_beat, Ord::min);
            let sleep = pin!(tokio::time::sleep(Duration::from_millis(due.since(now).0)));
            let open = tokio::select! {
                Some(signal) = signals.recv() => {
                    node.signal(boot_time(), signal);
                    true
                }
                Some(event) = self.manager.events.recv() => match self.manager.took(event) {
                    Came::Session(open) => {
                        node.manager_session(open);
                        true
                    }
                    Came::Message(payload) => {
                        let joined = hear(node, &payload);
                        // Whatever it was, a lease that is new is asked for at once.
                        next_beat = if node.lease_span().is_none() { boot_time() } else { next_beat };
                        joined
                    }
                    Came::Trouble(LinkError::Certificate(_) | LinkError::Refused(_)) => !is_stale(&self.identity),
                    Came::Trouble(_) | Came::Nothing => true,
                },
                Some(event) = self.discovery.events.recv() => match self.discovery.took(event) {
                    Came::Session(open) => {
                        if open {
                            node.discovery_session();
                            next_beat = boot_time();
                        }
                        true
                    }
                    Came::Message(payload) => hear(node, &payload),
                    Came::Trouble(_) | Came::Nothing => true,
                },
                wish = stop.wished() => match wish {
                    Wish::Leave if self.manager.session.is_some() => {
                        tracing::info!("the manager is asked to empty this node");
                        node.leave();
                        true
                    }
                    wish @ (Wish::Leave | Wish::StopHere) => {
                        matches!(wish, Wish::Leave).then(|| stop.stop_here());
                        node.stop_all(boot_time());
                        true
                    }
                    Wish::End(ending) => return Over::End(ending),
                },
                () = sleep => true,
            };
            if !open {
                return Over::Reconnect;
            }
            if stop.is_stopping_here() && node.is_empty() {
                return Over::End(Ending::Done);
            }
        }
    }

    /// Says what the node has to say, as far as there is room.
    fn say(&mut self, node: &mut Node, now: Millis) {
        while self.manager.is_free() {
            let Some(message) = node.for_manager() else { break };
            self.manager.send(&message);
        }
        while self.discovery.is_free() {
            let Some(report) = node.to_discovery().copied() else { break };
            self.discovery.send(&FromWorker::Report(report));
            node.reported(now);
        }
    }

    fn beat(&mut self, node: &mut Node, now: Millis) {
        if self.discovery.is_free()
            && let Some(report) = node.heartbeat(now)
        {
            self.discovery.send(&FromWorker::Report(report));
        }
    }

    /// Says goodbye to both.
    pub async fn close(self) {
        self.manager.dialer.shutdown().await;
        self.discovery.dialer.shutdown().await;
    }
}

/// As often as was asked for, but three times in each lease.
fn interval(asked: Millis, lease: Option<Millis>) -> Millis {
    match lease {
        Some(lease) => asked.min(Millis(lease.0 / 3).max(Millis(1))),
        None => asked.min(Millis(1000)),
    }
}

/// False: the session is to be made anew.
fn hear(node: &mut Node, payload: &[u8]) -> bool {
    match postcard::from_bytes(payload) {
        Ok(message) => {
            let now = boot_time();
            // A worker that was held up hears old messages first; its lease comes before them.
            node.look(now);
            node.hear(now, message)
        }
        Err(error) => {
            tracing::error!(%error, "a message cannot be read: are both sides of one release?");
            true
        }
    }
}
