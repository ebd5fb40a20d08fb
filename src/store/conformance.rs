//! What every store must do. A new kind of store is done when it passes.

use std::ops::ControlFlow;

use super::{Embedded, Entry, Last, Position, Record, Snapshot, Store, StoreError};

/// A place for one store, empty at first: each call opens what is there.
pub type Place = Box<dyn Fn() -> Box<dyn Store>>;

/// Tries all of it, each part in a place of its own.
pub fn conformance(place: impl Fn() -> Place) {
    nothing_is_in_a_new_store(&place());
    records_come_back_in_order(&place());
    a_group_keeps_its_order(&place());
    a_snapshot_stands_for_the_records_up_to_it(&place());
    what_does_not_follow_is_refused_alone(&place());
    recovery_stops_when_told(&place());
    ten_thousand_records(&place());
    a_backup_holds_the_same(&place());
}

/// The record of a turn; what is in it follows from the turn, so that it can be known again.
pub fn entry(turn: u64) -> Entry {
    let length = usize::try_from(turn * 37 % 1500).unwrap();
    Entry { turn, stamp_ms: 1_700_000_000_000 + turn, body: vec![turn.to_le_bytes()[0]; length], received: turn.to_le_bytes().to_vec() }
}

/// The records of the turns from `from` to `to`, as they come back where each turn had one.
pub fn entries(from: u64, to: u64) -> Vec<Record> {
    (from..=to).map(|turn| Record::Entry(Position(turn), entry(turn))).collect()
}

/// What is known of the record of a turn, where each turn had one.
pub fn last(turn: u64) -> Last {
    let Entry { turn, stamp_ms, received, .. } = entry(turn);
    Last { position: Position(turn), turn, stamp_ms, received }
}

/// All that a store holds.
pub fn all(store: &dyn Store) -> Vec<Record> {
    let mut records = Vec::new();
    let recovered = store.recover(&mut |record| {
        records.push(record);
        ControlFlow::Continue(())
    });
    assert_eq!(recovered.unwrap(), store.last().unwrap());
    records
}

/// Appends the records of the turns, and waits for each.
pub fn append(store: &dyn Store, turns: impl IntoIterator<Item = u64>) {
    for turn in turns {
        store.append(entry(turn)).wait().unwrap();
    }
}

fn nothing_is_in_a_new_store(open: &Place) {
    for _ in 0..2 {
        let store = open();
        assert_eq!((all(&*store), store.last(), store.health()), (vec![], Ok(None), Ok(())));
        let refused = store.snapshot(Position(1), vec![]).wait();
        assert!(matches!(refused, Err(StoreError::Sequence { .. })), "there is no state to cover: {refused:?}");
    }
}

fn records_come_back_in_order(open: &Place) {
    for from in [1, 11, 21] {
        let store = open();
        for turn in from..from + 10 {
            assert_eq!(store.append(entry(turn)).wait(), Ok(Position(turn)));
            assert_eq!(store.last(), Ok(Some(last(turn))), "what was answered is there");
        }
        assert_eq!(all(&*store), entries(1, from + 9));
    }
    assert_eq!(all(&*open()), entries(1, 30));
    let store = open();
    append(&*store, [1000]);
    assert_eq!(store.last().unwrap().unwrap().position, Position(31), "positions have no gaps where turns have");
}

