//! Copies of a store's file, and whether a file holds what it should.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, Result, TransactionBehavior, params};

use super::{MIGRATIONS, fault, layout, read, writer};
use crate::store::{Last, Record, Snapshot, StoreError, folder};

/// Copies a file as of one moment, while its writer goes on.
pub(in crate::store) fn copy(file: &Path, to: &Path) -> Result<(), StoreError> {
    let name = fresh(to)?;
    let reader = layout::reader(file)?;
    // The copy is a file of its own, so that to write it is no change that `query_only` forbids.
    let copied = reader.pragma_update(None, "query_only", false).and_then(|()| reader.execute("VACUUM INTO ?1", params![name]));
    copied.map_err(|error| {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) { fault::named(to, error) } else { fault::named(file, error) }
    })?;
    sync(to)
}

/// Writes to a file what a store holds, as its recovery gives it.
pub(in crate::store) fn export(
    recover: impl FnOnce(&mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError>,
    to: &Path,
) -> Result<(), StoreError> {
    fresh(to)?;
    let mut connection = layout::open(to, &MIGRATIONS)?;
    let failed = |error| fault::named(to, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut written = Ok(());
    recover(&mut |record| {
        written = match &record {
            Record::Snapshot(Snapshot { last: Last { position, turn, stamp_ms, received }, body }) => {
                let [position, turn, stamp_ms] = [position.0, *turn, *stamp_ms].map(u64::cast_signed);
                let insert = "INSERT INTO snapshot (one, position, turn, stamp_ms, received, body) VALUES (1, ?1, ?2, ?3, ?4, ?5)";
                transaction.execute(insert, params![position, turn, stamp_ms, received, body]).map(|_| ())
            }
            Record::Entry(position, entry) => writer::append(&transaction, *position, entry),
        };
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written.and_then(|()| transaction.commit()).map_err(failed)?;
    // Closing moves what is in the log file to the file itself.
    connection.close().map_err(|(_, error)| failed(error))?;
    sync(to)
}

/// Forgets the records of turns after `turn`, or says no: the snapshot is of a later one.
pub(in crate::store) fn cut(file: &Path, turn: u64) -> Result<bool, StoreError> {
    let cut = |connection: &Connection| {
        if read::covered(connection)?.is_some_and(|last| last.turn > turn) {
            return Ok(false);
        }
        connection.execute("DELETE FROM log WHERE turn > ?1", params![turn.cast_signed()]).map(|_| true)
    };
    let connection = layout::open(file, &MIGRATIONS)?;
    let done = cut(&connection).map_err(|error| fault::named(file, error))?;
    connection.close().map_err(|(_, error)| fault::named(file, error))?;
    sync(file).map(|()| done)
}

/// Brings a copy to the latest layout, and checks that it is whole. What a crash left in its log file goes to the file itself.
pub(in crate::store) fn mend(file: &Path) -> Result<(), StoreError> {
    let connection = layout::open(file, &MIGRATIONS)?;
    whole(file, &connection, "PRAGMA quick_check(1)")?;
    connection.close().map_err(|(_, error)| fault::named(file, error))?;
    sync(file)
}

/// Reads all of a store's file, whoever has it open, and checks that it is ours, of a known version, undamaged and without gaps.
///
/// # Errors
/// What is wrong with it.
pub fn check(file: &Path) -> Result<(), StoreError> {
    whole(file, &layout::reader(file)?, "PRAGMA integrity_check(1)")
}

fn whole(file: &Path, connection: &Connection, pragma: &str) -> Result<(), StoreError> {
    let failed = |error| fault::named(file, error);
    let said: String = connection.query_row(pragma, [], |row| row.get(0)).map_err(failed)?;
    let covered = read::covered(connection).map_err(failed)?.map_or(0, |last| last.position.0.cast_signed());
    // One row for the log as a whole: with no gap, it reaches from the snapshot as far as it has records.
    let gapless = "SELECT count(*) = ifnull(max(position) - ?1, 0) AND ifnull(min(position) > ?1, 1) FROM log";
    let gapless: bool = connection.query_row(gapless, params![covered], |row| row.get(0)).map_err(failed)?;
    let cause = if said != "ok" {
        said
    } else if gapless {
        return Ok(());
    } else {
        "records are missing from its log".into()
    };
    Err(StoreError::Corrupt { store: file.display().to_string(), cause })
}

/// Makes the file that is to be written, for the user alone, and gives its name as SQLite wants it.
fn fresh(to: &Path) -> Result<&str, StoreError> {
    let refused = |cause: &str| StoreError::Io { store: to.display().to_string(), cause: cause.into() };
    let name = to.to_str().ok_or_else(|| refused("the name of a copy must be UTF-8"))?;
    if to.exists() {
        return Err(refused("it is there already, and a copy replaces nothing"));
    }
    folder::private(to).map_err(|error| StoreError::io(to, &error))?;
    Ok(name)
}

fn sync(file: &Path) -> Result<(), StoreError> {
    File::open(file).and_then(|file| file.sync_all()).map_err(|error| StoreError::io(file, &error))
}
