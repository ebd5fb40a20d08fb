//! The layout of a store's file: whether it is ours, its version, and how earlier ones become the latest.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::fault;
use crate::store::StoreError;

/// Each makes the layout of its number, from 1, out of the one before. What is listed here is never changed again, only added to.
pub(super) const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE log (
        position INTEGER PRIMARY KEY,
        turn INTEGER NOT NULL,
        stamp_ms INTEGER NOT NULL,
        received BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE snapshot (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        position INTEGER NOT NULL,
        turn INTEGER NOT NULL,
        stamp_ms INTEGER NOT NULL,
        received BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
"];

/// `Whar`, in the field that SQLite has for it, so that nobody's else database is taken for ours.
const OURS: i32 = 0x5768_6172;
/// How long a reader or a checkpoint that is in the way is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the log file is cut back to after a large snapshot went through it, in bytes.
const KEPT_LOG: u32 = 16 << 20;

/// Opens a file for writing, and brings it to the latest layout.
pub(super) fn open(file: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    let mut connection = connect(file)?;
    // Nothing is written before it is known whose file it is.
    let (known, found) = (number(migrations), version(file, &connection, number(migrations))?);
    let mut prepare = || {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update_and_check(None, "journal_size_limit", KEPT_LOG, |_| Ok(()))?;
        if found < known {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (step, makes) in migrations.iter().zip(1..) {
                if makes > found {
                    transaction.execute_batch(step)?;
                }
            }
            transaction.pragma_update(None, "application_id", OURS)?;
            transaction.pragma_update(None, "user_version", known)?;
            transaction.commit()?;
        }
        Ok(())
    };
    prepare().map_err(|error| fault::named(file, error))?;
    Ok(connection)
}

/// Opens a file that is there for reading, whoever writes it.
pub(super) fn reader(file: &Path) -> Result<Connection, StoreError> {
    let connection = connect(file)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| fault::named(file, error))?;
    if version(file, &connection, number(&MIGRATIONS))? == 0 {
        return Err(StoreError::Foreign { store: file.display().to_string(), cause: "it is empty".into() });
    }
    Ok(connection)
}

/// A reader needs to write as well: the index of the log lies in shared memory.
fn connect(file: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    };
    open().map_err(|error| fault::named(file, error))
}

/// The version of the layout, 0 for a file with nothing in it.
fn version(file: &Path, connection: &Connection, known: u32) -> Result<u32, StoreError> {
    let integer = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(|error| fault::named(file, error));
    let (application, found) = (integer("PRAGMA application_id")?, integer("PRAGMA user_version")?);
    let store = file.display().to_string();
    if application == 0 && integer("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(0);
    }
    if application != i64::from(OURS) {
        return Err(StoreError::Foreign { store, cause: format!("a database of application {application:#x}") });
    }
    match u32::try_from(found) {
        Ok(found) if found <= known => Ok(found),
        beyond => Err(StoreError::Newer { store, found: beyond.unwrap_or(u32::MAX), known }),
    }
}

/// The layout that these make.
fn number(migrations: &[&str]) -> u32 {
    u32::try_from(migrations.len()).expect("migrations are written by hand")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(file: &Path, migrations: &[&str], query: &str) -> Vec<i64> {
        let connection = open(file, migrations).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_layout_becomes_the_latest_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let steps = [
            MIGRATIONS[0],
            "ALTER TABLE log ADD COLUMN length INTEGER NOT NULL DEFAULT 0; UPDATE log SET length = length(body)",
            "CREATE INDEX by_length ON log (length)",
        ];
        for from in 0..=steps.len() {
            let file = folder.path().join(format!("{from}.db"));
            std::fs::File::create(&file).unwrap();
            if from > 0 {
                let earlier = open(&file, &steps[..from]).unwrap();
                earlier.execute("INSERT INTO log (position, turn, stamp_ms, received, body) VALUES (1, 1, 0, x'', x'010203')", []).unwrap();
                assert_eq!(version(&file, &earlier, 3), Ok(number(&steps[..from])));
            }
            let due: &[i64] = match from {
                0 => &[],
                1 => &[3],
                // What was written when the column was there already.
                _ => &[0],
            };
            assert_eq!(numbers(&file, &steps, "SELECT length FROM log INDEXED BY by_length WHERE length >= 0"), due, "from layout {from}");
            assert_eq!(numbers(&file, &steps, "PRAGMA user_version"), [3]);
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_layout_before_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("actor.db");
        std::fs::File::create(&file).unwrap();
        open(&file, &MIGRATIONS).unwrap();
        let steps = [MIGRATIONS[0], "CREATE TABLE more (a); INSERT INTO more VALUES (1)", "CREATE TABLE log (a)"];
        assert_eq!(open(&file, &steps).unwrap_err().code(), "store-io");
        assert_eq!(numbers(&file, &MIGRATIONS, "PRAGMA user_version"), [1]);
        assert_eq!(numbers(&file, &MIGRATIONS, "SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), [0]);
    }
}
