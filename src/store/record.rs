//! What a store keeps, as its users see it, and the one law of order that every store has.

use super::StoreError;

/// The number of a record in its log, from 1. Numbers have no gaps and are never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// One record: what an actor took in during one turn of the loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The turn, counted by the loop for all its actors together. Turns of which an actor has no record are left out.
    pub turn: u64,
    /// The stamp of the turn, in milliseconds since the epoch.
    pub stamp_ms: u64,
    /// The inputs.
    pub body: Vec<u8>,
    /// How far the actor has received on each link. Small, and readable without the body.
    pub received: Vec<u8>,
}

/// The state after a record, which makes it and all before it unnecessary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record that it covers.
    pub last: Last,
    /// The state.
    pub body: Vec<u8>,
}

/// What is known of a log's last record; it outlives the record itself when a snapshot covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Where it stands.
    pub position: Position,
    /// Its turn.
    pub turn: u64,
    /// Its stamp.
    pub stamp_ms: u64,
    /// Its link counters.
    pub received: Vec<u8>,
}

/// What recovery reads: at most one snapshot, then the records after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The state to begin with.
    Snapshot(Snapshot),
    /// An input to replay.
    Entry(Position, Entry),
}

/// Where a log stands, and so what may follow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// The last record.
    pub position: u64,
    /// Its turn.
    pub turn: u64,
    /// The last record that the snapshot covers, 0 without one.
    pub covered: u64,
}

impl Head {
    /// The head of a log whose snapshot covers `covered` and whose last record is `last`.
    pub fn of(last: Option<&Last>, covered: u64) -> Head {
        last.map_or(Head::default(), |last| Head { position: last.position.0, turn: last.turn, covered })
    }

    /// Takes the next record. Two writers of one log, or a turn that is written twice, are found here.
    pub fn follow(&mut self, turn: u64) -> Result<Position, StoreError> {
        // Stores keep numbers as signed ones, and must not turn their order round.
        if turn <= self.turn && self.position > 0 || i64::try_from(turn).is_err() {
            return Err(StoreError::Sequence { what: format!("turn {turn} after turn {}", self.turn) });
        }
        (self.position, self.turn) = (self.position + 1, turn);
        Ok(Position(self.position))
    }

    /// Takes a snapshot of the state after `position`: one that the log still knows, or the snapshot's own, to write it anew.
    pub fn cover(&mut self, position: Position) -> Result<Position, StoreError> {
        if position.0 == 0 || position.0 < self.covered || position.0 > self.position {
            let what = format!("a snapshot at {}, where the log has {} to {}", position.0, self.covered.max(1), self.position);
            return Err(StoreError::Sequence { what });
        }
        self.covered = position.0;
        Ok(position)
    }
}
