//! Two processes that want one store: one has it, and whoever lost it writes nothing more, however late it hears of that.

use std::thread::sleep;
use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};

use super::*;

/// Sets fields of the lease of `actor`.
fn set_lease(server: &MongoServer, fields: Document) {
    let leases = server.database().collection::<Document>("leases");
    server.wait(async { leases.update_one(doc! { "_id": "actor" }, doc! { "$set": fields }).await.unwrap() });
}

/// Makes the lease of the store end now, as if its holder had been paused for longer than it lasts.
fn pause(store: &Mongo) {
    store.keeping.abort();
    set_lease(&store.shelf.server, doc! { "until": DateTime::from_millis(0) });
}

#[test]
fn a_second_one_is_told_who_has_it_and_until_when() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("held");
    let store = Mongo::open(&server, "actor").unwrap();
    let held = Mongo::open(&server, "actor").unwrap_err();
    let StoreError::Held { holder, seconds, .. } = &held else { panic!("{held}") };
    assert!(holder.contains(&format!("process {}", std::process::id())) && (8..=10).contains(seconds), "{held}");
    Mongo::open(&server, "other").expect("another actor's store in the database is free");
    sleep(Duration::from_secs(12));
    assert_eq!(Mongo::open(&server, "actor").unwrap_err().code(), "store-held", "it is renewed while its holder lives");
    append(&store, 1..=3);
    drop(store);
    assert_eq!(all(&Mongo::open(&server, "actor").expect("it was freed")), entries(1, 3));
}

#[test]
fn a_paused_writer_has_nothing_accepted_after_the_takeover() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("paused");
    let former = Mongo::open(&server, "actor").unwrap();
    append(&former, 1..=10);
    pause(&former);
    let latter = Mongo::open(&server, "actor").unwrap();
    append(&latter, 11..=20);
    // Even when all that the former one wrote, and more, is forgotten.
    latter.snapshot(Position(20), b"twenty".to_vec()).wait().unwrap();
    let refused = former.append(entry(11)).wait().unwrap_err();
    assert!(matches!(&refused, StoreError::Taken { holder, .. } if holder.contains("process")), "{refused:?}");
    assert_eq!(former.snapshot(Position(10), b"ten".to_vec()).wait(), Err(refused.clone()), "and it stops for good");
    assert_eq!((former.append(entry(12)).wait(), former.health()), (Err(refused.clone()), Err(refused.clone())));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(former.overtaken()), refused);
    append(&latter, 21..=22);
    drop(former);
    assert_eq!(Mongo::open(&server, "actor").unwrap_err().code(), "store-held", "the end of the former one frees nothing");
    let found = all(&latter);
    assert!(matches!(&found[0], Record::Snapshot(snapshot) if snapshot.body == b"twenty"));
    assert_eq!(found[1..], entries(21, 22));
}

#[test]
fn a_paused_writer_does_not_switch_the_snapshot() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("switch");
    let former = Mongo::open(&server, "actor").unwrap();
    append(&former, 1..=10);
    pause(&former);
    let latter = Mongo::open(&server, "actor").unwrap();
    // The first thing that the former one does is a snapshot.
    assert_eq!(former.snapshot(Position(10), b"ten".to_vec()).wait().unwrap_err().code(), "store-taken");
    assert_eq!(all(&latter), entries(1, 10));
    drop(latter);
    assert_eq!(all(&Mongo::open(&server, "actor").unwrap()), entries(1, 10));
}

#[test]
fn a_paused_writer_deletes_nothing_of_the_next_one() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("late-deletes");
    let former = Mongo::open(&server, "actor").unwrap();
    append(&former, 1..=10);
    former.snapshot(Position(10), b"ten".to_vec()).wait().unwrap();
    let stood = server.wait(former.shelf.head()).unwrap();
    pause(&former);
    let latter = Mongo::open(&server, "actor").unwrap();
    append(&latter, 11..=20);
    latter.snapshot(Position(20), b"twenty".to_vec()).wait().unwrap();
    // The former one was paused between its snapshot and the deletion of what that covers, and never meets a claim there.
    server.wait(former.shelf.forget(&stood)).unwrap();
    server.wait(former.shelf.forget(&layout::Head { snapshot: None, ..stood })).unwrap();
    let found = all(&latter);
    assert!(matches!(&found[..], [Record::Snapshot(snapshot)] if snapshot.body == b"twenty"), "{found:?}");
}

#[test]
fn the_lease_of_a_process_of_this_host_that_is_gone_is_taken_at_once() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("gone");
    let store = Mongo::open(&server, "actor").unwrap();
    append(&store, 1..=3);
    store.keeping.abort();
    set_lease(&server, doc! { "process.began": 1_i64 });
    let second = Mongo::open(&server, "actor").expect("a process with this id lives, but it is another");
    assert_eq!(store.append(entry(4)).wait().unwrap_err().code(), "store-taken");
    drop(store);
    second.keeping.abort();
    set_lease(&server, doc! { "process.host": "another boot", "process.began": 1 });
    assert_eq!(Mongo::open(&server, "actor").unwrap_err().code(), "store-held", "of processes elsewhere nothing is known");
}

#[test]
fn a_writer_that_is_idle_hears_of_the_takeover_from_its_lease() {
    let Some(shared) = Shared::find() else { return };
    let server = shared.database("idle");
    let former = Mongo::open(&server, "actor").unwrap();
    set_lease(&server, doc! { "holder": "process 1 on elsewhere", "token": mongodb::bson::oid::ObjectId::new() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let told = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), former.overtaken()).await });
    assert!(matches!(told.unwrap(), StoreError::Taken { holder, .. } if holder == "process 1 on elsewhere"));
    assert_eq!(former.append(entry(1)).wait().unwrap_err().code(), "store-taken");
}
