//! A station: one machine with its store, its timers and the counters of its links. What it takes in is recorded before it is stepped;
//! recovery takes the records up again and so puts out the same messages with the same numbers.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use model::{Answer, Event, Message, Millis, Outbox, Timer};
use serde::{Deserialize, Serialize};

use super::machine::{ActorName, Machine};
use crate::store::{Entry, Position, Receipt, Record, Store, StoreError};

/// The log grows to this before a snapshot shortens it, and to twice the snapshot.
const LEAST_LOG: usize = 16 << 20;

/// Where an input comes from: an actor with the number of its message on that link; absent: from outside.
pub(super) type Origin = Option<(ActorName, u64)>;

/// How far an actor has received from, or sent to, each of the others.
pub(super) type Counters = [u64; ActorName::ALL.len()];

/// What is recorded of an input.
#[derive(Debug, Serialize, Deserialize)]
enum Taken<I> {
    Message { at: Millis, origin: Origin, input: I },
    Timer { at: Millis, timer: Timer },
}

/// A snapshot: everything that replay of the records up to it would give.
#[derive(Serialize, Deserialize)]
struct Saved {
    machine: Vec<u8>,
    received: Counters,
    sent: Counters,
    timers: BTreeSet<(Millis, Timer)>,
    unacked: Vec<(ActorName, u64, Message)>,
}

/// A message on its way to another actor, with its number on the link.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub to: ActorName,
    pub seq: u64,
    pub message: Message,
}

/// A machine with what belongs to it.
pub(super) struct Station<M> {
    pub machine: M,
    pub store: Arc<dyn Store>,
    pub timers: BTreeSet<(Millis, Timer)>,
    pub received: Counters,
    sent: Counters,
    /// The record of this turn.
    record: Vec<u8>,
    /// What became public in this turn.
    events: Vec<(Millis, Event)>,
    /// Messages to actors elsewhere that they have not acknowledged.
    pub unacked: VecDeque<Sent>,
    position: Position,
    logged: usize,
    snapshot_size: usize,
}

impl<M: Machine> Station<M> {
    /// A station with a fresh machine.
    pub fn new(machine: M, store: Arc<dyn Store>) -> Self {
        Self {
            machine,
            store,
            timers: BTreeSet::new(),
            received: Counters::default(),
            sent: Counters::default(),
            record: Vec::new(),
            events: Vec::new(),
            unacked: VecDeque::new(),
            position: Position::default(),
            logged: 0,
            snapshot_size: 0,
        }
    }

    /// Adds an input to the record of this turn.
    pub fn record(&mut self, at: Millis, origin: Origin, input: &M::Input) {
        self.write(&Taken::Message { at, origin, input });
    }

    /// Adds a timer to the record of this turn.
    pub fn record_timer(&mut self, at: Millis, timer: Timer) {
        self.write(&Taken::<M::Input>::Timer { at, timer });
    }

    fn write<I: Serialize>(&mut self, taken: &Taken<I>) {
        let record = std::mem::take(&mut self.record);
        self.record = postcard::to_extend(taken, record).expect("messages are plain data, which postcard writes");
    }

    /// Gives the record of this turn to the store, and says how long it is; none where nothing was taken. Stepping comes when the receipt is
    /// good.
    pub fn append(&mut self, turn: u64, at: Millis, received: &Counters) -> Option<(u64, Receipt)> {
        if self.record.is_empty() {
            return None;
        }
        let body = std::mem::take(&mut self.record);
        let bytes = body.len();
        self.logged += bytes;
        let received = postcard::to_stdvec(received).expect("numbers are plain data");
        Some((bytes as u64, self.store.append(Entry { turn, stamp_ms: at.0, body, received })))
    }

    /// The record is durable.
    pub fn appended(&mut self, position: Position) {
        self.position = position;
    }

    /// Gives an input to the machine.
    pub fn step(&mut self, now: Millis, origin: Origin, input: M::Input, out: &mut Outbox) -> Option<Answer> {
        if let Some((from, seq)) = origin {
            self.received[from as usize] = seq;
        }
        self.machine.step(now, input, out)
    }

    /// Gives a timer to the machine.
    pub fn wake(&mut self, now: Millis, timer: Timer, out: &mut Outbox) {
        self.machine.wake(now, timer, out);
    }

    /// Takes over what the machine has put out: timers and events stay here; messages to actors get their numbers.
    pub fn sort(&mut self, now: Millis, out: &mut Outbox, mut send: impl FnMut(Result<Sent, Message>)) {
        self.timers.extend(out.timers.drain(..));
        self.events.extend(out.events.drain(..).map(|event| (now, event)));
        for message in out.messages.drain(..) {
            send(match ActorName::of(&message) {
                Some(to) => Ok(self.number(to, message)),
                None => Err(message),
            });
        }
    }

