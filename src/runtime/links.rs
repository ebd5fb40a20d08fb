//! Links to actors in other processes: the same messages as in a mailbox, numbered, kept until the other side has them durably, and
//! sent again when a link comes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use link::identity::PeerName;
use link::session::SendRefusal;
use link::{Dialer, FromPeer, FromServer, Listener};
use model::Message;
use serde::{Deserialize, Serialize};

use super::machine::ActorName;
use super::station::{Sent, name_of};
use super::turn::{Stations, Work, each};

/// What goes over a link between actors.
#[derive(Debug, Serialize, Deserialize)]
enum Frame {
    /// A message from one actor of the sending process to one of the receiving.
    Mail { from: ActorName, to: ActorName, seq: u64, message: Message },
    /// Everything up to this number is durable at its receiver.
    Received { from: ActorName, to: ActorName, upto: u64 },
}

/// How another process is reached at the moment.
enum Way {
    /// We dial it.
    Dialed { dialer: Dialer, session: Option<u64> },
    /// It dials a port of ours.
    Accepted { listener: Arc<Listener>, peer: PeerName, session: u64 },
}

/// An actor in another process.
struct Other {
    way: Way,
    /// Actors here that know since the session opened how far the other has received from them. Before, nothing is sent.
    greeted: BTreeSet<ActorName>,
    /// Frames that wait for room in the window.
    waiting: VecDeque<Bytes>,
}

/// All links of this process to actors elsewhere.
#[derive(Default)]
pub(super) struct Links {
    others: BTreeMap<ActorName, Other>,
    listeners: BTreeMap<ActorName, Arc<Listener>>,
    /// By actor elsewhere and actor here: how far it was taken into the mail, and how far the other was told.
    taken: BTreeMap<(ActorName, ActorName), (u64, u64)>,
    /// What the machines of this turn have sent.
    sent: VecDeque<(ActorName, Sent)>,
}

impl Links {
    /// An actor elsewhere that we dial.
    pub fn dial(&mut self, actor: ActorName, dialer: Dialer) {
        let way = Way::Dialed { dialer, session: None };
        self.others.insert(actor, Other { way, greeted: BTreeSet::new(), waiting: VecDeque::new() });
    }

    /// A port of an actor here, which others dial.
    pub fn listen(&mut self, actor: ActorName, listener: Arc<Listener>) {
        self.listeners.insert(actor, listener);
    }

    /// A machine here has sent something to an actor elsewhere.
    pub fn send(&mut self, from: ActorName, sent: Sent) {
        self.sent.push_back((from, sent));
    }

    /// Whether a session with the actor is open.
    pub fn reaches(&self, actor: ActorName) -> bool {
        self.others.get(&actor).is_some_and(|other| match &other.way {
            Way::Dialed { session, .. } => session.is_some(),
            Way::Accepted { .. } => true,
        })
    }

    /// The turn is durable: what was sent is kept and goes out, and others hear how far we have theirs.
    pub fn settle(&mut self, stations: &mut Stations) {
        for (from, sent) in std::mem::take(&mut self.sent) {
            if let Some(other) = self.others.get_mut(&sent.to).filter(|other| other.greeted.contains(&from)) {
                other.push(&Frame::Mail { from, to: sent.to, seq: sent.seq, message: sent.message.clone() });
            }
            each!(stations, station => if name_of(station) == from { station.unacked.push_back(sent.clone()) });
        }
        each!(stations, station => {
            let to = name_of(station);
            for (&from, other) in &mut self.others {
                let upto = station.received[from as usize];
                if let Some((_, told)) = self.taken.get_mut(&(from, to)).filter(|(_, told)| *told < upto) {
                    *told = upto;
                    other.push(&Frame::Received { from, to, upto });
                }
            }
        });
    }

    /// Something came from an actor that we dial.
    pub fn server(&mut self, actor: ActorName, event: FromServer, stations: &mut Stations, work: &mut VecDeque<Work>) {
        match event {
            FromServer::Opened { session, server } if server.name() == actor.word() => {
                if let Some(Other { way: Way::Dialed { session: open, .. }, .. }) = self.others.get_mut(&actor) {
                    *open = Some(session);
                }
                self.greet(actor, stations);
            }
            FromServer::Opened { server, .. } => tracing::error!(%server, wanted = actor.word(), "another actor answers at this address"),
            FromServer::Message { payload, .. } => self.take(actor, &payload, stations, work),
            FromServer::Acked { .. } => self.flush(actor),
            FromServer::Closed { reason, .. } => {
                tracing::warn!(actor = actor.word(), %reason, "the link to an actor is down");
                if let Some(Other { way: Way::Dialed { session, .. }, greeted, .. }) = self.others.get_mut(&actor) {
                    *session = None;
                    greeted.clear();
                }
            }
            FromServer::Failed { reason, .. } => tracing::debug!(actor = actor.word(), %reason, "an actor is not reached yet"),
        }
    }

