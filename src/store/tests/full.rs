//! A disk that is really full: a file system of one megabyte in memory, where this user may mount one.

use super::small_disk::SmallDisk;
use crate::store::conformance::{all, append, entries, entry};
use crate::store::{Embedded, Entry, Position, Store, StoreError, check};

#[test]
fn a_full_disk_is_said_and_loses_nothing_that_was_answered() {
    let root = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(root.path(), "1m") else { return };
    let ballast = root.path().join("ballast");
    std::fs::write(&ballast, vec![0; 400 << 10]).unwrap();
    let folder = root.path().join("state");
    let store = Embedded::open(&folder, "actor").unwrap();

    let (mut turn, mut answered) = (0, 0);
    let full = loop {
        turn += 1;
        match store.append(entry(turn)).wait() {
            Ok(position) => answered = position.0,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
    assert!(answered > 50 && store.health() == Err(full), "after {answered} records");
    for _ in 0..20 {
        // A record too large for what may be left here and there.
        assert_eq!(store.append(Entry { body: vec![0; 100_000], ..entry(turn) }).wait().unwrap_err().code(), "store-full");
    }
    assert_eq!(all(&store), entries(1, answered), "what was answered, and nothing else");
    drop(store);

    let reopened = Embedded::open(&folder, "actor");
    if let Ok(store) = &reopened {
        assert_eq!(all(store), entries(1, answered), "as before, with the disk still full");
    }
    drop(reopened);

    std::fs::remove_file(&ballast).unwrap();
    let store = Embedded::open(&folder, "actor").unwrap();
    append(&store, answered + 1..=answered + 50);
    assert_eq!(all(&store), entries(1, answered + 50));
    assert_eq!(store.health(), Ok(()));
    check(&folder.join("actor.db")).unwrap();
}

#[test]
fn room_that_comes_back_is_used_without_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(root.path(), "1m") else { return };
    let ballast = root.path().join("ballast");
    std::fs::write(&ballast, vec![0; 700 << 10]).unwrap();
    let store = Embedded::open(&root.path().join("state"), "actor").unwrap();
    let answered = (1..).map_while(|turn| store.append(entry(turn)).wait().ok()).last().unwrap();
    std::fs::remove_file(&ballast).unwrap();
    append(&store, answered.0 + 1..=answered.0 + 10);
    assert_eq!(all(&store), entries(1, answered.0 + 10));
    assert_eq!(store.snapshot(Position(answered.0 + 10), vec![1; 10_000]).wait(), Ok(Position(answered.0 + 10)));
}
