//! Reading: recovery, and the last record. Each read has a connection of its own, so that it never waits for the writer.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::{fault, layout};
use crate::store::record::Head;
use crate::store::{Entry, Last, Position, Record, Snapshot, StoreError};

const LAST_ENTRY: &str = "SELECT position, turn, stamp_ms, received FROM log ORDER BY position DESC LIMIT 1";
const COVERED: &str = "SELECT position, turn, stamp_ms, received FROM snapshot";

/// What is known of a file's last record.
pub(in crate::store) fn last_of(file: &Path) -> Result<Option<Last>, StoreError> {
    let connection = layout::reader(file)?;
    last(&connection).map_err(|error| fault::named(file, error))
}

/// Where a file's log stands.
pub(super) fn head(connection: &Connection) -> Result<Head> {
    let covered = covered(connection)?.map_or(0, |last| last.position.0);
    Ok(Head::of(last(connection)?.as_ref(), covered))
}

pub(super) fn last(connection: &Connection) -> Result<Option<Last>> {
    let entry = connection.query_row(LAST_ENTRY, [], last_in).optional()?;
    entry.map_or_else(|| covered(connection), |last| Ok(Some(last)))
}

/// The last record that the snapshot covers.
pub(super) fn covered(connection: &Connection) -> Result<Option<Last>> {
    connection.query_row(COVERED, [], last_in).optional()
}

/// Gives all that a file holds, as of one moment.
pub(in crate::store) fn recover(file: &Path, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
    let mut connection = layout::reader(file)?;
    let mut next = 1;
    let mut read = || {
        let transaction = connection.transaction()?;
        let last = last(&transaction)?;
        let snapshot = transaction.query_row("SELECT position, turn, stamp_ms, received, body FROM snapshot", [], |row| {
            Ok(Snapshot { last: last_in(row)?, body: row.get(4)? })
        });
        if let Some(snapshot) = snapshot.optional()? {
            next = snapshot.last.position.0 + 1;
            if each(Record::Snapshot(snapshot)).is_break() {
                return Ok((last, None));
            }
        }
        let mut statement = transaction.prepare("SELECT position, turn, stamp_ms, received, body FROM log ORDER BY position")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Last { position, turn, stamp_ms, received } = last_in(row)?;
            // A machine that is given a log with a hole would stand somewhere else, and not say so.
            if position.0 != next {
                return Ok((last, Some(position)));
            }
            next += 1;
            if each(Record::Entry(position, Entry { turn, stamp_ms, body: row.get(4)?, received })).is_break() {
                break;
            }
        }
        Ok((last, None))
    };
    match read().map_err(|error| fault::named(file, error))? {
        (last, None) => Ok(last),
        (_, Some(found)) => {
            let cause = format!("record {} stands where {next} is due", found.0);
            Err(StoreError::Corrupt { store: file.display().to_string(), cause })
        }
    }
}

fn last_in(row: &Row) -> Result<Last> {
    let number = |column| row.get(column).map(i64::cast_unsigned);
    Ok(Last { position: Position(number(0)?), turn: number(1)?, stamp_ms: number(2)?, received: row.get(3)? })
}