fn a_group_keeps_its_order(open: &Place) {
    let store = open();
    let receipts: Vec<_> = (1..=500).map(|turn| store.append(entry(turn))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (receipt, turn) in receipts.into_iter().zip(1..) {
        assert_eq!(runtime.block_on(receipt), Ok(Position(turn)));
    }
    assert_eq!(all(&*store), entries(1, 500));
    // Without waiting, what is queued when the store is dropped is written all the same.
    for turn in 501..=600 {
        drop(store.append(entry(turn)));
    }
    drop(store);
    assert_eq!(all(&*open()), entries(1, 600));
}

fn a_snapshot_stands_for_the_records_up_to_it(open: &Place) {
    let store = open();
    append(&*store, 1..=20);
    assert_eq!(store.snapshot(Position(12), b"twelve".to_vec()).wait(), Ok(Position(12)));
    let shortened = |at: u64, body: &[u8], to: u64| {
        let snapshot = Record::Snapshot(Snapshot { last: last(at), body: body.to_vec() });
        std::iter::once(snapshot).chain(entries(at + 1, to)).collect::<Vec<_>>()
    };
    assert_eq!(all(&*store), shortened(12, b"twelve", 20));
    for wrong in [0, 11, 21] {
        let refused = store.snapshot(Position(wrong), vec![]).wait();
        assert!(matches!(refused, Err(StoreError::Sequence { .. })), "{wrong}: {refused:?}");
    }
    drop(store);

    let store = open();
    assert_eq!(all(&*store), shortened(12, b"twelve", 20));
    store.snapshot(Position(12), b"twelve, rewritten".to_vec()).wait().unwrap();
    assert_eq!(all(&*store), shortened(12, b"twelve, rewritten", 20));
    let receipts = [store.append(entry(21)), store.snapshot(Position(21), b"all".to_vec())];
    receipts.into_iter().for_each(|receipt| assert_eq!(receipt.wait(), Ok(Position(21)), "in the order in which they were asked"));
    drop(store);

    let store = open();
    assert_eq!(all(&*store), shortened(21, b"all", 21));
    assert_eq!(store.last(), Ok(Some(last(21))), "the counters outlive the record");
    append(&*store, [22]);
    assert_eq!(all(&*store), shortened(21, b"all", 22), "numbers go on");
}

fn what_does_not_follow_is_refused_alone(open: &Place) {
    let store = open();
    let answers = [5, 5, 4, 1 << 63, 6].map(|turn| store.append(Entry { turn, ..entry(turn % 10) }).wait());
    assert_eq!((&answers[0], &answers[4]), (&Ok(Position(1)), &Ok(Position(2))));
    assert!(answers[1..4].iter().all(|answer| matches!(answer, Err(StoreError::Sequence { .. }))), "{answers:?}");
    assert_eq!(store.health(), Ok(()), "the fault is not the store's");
    assert_eq!(all(&*store), [Record::Entry(Position(1), entry(5)), Record::Entry(Position(2), entry(6))]);
}

fn recovery_stops_when_told(open: &Place) {
    let store = open();
    append(&*store, 1..=5);
    let mut given = 0;
    let recovered = store.recover(&mut |_| {
        given += 1;
        if given == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((given, recovered), (3, Ok(Some(last(5)))));
}

fn ten_thousand_records(open: &Place) {
    let store = open();
    for from in (1..10_000).step_by(1000) {
        let receipts: Vec<_> = (from..from + 1000).map(|turn| store.append(entry(turn))).collect();
        receipts.into_iter().for_each(|receipt| assert!(receipt.wait().is_ok()));
    }
    drop(store);
    let mut due = 1;
    let recovered = open().recover(&mut |record| {
        assert_eq!(record, Record::Entry(Position(due), entry(due)));
        due += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((due, recovered), (10_001, Ok(Some(last(10_000)))));
}

fn a_backup_holds_the_same(open: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let store = open();
    for (name, from) in [("fresh", 0), ("first", 1), ("second", 31)] {
        if from > 0 {
            append(&*store, from..from + 30);
            store.snapshot(Position(from + 9), b"state".to_vec()).wait().unwrap();
        }
        let file = folder.path().join(name).with_extension("db");
        store.backup(&file).unwrap();
        let copy = Embedded::open(folder.path(), name).unwrap();
        assert_eq!(all(&copy), all(&*store));
        append(&copy, [100]);
        assert!(matches!(store.backup(&file), Err(StoreError::Io { .. })), "a copy replaces nothing");
    }
    assert_eq!(store.last(), Ok(Some(last(60))), "a copy is another store");
}
