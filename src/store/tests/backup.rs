//! Backups of several actors' stores as of one turn, and their way back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::store::conformance::{all, append, entry};
use crate::store::{Contents, Embedded, Position, Record, Store, StoreError, Stores, check};

fn backup(folder: &Path, out: &Path) -> Result<Contents, StoreError> {
    Stores::Folder(folder.into()).backup(out)
}

fn restore(backup: &Path, folder: &Path, force: bool) -> Result<Contents, StoreError> {
    Stores::Folder(folder.into()).restore(backup, force)
}

/// The turns of which a store knows something: its snapshot's, and its records'.
fn turns(folder: &Path, name: &'static str) -> Vec<u64> {
    let records = all(&Embedded::open(folder, name).unwrap());
    let turn = |record: &Record| match record {
        Record::Snapshot(snapshot) => snapshot.last.turn,
        Record::Entry(_, entry) => entry.turn,
    };
    records.iter().map(turn).collect()
}

/// Two stores with records of the turns.
fn filled(folder: &Path, turns: std::ops::RangeInclusive<u64>) {
    for name in ["alpha", "beta"] {
        append(&Embedded::open(folder, name).unwrap(), turns.clone());
    }
}

#[test]
fn a_backup_is_of_one_turn_while_the_loop_runs() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("state");
    let [busy, often, idle] = ["busy", "often", "idle"].map(|name| Embedded::open(&folder, name).unwrap());
    let stop = AtomicBool::new(false);
    append(&idle, [1]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // As the loop does: all records of a turn at once, and no turn before they are durable.
            for turn in 2.. {
                let receipts = [Some(busy.append(entry(turn))), (turn % 3 == 0).then(|| often.append(entry(turn)))];
                receipts.into_iter().flatten().for_each(|receipt| assert!(receipt.wait().is_ok()));
                if turn % 50 == 0 {
                    let last = busy.last().unwrap().unwrap();
                    busy.snapshot(last.position, vec![7; 5000]).wait().unwrap();
                }
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        for round in 0..12 {
            let out = root.path().join(format!("backup-{round}"));
            let contents = backup(&folder, &out).unwrap();
            assert_eq!(contents.stores, ["busy.db", "idle.db", "often.db"]);
            let of = |name| turns(&out, name);
            let whole = |turns: &[u64], step: u64| {
                // The turn that was running may be there or not, like after a crash; every one before it is.
                let last = *turns.last().unwrap_or(&1);
                assert!(last <= contents.turn && last + step >= contents.turn, "{last} of {}", contents.turn);
                assert!(turns.windows(2).all(|pair| pair[1] == pair[0] + step), "{turns:?}");
            };
            whole(&of("busy"), 1);
            whole(&of("often"), 3);
            assert_eq!(of("idle"), [1], "who has nothing to say does not hold the others back");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_backup_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let [state, out, again] = ["state", "backup", "deep/again"].map(|name| root.path().join(name));
    filled(&state, 1..=40);
    let store = Embedded::open(&state, "alpha").unwrap();
    store.snapshot(Position(30), b"thirty".to_vec()).wait().unwrap();
    let before = all(&store);
    drop(store);
    let contents = backup(&state, &out).unwrap();
    assert_eq!(contents, Contents { turn: 40, stores: vec!["alpha.db".into(), "beta.db".into()] });
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&out), mode(&out.join("alpha.db"))), (0o700, 0o600));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2, "nothing but the stores");

    assert_eq!(restore(&out, &again, false), Ok(contents.clone()));
    assert_eq!(all(&Embedded::open(&again, "alpha").unwrap()), before);
    assert_eq!((mode(&again), mode(&again.join("beta.db"))), (0o700, 0o600));

    append(&Embedded::open(&state, "beta").unwrap(), 41..=60);
    assert_eq!(restore(&out, &state, false).unwrap_err().code(), "store-not-empty");
    assert_eq!(turns(&state, "beta").len(), 60);
    assert_eq!(restore(&out, &state, true), Ok(contents));
    assert_eq!((all(&Embedded::open(&state, "alpha").unwrap()), turns(&state, "beta").len()), (before, 40));
    assert_eq!(backup(&state, &out).unwrap_err().code(), "store-not-empty");
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing half-written stays: {left:?}");
}

#[test]
fn what_a_crash_left_can_be_restored_from() {
    let root = tempfile::tempdir().unwrap();
    let [state, crashed, again] = ["state", "crashed", "again"].map(|name| root.path().join(name));
    let store = Embedded::open(&state, "alpha").unwrap();
    append(&store, 1..=10);
    let copied = std::process::Command::new("cp").arg("-r").arg(&state).arg(&crashed).status().unwrap();
    assert!(copied.success());
    assert_eq!(restore(&crashed, &again, false).unwrap().turn, 10);
    assert_eq!(restore(&state, &root.path().join("torn"), false).unwrap_err().code(), "store-locked", "that is what a backup is for");
    assert_eq!(turns(&again, "alpha").len(), 10);
}

#[test]
fn a_restore_replaces_nothing_that_it_should_not() {
    let root = tempfile::tempdir().unwrap();
    let [state, out] = ["state", "backup"].map(|name| root.path().join(name));
    filled(&state, 1..=30);
    backup(&state, &out).unwrap();
    filled(&state, 31..=50);
    let refused = |code: &str| {
        assert_eq!(restore(&out, &state, true).unwrap_err().code(), code);
    };

    let open = Embedded::open(&state, "beta").unwrap();
    refused("store-locked");
    drop(open);
    fs::write(state.join("a-letter"), "to nobody").unwrap();
    refused("store-foreign");
    fs::remove_file(state.join("a-letter")).unwrap();

    let sound = fs::read(out.join("beta.db")).unwrap();
    let mut damaged = sound.clone();
    damaged[4096..8192].fill(0xA5);
    fs::write(out.join("beta.db"), damaged).unwrap();
    refused("store-corrupt");
    fs::write(out.join("beta.db"), "no database at all").unwrap();
    refused("store-foreign");
    fs::write(out.join("beta.db"), sound).unwrap();
    Connection::open(out.join("beta.db")).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    refused("store-newer");

    for name in ["alpha", "beta"] {
        assert_eq!(turns(&state, name).len(), 50);
        check(&state.join(name).with_extension("db")).unwrap();
    }
    assert_eq!(backup(&root.path().join("nowhere"), &out).unwrap_err().code(), "store-io");
    assert_eq!(restore(root.path(), &state, true).unwrap_err().code(), "store-foreign", "no store is in it");
}
