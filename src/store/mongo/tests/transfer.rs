//! All stores at once: backed up, restored, and copied to files and back.

use std::path::Path;

use mongodb::bson::{Document, doc};

use super::*;
use crate::store::{Embedded, Stores};

/// Two stores, one of them with a snapshot.
fn fill(open: impl Fn(&'static str) -> Box<dyn Store>) {
    let alpha = open("alpha");
    append(&*alpha, 1..=30);
    alpha.snapshot(Position(12), vec![5; 9 << 20]).wait().unwrap();
    append(&*open("beta"), 3..=9);
}

fn held(open: impl Fn(&'static str) -> Box<dyn Store>) -> [Vec<Record>; 2] {
    ["alpha", "beta"].map(|name| all(&*open(name)))
}

fn files(folder: &Path) -> impl Fn(&'static str) -> Box<dyn Store> {
    move |name| Box::new(Embedded::open(folder, name).unwrap())
}

fn collections(server: &MongoServer) -> impl Fn(&'static str) -> Box<dyn Store> {
    move |name| Box::new(Mongo::open(server, name).unwrap())
}

#[test]
fn what_is_copied_there_and_back_is_the_same() {
    let Some(shared) = Shared::find() else { return };
    let root = tempfile::tempdir().unwrap();
    let (folder, back) = (root.path().join("store"), root.path().join("back"));
    fill(files(&folder));
    let (embedded, server) = (Stores::Folder(folder.clone()), shared.database("copied"));
    let database = Stores::Database(server.clone());
    let mut steps = Vec::new();
    let contents = embedded.copy(&database, false, &mut |step| steps.push(step.to_owned())).unwrap();
    assert_eq!((contents.turn, contents.stores), (30, vec!["alpha.db".to_owned(), "beta.db".to_owned()]));
    assert_eq!(steps, ["alpha is written", "beta is written"]);
    assert_eq!(held(collections(&server)), held(files(&folder)));
    // It goes on from there.
    append(&Mongo::open(&server, "beta").unwrap(), 40..=41);
    assert_eq!(database.copy(&Stores::Folder(back.clone()), false, &mut |_| {}).unwrap().turn, 41);
    assert_eq!(held(files(&back)), held(collections(&server)));
    assert_eq!(database.copy(&Stores::Folder(back), false, &mut |_| {}).unwrap_err().code(), "store-not-empty");
}

#[test]
fn what_is_there_is_replaced_only_when_told() {
    let Some(shared) = Shared::find() else { return };
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("store");
    fill(files(&folder));
    let (embedded, server) = (Stores::Folder(folder.clone()), shared.database("replaced"));
    let database = Stores::Database(server.clone());
    let (beta, gamma) = (Mongo::open(&server, "beta").unwrap(), Mongo::open(&server, "gamma").unwrap());
    append(&beta, 100..=120);
    append(&gamma, 100..=120);
    assert_eq!(embedded.copy(&database, true, &mut |_| {}).unwrap_err().code(), "store-held", "somebody has it open");
    drop((beta, gamma));
    assert_eq!(embedded.copy(&database, false, &mut |_| {}).unwrap_err().code(), "store-not-empty");
    embedded.copy(&database, true, &mut |_| {}).unwrap();
    assert_eq!(held(collections(&server)), held(files(&folder)));
    assert!(all(&Mongo::open(&server, "gamma").unwrap()).is_empty(), "what the copy does not have is gone");
}

#[test]
fn a_copy_that_was_not_finished_is_no_store() {
    let Some(shared) = Shared::find() else { return };
    let root = tempfile::tempdir().unwrap();
    fill(files(root.path()));
    let server = shared.database("unfinished");
    let database = Stores::Database(server.clone());
    Stores::Folder(root.path().into()).copy(&database, false, &mut |_| {}).unwrap();
    let heads = server.database().collection::<Document>("heads");
    server.wait(async { heads.update_one(doc! { "_id": "beta" }, doc! { "$set": { "copying": true } }).await.unwrap() });
    let refused = Mongo::open(&server, "beta").unwrap_err();
    assert!(refused.code() == "store-corrupt" && refused.to_string().contains("was not finished"), "{refused}");
    assert_eq!(database.backup(&root.path().join("out")).unwrap_err().code(), "store-corrupt");
    database.restore(root.path(), true).unwrap();
    assert_eq!(held(collections(&server)), held(files(root.path())));
}

#[test]
fn a_backup_is_of_one_turn_while_the_loop_runs() {
    let Some(shared) = Shared::find() else { return };
    let root = tempfile::tempdir().unwrap();
    let server = shared.database("backup");
    let [busy, idle] = ["busy", "idle"].map(|name| Mongo::open(&server, name).unwrap());
    let stop = std::sync::atomic::AtomicBool::new(false);
    append(&idle, [1]);
    append(&busy, [2]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 3.. {
                append(&busy, [turn]);
                if turn % 40 == 0 {
                    let last = busy.last().unwrap().unwrap();
                    busy.snapshot(last.position, vec![7; 5000]).wait().unwrap();
                }
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        for round in 0..5 {
            let out = root.path().join(format!("backup-{round}"));
            let contents = Stores::Database(server.clone()).backup(&out).unwrap();
            assert_eq!(contents.stores, ["busy.db", "idle.db"]);
            let last = Embedded::open(&out, "busy").unwrap().last().unwrap().unwrap();
            assert_eq!(last.turn, contents.turn, "every turn before it is there");
        }
        stop.store(true, Ordering::Relaxed);
    });
}
