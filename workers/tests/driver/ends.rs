//! How tasks end: by themselves, by request, by the lease, and with everything that they started.

use std::time::{Duration, Instant};

use engine::What;
use model::{Bytes, Millis};
use workers::drivers::Runner as _;
use workers::run::{Stream, Why};

use crate::eyes::{eventually, lives, nap, of_root, processes};
use crate::node::{Node, Wish};

#[test]
fn exit_codes_and_signals_are_reported() {
    let mut node = Node::new();
    for (number, script, code) in [(1, "exit 0", 0), (2, "exit 3", 3), (3, "kill -KILL $$", 137), (4, "kill -SEGV $$", 139)] {
        let run = node.running(number, script);
        node.expect(run, What::Exited(code));
        let record = node.folder(run).exit().unwrap().unwrap();
        assert_eq!((record.code, record.signal), if code < 128 { (Some(code), None) } else { (None, Some(code - 128)) });
        assert_eq!(record.why, Why::Exited);
    }
}

#[test]
fn a_stop_is_a_request_first() {
    let mut node = Node::new();
    let run = node.running(1, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    node.hear(run, "up");
    node.stop(run);
    node.expect(run, What::Stopped);
    assert_eq!(node.output(run), "up\nbye\n");
    let record = node.folder(run).exit().unwrap().unwrap();
    assert_eq!((record.why, record.code), (Why::Stopped, Some(0)));
}

#[test]
fn who_ignores_the_request_is_killed_after_the_grace() {
    let mut node = Node::new();
    let script = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    let run = node.start(1, &["/bin/sh", "-c", script], Wish { grace: Millis(300), ..Wish::default() });
    node.expect(run, What::Started);
    node.hear(run, "up");
    let asked = Instant::now();
    node.stop(run);
    node.expect(run, What::Stopped);
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(10), "{took:?}");
    assert_eq!(node.folder(run).exit().unwrap().unwrap().signal, Some(9));
}

#[test]
fn a_kill_waits_for_no_grace() {
    let mut node = Node::new();
    let runs = [1, 2].map(|number| node.running(number, "trap '' TERM; echo up; while :; do sleep 0.05; done"));
    runs.iter().for_each(|&run| node.hear(run, "up"));
    node.stop(runs[0]);
    node.driver.kill_all();
    let mut ended = [node.next(), node.next()];
    ended.sort_by_key(|(run, _)| *run);
    assert_eq!(ended, runs.map(|run| (run, What::Stopped)));
}

#[test]
fn a_stop_right_behind_a_start_is_heard() {
    let mut node = Node::new();
    for number in 0..20 {
        let run = node.shell(number, "sleep 1000");
        node.stop(run);
        match node.next() {
            (_, What::Started) => node.expect(run, What::Stopped),
            next => assert_eq!(next, (run, What::Stopped)),
        }
    }
    assert_eq!(of_root(node.root.path()), [0; 0]);
}

#[test]
fn a_stop_of_what_has_ended_is_answered() {
    let mut node = Node::new();
    let run = node.running(1, "exit 3");
    node.expect(run, What::Exited(3));
    node.stop(run);
    node.expect(run, What::Stopped);
}

#[test]
fn whoever_the_task_leaves_behind_goes_with_it() {
    let mut node = Node::new();
    // In its group, in a session of its own, twice removed, and without the environment by which it could be known.
    let nap = nap();
    let script = format!("{nap}1 & setsid {nap}2 & (setsid sh -c 'setsid env -i {nap}3 & {nap}4' &) ; sleep 0.3; echo up");
    let run = node.running(1, &script);
    node.expect(run, What::Exited(0));
    assert_eq!(node.output(run), "up\n");
    assert_eq!(processes(&nap), [0; 0]);
}

#[test]
fn orphans_of_a_running_task_are_reaped() {
    let mut node = Node::new();
    let run = node.running(1, "(sleep 0.01 &); sleep 0.5; (sleep 0.01 &); echo up; sleep 1000");
    node.hear(run, "up");
    node.stop(run);
    node.expect(run, What::Stopped);
    assert_eq!(of_root(node.root.path()), [0; 0]);
}

#[test]
fn output_is_kept_to_its_cap() {
    let mut node = Node::with(|settings| settings.output_cap = Bytes(100_000));
    let run = node.running(1, "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done; echo problem >&2");
    node.expect(run, What::Exited(0));
    let all = node.output(run);
    assert!(all.len() <= 100_000 && all.len() >= 50_000, "{}", all.len());
    assert!(all.ends_with("line 39998\nline 39999\n"));
    assert_eq!(node.stream(run, Stream::Err), "problem\n");
    // 10 lines of 7 bytes, 90 of 8, 900 of 9, 9,000 of 10 and 30,000 of 11.
    let part = node.driver.runs().log(run, Stream::Out, 428_890 - 11, 1 << 20).unwrap().unwrap();
    assert_eq!((part.offset, &part.bytes[..], part.more), (428_879, &b"line 39999\n"[..], false));
    assert_eq!(node.folder(run).exit().unwrap().unwrap().output_lost, 0);
}

#[test]
fn a_task_that_closes_its_output_runs_on() {
    let mut node = Node::new();
    let run = node.running(1, "exec >/dev/null 2>&1; sleep 0.3; exit 4");
    node.expect(run, What::Exited(4));
}

#[test]
fn the_lease_ends_a_task_though_the_worker_is_gone() {
    let mut node = Node::new();
    node.lease(Millis(3_000));
    let run = node.running(1, &format!("trap '' TERM; (setsid {}1 &); echo up; while :; do sleep 0.05; done", nap()));
    node.hear(run, "up");
    let pid = node.folder(run).running().unwrap().pid;
    let folder = node.folder(run);
    let _root = node.abandon();
    assert!(lives(pid));
    eventually("the guard kills its task", || folder.exit().unwrap().is_some());
    assert!(!lives(pid));
    assert_eq!(processes(&nap()), [0; 0]);
    assert_eq!(folder.exit().unwrap().unwrap().why, Why::Lease);
}

#[test]
fn a_renewed_lease_goes_on() {
    let mut node = Node::new();
    node.lease(Millis(500));
    let run = node.running(1, "sleep 1000");
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(150));
        node.lease(Millis(500));
    }
    assert!(node.signals.try_recv().is_err(), "it runs");
    // Nonsense in the file renews nothing.
    std::fs::write(node.root.path().join("root/lease"), "nonsense").unwrap();
    node.expect(run, What::Lost);
    assert_eq!(node.folder(run).exit().unwrap().unwrap().why, Why::Lease);
}
