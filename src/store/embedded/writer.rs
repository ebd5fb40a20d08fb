//! The one thread that writes a store: takes what is queued, makes it one transaction, and answers when that is durable.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{QUEUE, fault};
use crate::store::record::Head;
use crate::store::{Entry, Position, StoreError};

/// What to write, and whom to answer.
#[derive(Debug)]
pub(super) struct Order {
    pub deed: Deed,
    /// How many transactions had failed when it was asked.
    pub failures: u64,
    pub answer: oneshot::Sender<Result<Position, StoreError>>,
}

/// What to write.
#[derive(Debug)]
pub(super) enum Deed {
    Append(Entry),
    Snapshot(Position, Vec<u8>),
}

/// How the writer fares, for all to see.
#[derive(Debug, Default)]
pub(super) struct Standing(Mutex<Fares>);

#[derive(Debug, Default)]
struct Fares {
    failures: u64,
    latest: Option<StoreError>,
    well: bool,
}

impl Standing {
    pub fn failures(&self) -> u64 {
        self.fares().failures
    }

    pub fn health(&self) -> Result<(), StoreError> {
        let fares = self.fares();
        fares.latest.clone().filter(|_| !fares.well).map_or(Ok(()), Err)
    }

    fn fares(&self) -> MutexGuard<'_, Fares> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own things.
pub(super) struct Writer {
    pub file: PathBuf,
    pub connection: Connection,
    pub head: Head,
    pub queue: Receiver<Order>,
    pub standing: std::sync::Arc<Standing>,
}

impl Writer {
    /// Writes until the store is dropped and nothing is queued.
    pub fn run(mut self) {
        while let Ok(first) = self.queue.recv() {
            // All that came while the last transaction was synced shares the next sync.
            let group = std::iter::once(first).chain(self.queue.try_iter()).take(QUEUE).collect();
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Order>) {
        let failures = self.standing.failures();
        // Who asked before a failure was known meant to follow a record that is not there.
        let (orders, late): (Vec<_>, Vec<_>) = group.into_iter().partition(|order| order.failures == failures);
        if let Some(error) = self.standing.fares().latest.clone() {
            late.into_iter().for_each(|order| tell(order, Err(error.clone())));
        }
        let mut head = self.head;
        match write(&mut self.connection, &mut head, &orders) {
            Ok(answers) => {
                self.head = head;
                if answers.iter().any(Result::is_ok) {
                    self.standing.fares().well = true;
                }
                orders.into_iter().zip(answers).for_each(|(order, answer)| tell(order, answer));
            }
            Err(error) => {
                let error = fault::named(&self.file, error);
                {
                    let mut fares = self.standing.fares();
                    *fares = Fares { failures: failures + 1, latest: Some(error.clone()), well: false };
                }
                orders.into_iter().for_each(|order| tell(order, Err(error.clone())));
            }
        }
    }
}

/// Who dropped the receipt does not want to know.
fn tell(order: Order, answer: Result<Position, StoreError>) {
    let _ = order.answer.send(answer);
}

/// Writes a group, whole or not at all. What does not follow is answered so, and the rest is written without it.
fn write(connection: &mut Connection, head: &mut Head, orders: &[Order]) -> Result<Vec<Result<Position, StoreError>>> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::with_capacity(orders.len());
    for order in orders {
        let answer = match &order.deed {
            Deed::Append(entry) => head.follow(entry.turn),
            Deed::Snapshot(position, _) => head.cover(*position),
        };
        if let Ok(position) = answer {
            match &order.deed {
                Deed::Append(entry) => append(&transaction, position, entry)?,
                Deed::Snapshot(_, body) => snapshot(&transaction, position, body)?,
            }
        }
        answers.push(answer);
    }
    transaction.commit()?;
    Ok(answers)
}

pub(super) fn append(transaction: &Transaction, position: Position, entry: &Entry) -> Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO log (position, turn, stamp_ms, received, body) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let [position, turn, stamp_ms] = [position.0, entry.turn, entry.stamp_ms].map(u64::cast_signed);
    insert.execute(params![position, turn, stamp_ms, entry.received, entry.body])?;
    Ok(())
}

fn snapshot(transaction: &Transaction, position: Position, body: &[u8]) -> Result<()> {
    let position = position.0.cast_signed();
    // What is known of the record stays; only its inputs go. Without the record, the snapshot that covers it is written anew.
    let known = transaction.execute(
        "INSERT OR REPLACE INTO snapshot (one, position, turn, stamp_ms, received, body)
         SELECT 1, position, turn, stamp_ms, received, ?2 FROM log WHERE position = ?1",
        params![position, body],
    )?;
    if known == 0 {
        transaction.execute("UPDATE snapshot SET body = ?2 WHERE position = ?1", params![position, body])?;
    }
    transaction.execute("DELETE FROM log WHERE position <= ?1", params![position])?;
    Ok(())
}
