//! How a store's file is written: a group of deeds is one transaction.

use std::path::PathBuf;

use rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};

use super::fault;
use crate::store::queue::{Deed, Pen};
use crate::store::record::Head;
use crate::store::{Entry, Position, StoreError};

/// The writer's own things.
pub(super) struct Writer {
    pub file: PathBuf,
    pub connection: Connection,
    pub head: Head,
}

impl Pen for Writer {
    fn write(&mut self, deeds: &[Deed], answers: &mut Vec<Result<Position, StoreError>>) -> Result<(), StoreError> {
        let mut head = self.head;
        *answers = write(&mut self.connection, &mut head, deeds).map_err(|error| fault::named(&self.file, error))?;
        self.head = head;
        Ok(())
    }
}

/// Writes a group, whole or not at all. What does not follow is answered so, and the rest is written without it.
fn write(connection: &mut Connection, head: &mut Head, deeds: &[Deed]) -> Result<Vec<Result<Position, StoreError>>> {
    if deeds.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::with_capacity(deeds.len());
    for deed in deeds {
        let answer = match deed {
            Deed::Append(entry) => head.follow(entry.turn),
            Deed::Snapshot(position, _) => head.cover(*position),
        };
        if let Ok(position) = answer {
            match deed {
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
