//! The MongoDB store against a real server: the suite of every store, and what only this one can suffer.

mod outage;
#[path = "../../../../tests/it/support/mongo.rs"]
mod own;
#[path = "../../../../tests/it/support/parts.rs"]
mod parts;
mod server;
mod takeover;
mod transfer;

use std::sync::atomic::{AtomicU64, Ordering};

use mongodb::bson::{Document, doc};

use self::server::Shared;
use super::*;
use crate::store::conformance::{all, append, conformance, entries, entry};
use crate::store::{Memory, StoreError};

#[test]
fn the_mongodb_store_conforms() {
    let Some(shared) = Shared::find() else { return };
    let places = AtomicU64::new(0);
    conformance(|| {
        let server = shared.database(&format!("place-{}", places.fetch_add(1, Ordering::Relaxed)));
        Box::new(move || Box::new(Mongo::open(&server, "actor").unwrap()))
    });
}

#[test]
fn it_does_not_differ_from_memory() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("memory");
    let (memory, mut store) = (Memory::default(), Some(Mongo::open(&server, "actor").unwrap()));
    let mut turn = 0;
    // Steps that follow no pattern, the same in every run.
    for step in 1..400_u64 {
        let chance = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let mongo = store.as_ref().unwrap();
        match chance % 11 {
            0 | 1 => {
                let at = Position(chance % 300);
                let body = step.to_le_bytes().to_vec();
                assert_eq!(mongo.snapshot(at, body.clone()).wait(), memory.snapshot(at, body).wait(), "step {step}");
                assert_eq!(all(mongo), all(&memory), "step {step}");
            }
            2 => {
                drop(store.take());
                store = Some(Mongo::open(&server, "actor").unwrap());
            }
            _ => {
                turn += chance % 3;
                assert_eq!(mongo.append(entry(turn)).wait(), memory.append(entry(turn)).wait(), "step {step}");
            }
        }
    }
    assert_eq!(all(store.as_ref().unwrap()), all(&memory));
}

#[test]
fn what_is_larger_than_a_document_is_kept_in_pieces() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("large");
    let body = |seed: usize| (0..20 << 20).map(|at: usize| (at * seed % 251) as u8).collect::<Vec<_>>();
    let large = |turn| Entry { body: body(turn as usize), ..entry(turn) };
    let store = Mongo::open(&server, "actor").unwrap();
    let indexes = server.wait(async { store.shelf.chunks.list_index_names().await.unwrap() });
    assert!(indexes.iter().any(|name| name == "snapshot_1_part_1"), "pieces are found by it: {indexes:?}");
    let receipts = [entry(1), large(2), entry(3), entry(4)].map(|entry| store.append(entry));
    receipts.into_iter().zip(1..).for_each(|(receipt, at)| assert_eq!(receipt.wait(), Ok(Position(at))));
    let records = |from: u64| {
        [entry(1), large(2), entry(3), entry(4)]
            .into_iter()
            .zip(1..)
            .map(|(entry, at)| Record::Entry(Position(at), entry))
            .skip(from as usize)
            .collect::<Vec<_>>()
    };
    assert_eq!(all(&store), records(0));
    store.snapshot(Position(2), body(7)).wait().unwrap();
    drop(store);
    let found = all(&Mongo::open(&server, "actor").unwrap());
    assert!(matches!(&found[0], Record::Snapshot(snapshot) if snapshot.body == body(7) && snapshot.last.turn == 2));
    assert_eq!(found[1..], records(2));
}

#[test]
fn what_a_snapshot_covers_is_deleted_but_for_claims() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("deleted");
    let count = |collection: &str, filter: Document| {
        server.wait(async { server.database().collection::<Document>(collection).count_documents(filter).await.unwrap() })
    };
    for round in 0..3 {
        let store = Mongo::open(&server, "actor").unwrap();
        append(&store, round * 20 + 1..=round * 20 + 20);
        store.snapshot(Position(round * 20 + 15), vec![1; 9 << 20]).wait().unwrap();
    }
    assert_eq!(count("log.actor", doc! { "claim": { "$exists": true } }), 3);
    assert_eq!(count("log.actor", doc! { "records": { "$exists": true } }), 6, "the covered one that the log begins with, and five");
    assert_eq!(count("chunks.actor", doc! {}), 2, "of the latest snapshot alone");
}

#[test]
fn an_answer_that_was_lost_leaves_no_record_that_failed() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("lost");
    let store = Mongo::open(&server, "actor").unwrap();
    append(&store, 1..=3);
    // The document of turn 4 came in, and who wrote it was not told.
    let writer = server.wait(store.shelf.head()).unwrap().writer;
    let row = layout::Row::of(Position(4), &entry(4), &entry(4).body);
    let page = Page { seq: writer + 4, by: writer, first: Some(4), last: Some(4), records: vec![row], ..Page::default() };
    server.wait(async { store.shelf.log.insert_one(&page).await.unwrap() });
    let failed = store.append(entry(4)).wait().unwrap_err();
    assert_eq!((failed.code(), store.health()), ("store-io", Err(failed)));
    assert_eq!(store.append(entry(5)).wait(), Ok(Position(4)), "who knows of the failure may go on");
    assert_eq!(store.health(), Ok(()));
    let expected: Vec<_> = entries(1, 3).into_iter().chain([Record::Entry(Position(4), entry(5))]).collect();
    assert_eq!(all(&store), expected);
    store.snapshot(Position(4), b"four".to_vec()).wait().unwrap();
    assert_eq!(store.last().unwrap().unwrap().turn, 5, "the snapshot covers the record that stands, not the one that was revoked");
    drop(store);
    assert_eq!(all(&Mongo::open(&server, "actor").unwrap()).len(), 1);
}

#[test]
fn a_later_layout_is_left_alone() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("newer");
    append(&Mongo::open(&server, "actor").unwrap(), 1..=3);
    let layouts = server.database().collection::<Document>("layout");
    server.wait(async { layouts.update_one(doc! {}, doc! { "$set": { "layout": 9 } }).await.unwrap() });
    let newer = Mongo::open(&server, "actor").unwrap_err();
    assert!(newer.to_string().contains("has layout 9, and this version knows layouts up to 1"), "{newer}");
    let folder = tempfile::tempdir().unwrap();
    let stores = crate::store::Stores::Database(server);
    assert_eq!(stores.backup(&folder.path().join("out")).unwrap_err().code(), "store-newer");
    assert_eq!(stores.check().unwrap_err().code(), "store-newer");
}

#[test]
fn a_hole_in_the_log_is_found() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("hole");
    let store = Mongo::open(&server, "actor").unwrap();
    append(&store, 1..=5);
    server.wait(async { store.shelf.log.delete_one(doc! { "first": 3_i64 }).await.unwrap() });
    let hole = store.recover(&mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(hole.code() == "store-corrupt" && hole.to_string().contains("record 4 stands where 3 is due"), "{hole}");
    let checked = crate::store::Stores::Database(server).check().unwrap();
    assert_eq!(checked[0].1, Some(hole));
}
