//! The sessions of a worker: with the GlobalManager, which orders, and with Discovery, which hears reports. The loop that brings what
//! comes in to the node, and what the node says out.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Signal;
use engine::wire::FromWorker;
use link::session::SendRefusal;
use link::{Dialer, FromServer, LinkError};
use model::Millis;
use tokio::sync::mpsc::Receiver;

use super::Ending;
use super::node::Node;
use super::state::Remember;
use super::stop::{Stop, Wish};
use crate::drivers::Runner;

/// What a worker sends by: a dialer, or what stands in for one where there is no network.
pub trait Wire: Send {
    /// Sends a message in the session and returns its number. Never waits.
    ///
    /// # Errors
    /// [`SendRefusal`]; nothing was sent then.
    fn send(&self, session: u64, payload: Bytes) -> Result<u64, SendRefusal>;
}

impl Wire for Arc<Dialer> {
    fn send(&self, session: u64, payload: Bytes) -> Result<u64, SendRefusal> {
        Dialer::send(self, session, payload)
    }
}

/// A link to one actor, with its session of the moment.
struct Link {
    what: &'static str,
    wire: Box<dyn Wire>,
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
    fn new(what: &'static str, (wire, events): End) -> Self {
        Self { what, wire, events, session: None, waiting: None, said: String::new() }
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
        match self.wire.send(session, payload.clone()) {
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

/// One end of a link: what is sent by, and what comes in.
pub type End = (Box<dyn Wire>, Receiver<FromServer>);

/// Both links.
pub struct Links {
    manager: Link,
    discovery: Link,
}

/// What says the time: that of [`crate::run::boot_time`], or a test's.
pub type Clock<'a> = &'a (dyn Fn() -> Millis + Sync);

/// The time, and how often a sign of life is asked for.
pub struct Pace<'a> {
    /// What says the time.
    pub clock: Clock<'a>,
    /// Between two signs of life, unless the lease asks for more of them.
    pub heartbeat: Millis,
}

/// Why the loop ended.
pub enum Over {
    /// The worker ends.
    End(Ending),
    /// The links are to be made anew, perhaps under another identity.
    Reconnect,
}

impl Links {
    /// Over what dials both.
    #[must_use]
    pub fn new(manager: End, discovery: End) -> Self {
        Self { manager: Link::new("the global manager", manager), discovery: Link::new("discovery", discovery) }
    }

    /// Serves the node until it ends. `is_stale` says whether another identity may be had than the one that was refused.
    pub async fn serve<D: Runner, S: Remember>(
        &mut self,
        node: &mut Node<D, S>,
        signals: &mut Receiver<Signal>,
        stop: &mut Stop,
        pace: &Pace<'_>,
        is_stale: impl Fn() -> bool,
    ) -> Over {
        let clock = pace.clock;
        let mut next_beat = clock();
        node.manager_session(false);
        loop {
            let now = clock();
            node.look(now);
            if let Some(ending) = node.ending() {
                return Over::End(ending);
            }
            self.say(node, now);
            if now >= next_beat {
                self.beat(node, now);
                next_beat = now + interval(pace.heartbeat, node.lease_span());
            }
            let due = node.due().into_iter().fold(next_beat, Ord::min);
            let sleep = pin!(tokio::time::sleep(Duration::from_millis(due.since(now).0)));
            let open = tokio::select! {
                Some(signal) = signals.recv() => {
                    node.signal(clock(), signal);
                    true
                }
                Some(event) = self.manager.events.recv() => match self.manager.took(event) {
                    Came::Session(open) => {
                        node.manager_session(open);
                        true
                    }
                    Came::Message(payload) => {
                        let joined = hear(node, clock, &payload);
                        // Whatever it was, a lease that is new is asked for at once.
                        next_beat = if node.lease_span().is_none() { clock() } else { next_beat };
                        joined
                    }
                    Came::Trouble(LinkError::Certificate(_) | LinkError::Refused(_)) => !is_stale(),
                    Came::Trouble(_) | Came::Nothing => true,
                },
                Some(event) = self.discovery.events.recv() => match self.discovery.took(event) {
                    Came::Session(open) => {
                        if open {
                            node.discovery_session();
                            next_beat = clock();
                        }
                        true
                    }
                    Came::Message(payload) => hear(node, clock, &payload),
                    Came::Trouble(_) | Came::Nothing => true,
                },
                () = node.hear_more() => true,
                wish = stop.wished() => match wish {
                    Wish::Leave if self.manager.session.is_some() => {
                        tracing::info!("the manager is asked to empty this node");
                        node.leave();
                        true
                    }
                    wish @ (Wish::Leave | Wish::StopHere) => {
                        matches!(wish, Wish::Leave).then(|| stop.stop_here());
                        node.stop_all(clock());
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
    fn say<D: Runner, S: Remember>(&mut self, node: &mut Node<D, S>, now: Millis) {
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

    fn beat<D: Runner, S: Remember>(&mut self, node: &mut Node<D, S>, now: Millis) {
        if self.discovery.is_free()
            && let Some(report) = node.heartbeat(now)
        {
            self.discovery.send(&FromWorker::Report(report));
        }
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
fn hear<D: Runner, S: Remember>(node: &mut Node<D, S>, clock: Clock<'_>, payload: &[u8]) -> bool {
    match postcard::from_bytes(payload) {
        Ok(message) => {
            let now = clock();
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
