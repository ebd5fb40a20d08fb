//! Durable records: one at a time, and a hundred that share a sync; of the embedded store also snapshots and recovery of a long log.
//!
//! `cargo bench --bench store`. The files lie in the target folder: it is that disk which is measured. The MongoDB store is measured on the
//! server that `cargo xtask real-parts` starts, where it is up. Figures: docs/adr/0009 and 0014.
#![allow(missing_docs)]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use secrecy::SecretString;
use wharfinger::store::{Embedded, Entry, Mongo, MongoServer, Position, Store};

#[path = "../tests/it/support/parts.rs"]
mod parts;

/// About what a submit of a small job takes.
const BODY: usize = 300;
const LONG: u64 = 100_000;

fn entry(turn: u64) -> Entry {
    Entry { turn, stamp_ms: turn, body: vec![7; BODY], received: vec![1; 16] }
}

/// Appends so many at once, and waits for all.
fn group(store: &dyn Store, turn: &mut u64, size: u64) -> Position {
    let receipts: Vec<_> = (0..size).map(|of| store.append(entry(*turn + of + 1))).collect();
    *turn += size;
    receipts.into_iter().map(|receipt| receipt.wait().expect("the disk takes it")).last().expect("a group is not empty")
}

/// What the latencies were, beside criterion's mean: a store is judged by its slow writes.
fn tail(name: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    eprintln!("{name}: p50 {:?}, p99 {:?}, max {:?} of {}", at(0.5), at(0.99), at(1.0), latencies.len());
}

fn appends(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
    let embedded = |name: &'static str| Embedded::open(&folder.path().join(name), "actor").expect("a new store");
    measure(criterion, "append", 1, &embedded("append"));
    measure(criterion, "append_100", 100, &embedded("append_100"));
    let Some(server) = server() else { return };
    let mongo = |name: &str| Mongo::open(&server, name).expect("a new store");
    measure(criterion, "mongodb_append", 1, &mongo("one"));
    measure(criterion, "mongodb_append_100", 100, &mongo("hundred"));
}

fn measure(criterion: &mut Criterion, name: &str, size: u64, store: &dyn Store) {
    let mut benches = criterion.benchmark_group("store");
    let (mut turn, mut latencies) = (0, Vec::new());
    benches.throughput(Throughput::Elements(size)).bench_function(name, |bencher| {
        bencher.iter(|| {
            let begun = Instant::now();
            black_box(group(store, &mut turn, size));
            latencies.push(begun.elapsed());
        });
    });
    tail(name, latencies);
    benches.finish();
}

/// The server that is up, with a database of this run.
fn server() -> Option<MongoServer> {
    let address = SecretString::from(parts::find("mongo")?["uri"].as_str().expect("the part has an address"));
    Some(MongoServer::connect(&address, Some(&format!("bench-{}", std::process::id()))).expect("the address can be read"))
}

fn long_log(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
    let store = Embedded::open(folder.path(), "actor").expect("a new store");
    let mut turn = 0;
    for _ in 0..LONG / 1000 {
        group(&store, &mut turn, 1000);
    }
    let mut benches = criterion.benchmark_group("store");
    benches.sample_size(10);
    benches.bench_function("recover_100k", |bencher| bencher.iter(|| recover(&store)));
    benches.bench_function("last_of_100k", |bencher| bencher.iter(|| black_box(store.last()).expect("it can be read")));
    drop(store);
    benches.bench_function("reopen_100k", |bencher| bencher.iter(|| reopen(folder.path())));
    let store = reopen(folder.path());
    let begun = Instant::now();
    store.backup(&folder.path().join("copy.db")).expect("a copy of a whole store");
    eprintln!("backup_100k: {:?}", begun.elapsed());
    // The first forgets the long log; the others replace each other.
    let snapshots = (0..10).map(|_| {
        let begun = Instant::now();
        store.snapshot(Position(turn), vec![7; 30 << 20]).wait().expect("the disk takes it");
        let written = begun.elapsed();
        group(&store, &mut turn, 1);
        written
    });
    tail("snapshot_30_mib", snapshots.collect());
    benches.finish();
}

fn reopen(folder: &Path) -> Embedded {
    Embedded::open(folder, "actor").expect("nobody else has it")
}

fn recover(store: &Embedded) -> u64 {
    let mut bytes = 0;
    let each = &mut |record| {
        bytes += size_of_val(black_box(&record)) as u64;
        ControlFlow::Continue(())
    };
    store.recover(each).expect("it can be read");
    bytes
}

criterion_group!(benches, appends, long_log);
criterion_main!(benches);
