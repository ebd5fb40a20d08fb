//! Crashes: a process that is killed at any moment, and a log file that a power cut left torn.

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::store::conformance::{all, append, entries, entry, last};
use crate::store::{Embedded, Position, Record, Store};

const CHILD: &str = "WHARFINGER_TEST_STORE";
const KILLS: u64 = 30;

/// Appends in groups of all sizes, with snapshots between, and says what was answered; until it is killed.
fn write_on(folder: &Path) {
    let store = Embedded::open(folder, "actor").unwrap();
    let mut turn = store.last().unwrap().map_or(0, |last| last.turn);
    loop {
        let group = turn % 7 + 1;
        let receipts: Vec<_> = (turn + 1..=turn + group).map(|turn| store.append(entry(turn))).collect();
        for receipt in receipts {
            println!("answered {}", receipt.wait().unwrap().0);
        }
        turn += group;
        if turn.is_multiple_of(11) {
            drop(store.snapshot(Position(turn), turn.to_le_bytes().to_vec()));
        }
    }
}

#[test]
fn a_kill_loses_no_answered_record() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return write_on(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut answered = 0;
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::crash::a_kill_loses_no_answered_record", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut numbers = lines.filter_map(|line| line.strip_prefix("answered ")?.parse::<u64>().ok());
        // Killed after a number of answers that differs from round to round, at whatever it does then.
        let seen = numbers.by_ref().take(usize::try_from(1 + round * 13 % 60).unwrap()).last();
        child.kill().unwrap();
        child.wait().unwrap();
        // It went on while this read, and what it said until the end holds as well.
        answered = numbers.last().or(seen).expect("the child says what is durable").max(answered);

        let store = Embedded::open(folder.path(), "actor").unwrap();
        let found = store.last().unwrap().unwrap();
        assert!(found.position.0 >= answered, "round {round}: {answered} were answered, {} are there", found.position.0);
        assert_eq!(found, last(found.turn));
        assert_is_whole(&store, found.turn);
    }
}

/// A snapshot of the state after some record, and all records after it up to `to`.
fn assert_is_whole(store: &dyn Store, to: u64) {
    let mut records = all(store);
    let covered = match records.first() {
        Some(Record::Snapshot(snapshot)) => {
            assert_eq!((&snapshot.last, &snapshot.body), (&last(snapshot.last.turn), &snapshot.last.turn.to_le_bytes().to_vec()));
            snapshot.last.turn
        }
        _ => 0,
    };
    records.retain(|record| matches!(record, Record::Entry(..)));
    assert_eq!(records, entries(covered + 1, to));
}

/// A folder as it lies on the disk while the store is open, with `TURNS` records in its log file. Another process copies it: to open
/// and close the files here would take SQLite's locks away.
fn image(to: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), "actor").unwrap();
    append(&store, 1..=TURNS / 2);
    (TURNS / 2 + 1..=TURNS).map(|turn| store.append(entry(turn))).collect::<Vec<_>>().into_iter().for_each(|receipt| {
        receipt.wait().unwrap();
    });
    for file in ["actor.db", "actor.db-wal"] {
        assert!(Command::new("cp").arg(folder.path().join(file)).arg(to.join(file)).status().unwrap().success());
    }
}

const TURNS: u64 = 24;

/// What is recovered with this log file beside the image's database: a prefix of what was written, to which more can be added.
fn recovered(image: &Path, log: &[u8]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(image.join("actor.db"), folder.path().join("actor.db")).unwrap();
    fs::write(folder.path().join("actor.db-wal"), log).unwrap();
    let store = Embedded::open(folder.path(), "actor").unwrap();
    let found = store.last().unwrap().map_or(0, |last| last.turn);
    assert_eq!(all(&store), entries(1, found), "a prefix, and never anything else");
    append(&store, found + 1..=found + 2);
    drop(store);
    let mut turns = 0;
    let store = Embedded::open(folder.path(), "actor").unwrap();
    store
        .recover(&mut |_| {
            turns += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(turns, found + 2);
    found
}

#[test]
fn a_torn_log_file_gives_back_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path());
    let log = fs::read(folder.path().join("actor.db-wal")).unwrap();
    assert_eq!(recovered(folder.path(), &log), TURNS, "nothing is lost when nothing is torn");
    // Every length near the end of the log, and some in its whole.
    let near = (1..40).map(|back| log.len() - back * 113);
    let mut lengths: Vec<usize> = (0..60).map(|part| log.len() * part / 60).chain(near).collect();
    lengths.sort_unstable();
    let found: Vec<u64> = lengths.iter().map(|length| recovered(folder.path(), &log[..*length])).collect();
    assert!(found.is_sorted(), "a longer log holds no less: {found:?}");
    assert!(found[0] == 0 && found.iter().any(|found| (1..TURNS).contains(found)), "{found:?}");
}

#[test]
fn a_damaged_log_file_gives_back_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path());
    let log = fs::read(folder.path().join("actor.db-wal")).unwrap();
    let mut lost = 0;
    for part in 0..60 {
        let mut damaged = log.clone();
        let at = log.len() * part / 60 + part;
        damaged[at..(at + 16).min(log.len())].iter_mut().for_each(|byte| *byte ^= 0x5A);
        lost += u64::from(recovered(folder.path(), &damaged) < TURNS);
    }
    assert!(lost >= 55, "damage is noticed, {lost} of 60 times");
}