    /// Something came from an actor that dials our port.
    pub fn peer(&mut self, port: ActorName, event: FromPeer, stations: &mut Stations, work: &mut VecDeque<Work>) {
        match event {
            FromPeer::Opened { peer, session, .. } => {
                let Some((actor, listener)) = actor_named(&peer).zip(self.listeners.get(&port)) else { return };
                let way = Way::Accepted { listener: Arc::clone(listener), peer, session };
                self.others.insert(actor, Other { way, greeted: BTreeSet::new(), waiting: VecDeque::new() });
                self.greet(actor, stations);
            }
            FromPeer::Message { peer, payload, .. } => {
                if let Some(actor) = actor_named(&peer) {
                    self.take(actor, &payload, stations, work);
                }
            }
            FromPeer::Acked { peer, .. } => {
                if let Some(actor) = actor_named(&peer) {
                    self.flush(actor);
                }
            }
            FromPeer::Closed { peer, session: closed, reason } => {
                tracing::warn!(%peer, %reason, "the link to an actor is down");
                let present = |other: &Other| matches!(other.way, Way::Accepted { session, .. } if session == closed);
                if let Some(actor) = actor_named(&peer).filter(|actor| self.others.get(actor).is_some_and(present)) {
                    self.others.remove(&actor);
                }
            }
        }
    }

    /// A session is open: the other hears how far each actor here has received from it.
    fn greet(&mut self, actor: ActorName, stations: &mut Stations) {
        tracing::info!(actor = actor.word(), "the link to an actor is up");
        let Some(other) = self.others.get_mut(&actor) else { return };
        other.greeted.clear();
        other.waiting.clear();
        each!(stations, station => {
            let (to, upto) = (name_of(station), station.received[actor as usize]);
            let taken = self.taken.entry((actor, to)).or_insert((upto, upto));
            taken.1 = upto;
            other.push(&Frame::Received { from: actor, to, upto });
        });
    }

    fn take(&mut self, actor: ActorName, payload: &[u8], stations: &mut Stations, work: &mut VecDeque<Work>) {
        match postcard::from_bytes(payload) {
            // An actor speaks for itself alone, to an actor that is here, and only of what such a message may be for.
            Ok(Frame::Mail { from, to, seq, message }) if from == actor && stations.has(to) && ActorName::of(&message) == Some(to) => {
                let (taken, _) = self.taken.entry((from, to)).or_default();
                if seq == *taken + 1 {
                    *taken = seq;
                    work.push_back(Work::Mail(Some((from, seq)), message));
                }
            }
            Ok(Frame::Received { from, to, upto }) if to == actor => {
                let Some(other) = self.others.get_mut(&actor) else { return };
                each!(stations, station => if name_of(station) == from {
                    station.acknowledged(to, upto);
                    if other.greeted.insert(from) {
                        for sent in station.unacked.iter().filter(|sent| sent.to == to) {
                            other.push(&Frame::Mail { from, to, seq: sent.seq, message: sent.message.clone() });
                        }
                    }
                });
            }
            _ => tracing::warn!(actor = actor.word(), "a frame was dropped: it cannot be read, or is not this actor's to say"),
        }
    }

    fn flush(&mut self, actor: ActorName) {
        if let Some(other) = self.others.get_mut(&actor) {
            other.flush();
        }
    }
}

impl Other {
    fn push(&mut self, frame: &Frame) {
        self.waiting.push_back(Bytes::from(postcard::to_stdvec(frame).expect("messages are plain data, which postcard writes")));
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(payload) = self.waiting.front() {
            let sent = match &self.way {
                Way::Dialed { dialer, session: Some(session) } => dialer.send(*session, payload.clone()),
                Way::Dialed { session: None, .. } => Err(SendRefusal::Closed),
                Way::Accepted { listener, peer, session } => listener.send(peer, *session, payload.clone()),
            };
            match sent {
                Ok(_) => drop(self.waiting.pop_front()),
                Err(SendRefusal::WouldBlock) => return,
                // What was not sent is kept unacknowledged, and goes out when the next session has been greeted.
                Err(SendRefusal::Closed) => return self.waiting.clear(),
                Err(refusal @ SendRefusal::Oversized { .. }) => {
                    tracing::error!(%refusal, "a message between actors is too long for a frame");
                    self.waiting.pop_front();
                }
            }
        }
    }
}

pub(super) fn actor_named(peer: &PeerName) -> Option<ActorName> {
    ActorName::ALL.into_iter().find(|actor| actor.word() == peer.name())
}
