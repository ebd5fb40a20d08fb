//! The store that forgets everything at the end of the process: for tests, and for systems that are only shown.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::Head;
use super::{Entry, Last, Position, Receipt, Record, Snapshot, Store, StoreError};

/// Records in memory. Receipts have resolved when they are given, with no thread and no clock, so it serves under a paused clock.
/// Clones are one store: a clone that is kept outlives the actor, as a file would.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    head: Head,
    snapshot: Option<Snapshot>,
    /// The records after the snapshot.
    entries: VecDeque<Entry>,
    refusal: Option<StoreError>,
}

impl Memory {
    /// Makes every append and snapshot fail with the error, as a full disk does, or with none no longer.
    pub fn refuse(&self, error: Option<StoreError>) {
        self.kept().refusal = error;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing below panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn append(&mut self, entry: Entry) -> Result<Position, StoreError> {
        self.refusal.clone().map_or(Ok(()), Err)?;
        let position = self.head.follow(entry.turn)?;
        self.entries.push_back(entry);
        Ok(position)
    }

    fn snapshot(&mut self, position: Position, body: Vec<u8>) -> Result<Position, StoreError> {
        self.refusal.clone().map_or(Ok(()), Err)?;
        let before = self.head.covered;
        self.head.cover(position)?;
        let forgotten = usize::try_from(position.0 - before).expect("records in memory are counted by usize");
        match self.entries.drain(..forgotten).next_back() {
            Some(entry) => self.snapshot = Some(Snapshot { last: last(position, &entry), body }),
            None => self.snapshot.as_mut().expect("a position that is covered has its snapshot").body = body,
        }
        Ok(position)
    }

    fn last(&self) -> Option<Last> {
        let covered = self.snapshot.as_ref().map(|snapshot| snapshot.last.clone());
        self.entries.back().map(|entry| last(Position(self.head.position), entry)).or(covered)
    }
}

fn last(position: Position, entry: &Entry) -> Last {
    Last { position, turn: entry.turn, stamp_ms: entry.stamp_ms, received: entry.received.clone() }
}

impl Store for Memory {
    fn append(&self, entry: Entry) -> Receipt {
        Receipt::now(self.kept().append(entry))
    }

    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt {
        Receipt::now(self.kept().snapshot(position, body))
    }

    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
        let kept = self.kept();
        let entries =
            (kept.head.covered + 1..).zip(&kept.entries).map(|(position, entry)| Record::Entry(Position(position), entry.clone()));
        // Whether it was stopped is known to who stopped it.
        let _ = kept.snapshot.clone().map(Record::Snapshot).into_iter().chain(entries).try_for_each(each);
        Ok(kept.last())
    }

    fn last(&self) -> Result<Option<Last>, StoreError> {
        Ok(self.kept().last())
    }

    fn health(&self) -> Result<(), StoreError> {
        self.kept().refusal.clone().map_or(Ok(()), Err)
    }
}
