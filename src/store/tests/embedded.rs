//! The embedded store's file: whose it is, who may open it, and what happens when it cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;

use crate::store::conformance::{all, append, entries, entry};
use crate::store::{Embedded, Position, Receipt, Record, Store, StoreError, check};

fn refusal(folder: &Path) -> StoreError {
    Embedded::open(folder, "actor").map(|_| ()).unwrap_err()
}

#[test]
fn a_second_one_is_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), "actor").unwrap();
    let locked = refusal(folder.path());
    assert_eq!(locked.code(), "store-locked");
    assert!(locked.to_string().contains(&format!("is open in process {}", std::process::id())), "{locked}");
    Embedded::open(folder.path(), "other").expect("another actor's store in the folder is free");
    drop(store);
    Embedded::open(folder.path(), "actor").expect("nobody has it now");
}

#[test]
fn nobody_else_may_read_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("state");
    let store = Embedded::open(&folder, "actor").unwrap();
    append(&store, 1..=3);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["actor.db", "actor.db-wal", "actor.db-shm", "actor.lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("actor.db");
    fs::write(&file, "a letter to nobody in particular, longer than the header of a database".repeat(10)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let before = fs::read(&file).unwrap();
    assert_eq!(refusal(folder.path()).code(), "store-foreign");
    assert_eq!((fs::read(&file).unwrap(), fs::metadata(&file).unwrap().permissions().mode() & 0o777), (before, 0o644));

    fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (a); PRAGMA application_id = 7").unwrap();
    let before = fs::read(&file).unwrap();
    let foreign = refusal(folder.path());
    assert!(foreign.to_string().contains("application 0x7") && foreign.to_string().contains("name another folder"), "{foreign}");
    assert_eq!(check(&file).unwrap_err().code(), "store-foreign");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_later_layout_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    append(&Embedded::open(folder.path(), "actor").unwrap(), 1..=3);
    let file = folder.path().join("actor.db");
    Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    let newer = refusal(folder.path());
    assert!(newer.to_string().contains("has layout 9, and this version knows layouts up to 1: run the version that wrote it"), "{newer}");
    assert_eq!((newer.code(), check(&file).unwrap_err().code()), ("store-newer", "store-newer"));
}

#[test]
fn a_check_finds_what_is_missing_or_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("actor.db");
    let store = Embedded::open(folder.path(), "actor").unwrap();
    append(&store, 1..=200);
    check(&file).expect("while it is open");
    drop(store);
    check(&file).expect("and when it is not");
    Connection::open(&file).unwrap().execute_batch("DELETE FROM log WHERE position = 100").unwrap();
    assert!(check(&file).unwrap_err().to_string().contains("records are missing"));
    let store = Embedded::open(folder.path(), "actor").unwrap();
    let hole = store.recover(&mut |_| std::ops::ControlFlow::Continue(())).unwrap_err();
    assert!(hole.to_string().contains("record 101 stands where 100 is due"), "{hole}");
    drop(store);

    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&file, bytes).unwrap();
    assert_eq!(check(&file).unwrap_err().code(), "store-corrupt");
}

#[test]
fn the_queue_is_bounded_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), "actor").unwrap();
    let other = Connection::open(folder.path().join("actor.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = store.append(entry(1));
    // The writer has it by now, and waits.
    sleep(Duration::from_millis(200));
    let receipts: Vec<_> = (2..=6000).map(|turn| store.append(entry(turn))).collect();
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(first.wait(), Ok(Position(1)));
    let answers: Vec<_> = receipts.into_iter().map(Receipt::wait).collect();
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(taken, 4096);
    assert!(answers[taken..].iter().all(|answer| matches!(answer, Err(StoreError::Queue { waiting: 4096, .. }))));
    assert_eq!(all(&store), entries(1, 4097));
}

#[test]
fn what_was_asked_before_a_failure_was_known_fails_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), "actor").unwrap();
    append(&store, [1]);
    let other = Connection::open(folder.path().join("actor.db")).unwrap();
    // The writer takes turn 2 and waits for the other; turn 3 is queued behind it.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let two = store.append(entry(2));
    sleep(Duration::from_millis(100));
    let three = store.append(entry(3));
    other
        .execute_batch("CREATE TRIGGER once BEFORE INSERT ON log WHEN NEW.turn = 2 BEGIN SELECT RAISE(ABORT, 'not this one'); END; COMMIT")
        .unwrap();
    let failed = two.wait().unwrap_err();
    assert!(failed.code() == "store-io" && failed.to_string().contains("not this one"), "{failed}");
    assert_eq!(three.wait(), Err(failed.clone()), "turn 3 would stand without turn 2");
    assert_eq!(store.health(), Err(failed));
    assert_eq!(store.append(entry(4)).wait(), Ok(Position(2)), "who knows of the failure may go on");
    assert_eq!(store.health(), Ok(()));
    assert_eq!(all(&store), [Record::Entry(Position(1), entry(1)), Record::Entry(Position(2), entry(4))]);
}
