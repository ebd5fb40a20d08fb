//! A server that is killed, that is not there, and that refuses the user.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mongodb::bson::doc;

use super::own::Own;
use super::server::connect;
use super::*;

/// How long the server is away after each kill: the driver outwaits a second; `None` is until it has given up on something.
const AWAY: [Option<Duration>; 3] = [Some(Duration::from_secs(1)), None, Some(Duration::from_secs(1))];

#[test]
fn a_server_that_is_killed_and_back_loses_nothing_that_was_answered() {
    let Some(mut own) = Own::start() else { return };
    let server = connect(&own.address(), "killed");
    let store = Mongo::open(&server, "actor").unwrap();
    let (stop, failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let (answered, failures) = std::thread::scope(|scope| {
        // As the loop does: a few records at once, what failed is asked again under a later turn, and snapshots between.
        let load = scope.spawn(|| {
            let (mut answered, mut failures, mut turn) = (Vec::new(), Vec::new(), 0);
            while !stop.load(Ordering::Relaxed) {
                let receipts: Vec<_> = (1..=5).map(|of| (turn + of, store.append(entry(turn + of)))).collect();
                turn += 5;
                for (turn, receipt) in receipts {
                    match receipt.wait() {
                        Ok(position) => answered.push((position, turn)),
                        Err(error) => {
                            failures.push(error);
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
                if turn % 100 == 0
                    && let Some((position, _)) = answered.last()
                {
                    // One that fails leaves the log as it was.
                    let _ = store.snapshot(*position, vec![7; 1000]).wait();
                }
            }
            (answered, failures)
        });
        for away in AWAY {
            sleep(Duration::from_millis(1500));
            own.kill();
            let begun = Instant::now();
            match away {
                Some(away) => sleep(away),
                None => {
                    while !failed.load(Ordering::Relaxed) {
                        assert!(begun.elapsed() < Duration::from_secs(60), "the load goes on while the server is down");
                        sleep(Duration::from_millis(20));
                    }
                }
            }
            own.again(&[]);
            let begun = Instant::now();
            while store.health().is_err() {
                assert!(begun.elapsed() < Duration::from_secs(60), "it goes on by itself: {:?}", store.health());
                sleep(Duration::from_millis(20));
            }
        }
        sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    assert!(failures.iter().all(|error| ["store-io", "store-unreachable"].contains(&error.code())), "{failures:?}");
    assert!(answered.len() > 100, "{} answered", answered.len());
    drop(store);

    let store = Mongo::open(&server, "actor").unwrap();
    let records = all(&store);
    let covered = match &records[0] {
        Record::Snapshot(snapshot) => snapshot.last.position.0,
        Record::Entry(..) => 0,
    };
    let kept = records.iter().filter_map(|record| match record {
        Record::Entry(position, kept) => Some((*position, kept.turn)),
        Record::Snapshot(_) => None,
    });
    let due: Vec<_> = answered.iter().copied().filter(|(position, _)| position.0 > covered).collect();
    assert_eq!(kept.collect::<Vec<_>>(), due, "what was answered, and nothing that failed");
    assert!(answered.iter().map(|(position, _)| position.0).eq(1..=answered.len() as u64), "and positions had no gaps");
    eprintln!("{} answered, {} failed over {} kills", answered.len(), failures.len(), AWAY.len());
}

#[test]
fn a_record_that_comes_in_after_it_failed_is_not_in_the_log() {
    let Some(own) = Own::start() else { return };
    let server = connect(&own.address(), "late");
    let store = Mongo::open(&server, "actor").unwrap();
    append(&store, 1..=3);
    own.pause(true);
    let (begun, late) = (Instant::now(), store.append(entry(4)));
    let failed = late.wait().unwrap_err();
    assert!(failed.code() == "store-io" && failed.to_string().contains("no answer within 10 s"), "{failed}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    own.pause(false);
    // By now the insert, which the server has had all the time, is done. The next ones may still meet the same connection's trouble.
    sleep(Duration::from_millis(500));
    let turn = (5..30).find(|turn| store.append(entry(*turn)).wait().is_ok()).expect("it goes on");
    let expected: Vec<_> = entries(1, 3).into_iter().chain([Record::Entry(Position(4), entry(turn))]).collect();
    assert_eq!(all(&store), expected);
    assert_eq!(store.health(), Ok(()));
    drop(store);
    assert_eq!(all(&Mongo::open(&server, "actor").unwrap()), expected);
}

#[test]
fn a_server_that_is_not_there_is_named_and_the_password_is_not() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = connect(&format!("mongodb://me:s3cret@127.0.0.1:{port}/?directConnection=true"), "absent");
    let begun = Instant::now();
    let error = Mongo::open(&server, "actor").unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15));
    let text = format!("{error} {error:?} {server:?}");
    assert_eq!(error.code(), "store-unreachable", "{text}");
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("start the server"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let Some(mut own) = Own::start() else { return };
    let admin = connect(&own.address(), "admin");
    let user = doc! { "createUser": "keeper", "pwd": "right-one", "roles": [{ "role": "root", "db": "admin" }] };
    admin.wait(async { admin.database().run_command(user).await.unwrap() });
    // What is written durably after the user has the user on the disk too.
    append(&Mongo::open(&connect(&own.address(), "denied"), "actor").unwrap(), 1..=3);
    own.kill();
    own.again(&["--auth"]);
    let by = |password: &str| connect(&own.address().replace("://", &format!("://keeper:{password}@")), "denied");
    let error = Mongo::open(&by("wr0ng-one"), "actor").unwrap_err();
    assert_eq!(error.code(), "store-denied", "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng-one"), "{error}");
    let nobody = Mongo::open(&connect(&own.address(), "denied"), "actor").unwrap_err();
    assert_eq!(nobody.code(), "store-denied", "{nobody}");
    assert_eq!(all(&Mongo::open(&by("right-one"), "actor").unwrap()), entries(1, 3));
}

#[test]
fn a_connection_string_that_cannot_be_used_is_not_quoted() {
    for (address, says) in [
        ("mongodb+srv://me:s3cret@cluster.example/", "mongodb+srv"),
        ("postgres://me:s3cret@host/", "begins otherwise than mongodb://"),
        ("mongodb://me:s3cret@@host/", "percent-encoded"),
        ("mongodb://me:s3cret@host:port/", "percent-encoded"),
        ("\n", "is empty"),
    ] {
        let error = MongoServer::connect(&address.into(), None).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(error.code() == "store-address" && text.contains(says) && !text.contains("s3cret"), "{address}: {text}");
    }
}