    /// What became public in this turn, as one message to the FrontEnd.
    pub fn publish(&mut self) -> Option<Sent> {
        if self.events.is_empty() {
            return None;
        }
        let events = std::mem::take(&mut self.events);
        Some(self.number(ActorName::FrontEnd, Message::FrontEnd(model::ToFrontEnd::Events(events))))
    }

    fn number(&mut self, to: ActorName, message: Message) -> Sent {
        self.sent[to as usize] += 1;
        Sent { to, seq: self.sent[to as usize], message }
    }

    /// The receiver has all up to `upto`.
    pub fn acknowledged(&mut self, by: ActorName, upto: u64) {
        self.unacked.retain(|sent| sent.to != by || sent.seq > upto);
    }

    /// Takes up snapshot and records. What was put out and may not have arrived is in `unacked` afterwards. `arrived` says what has.
    ///
    /// # Errors
    /// When the store does not read, or what it holds is of another version.
    pub fn recover(&mut self, arrived: &Counters) -> Result<Recovered, StoreError> {
        let mut broken = None;
        let mut latest = Millis::ZERO;
        let store = Arc::clone(&self.store);
        let last = store.recover(&mut |record| {
            let done = match record {
                Record::Snapshot(snapshot) => {
                    self.snapshot_size = snapshot.body.len();
                    self.take_up(&snapshot.body, arrived)
                }
                Record::Entry(_, entry) => {
                    self.logged += entry.body.len();
                    self.replay(&entry.body, arrived, &mut latest)
                }
            };
            broken = done.err();
            if broken.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let last = last?;
        if let Some(error) = broken {
            let cause =
                format!("its records are of another version, or damaged ({error}): run the version that wrote it, or restore a backup");
            return Err(StoreError::Corrupt { store: M::NAME.word().into(), cause });
        }
        let Some(last) = last else { return Ok(Recovered::default()) };
        self.position = last.position;
        Ok(Recovered { turn: last.turn, stamp: latest.max(Millis(last.stamp_ms)) })
    }

    fn take_up(&mut self, body: &[u8], arrived: &Counters) -> Result<(), postcard::Error> {
        let saved: Saved = postcard::from_bytes(body)?;
        self.machine.restore(&saved.machine)?;
        (self.received, self.sent, self.timers) = (saved.received, saved.sent, saved.timers);
        let unacked = saved.unacked.into_iter().map(|(to, seq, message)| Sent { to, seq, message });
        self.unacked = unacked.filter(|sent| sent.seq > arrived[sent.to as usize]).collect();
        Ok(())
    }

    fn replay(&mut self, mut body: &[u8], arrived: &Counters, latest: &mut Millis) -> Result<(), postcard::Error> {
        let mut out = Outbox::default();
        while !body.is_empty() {
            let (taken, rest) = postcard::take_from_bytes::<Taken<M::Input>>(body)?;
            body = rest;
            let at = match taken {
                Taken::Message { at, origin, input } => {
                    self.step(at, origin, input, &mut out);
                    at
                }
                Taken::Timer { at, timer } => {
                    self.timers.retain(|(due, armed)| *armed != timer || *due > at);
                    self.wake(at, timer, &mut out);
                    at
                }
            };
            *latest = (*latest).max(at);
            let mut unacked = std::mem::take(&mut self.unacked);
            self.sort(at, &mut out, |sent| unacked.extend(sent.ok().filter(|sent| sent.seq > arrived[sent.to as usize])));
            self.unacked = unacked;
        }
        // One record is one turn, so its events were one message.
        let published = self.publish().filter(|sent| sent.seq > arrived[sent.to as usize]);
        self.unacked.extend(published);
        Ok(())
    }

    /// Whether the log has grown so long that a snapshot pays.
    pub fn wants_snapshot(&self) -> bool {
        self.logged > LEAST_LOG.max(2 * self.snapshot_size)
    }

    /// Saves the state after everything that is durable, which must be everything that was taken.
    pub fn snapshot(&mut self) -> Option<Receipt> {
        if self.position == Position::default() {
            return None;
        }
        let unacked = self.unacked.iter().map(|sent| (sent.to, sent.seq, sent.message.clone())).collect();
        let machine = self.machine.save().expect("machines are plain data");
        let saved = Saved { machine, received: self.received, sent: self.sent, timers: self.timers.clone(), unacked };
        let body = postcard::to_stdvec(&saved).expect("a saved machine is plain data");
        (self.logged, self.snapshot_size) = (0, body.len());
        Some(self.store.snapshot(self.position, body))
    }
}

/// Where recovery came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recovered {
    /// The last turn.
    pub turn: u64,
    /// The latest stamp.
    pub stamp: Millis,
}

/// The actor of a station, where the macro over all of them does not know its type.
pub(super) fn name_of<M: Machine>(_station: &Station<M>) -> ActorName {
    M::NAME
}
