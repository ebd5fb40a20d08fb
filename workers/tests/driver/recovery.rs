//! Workers and guards that die, and what is true afterwards.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use engine::What;
use engine::question::Leftover;
use model::Millis;
use workers::Error;
use workers::drivers::Runner as _;
use workers::drivers::guarded::{GuardedDriver, Settings};
use workers::run::{RunFolder, Truth, Why};

use crate::eyes::{eventually, kill, lives, nap, of_root, processes};
use crate::node::{Node, id};

#[test]
fn a_killed_guard_leaves_nobody_behind() {
    let mut node = Node::new();
    // One that could be known by its environment, and one by its session alone.
    let run = node.running(1, &format!("setsid {0}1 & env -i {0}2 & echo up; {0}3", nap()));
    node.hear(run, "up");
    eventually("all of them run", || processes(&nap()).len() >= 3);
    kill(node.guard(run));
    node.expect(run, What::Lost);
    assert_eq!(processes(&nap()), [0; 0]);
    let record = node.folder(run).exit().unwrap().unwrap();
    assert!(record.why == Why::GuardLost && record.begun);
}

#[test]
fn what_is_left_over_is_found_and_removed_and_what_runs_is_not() {
    let mut node = Node::new();
    let run = node.running(1, "echo up; sleep 1000");
    node.hear(run, "up");
    let look = |node: &Node, remove: Vec<Leftover>| node.driver.leftovers(remove)();
    assert_eq!(look(&node, Vec::new()), []);
    // A process of a run that nobody has, and a checkpoint.
    let runs = node.driver.runs().folder().to_owned();
    let mut stray = Command::new("sleep").arg("1000").env("WHARFINGER_RUN", runs.join("77-0-1-1")).spawn().unwrap();
    fs::create_dir_all(runs.parent().unwrap().join("kept/77-0")).unwrap();
    let left = [Leftover::Processes("77-0-1-1".into()), Leftover::Checkpoint(id(77).task)];
    eventually("both are found", || look(&node, Vec::new()) == left);
    // What is not left over is not removed, whoever names it.
    let named = [Leftover::Processes(run.to_string()), Leftover::Folder("runs".into()), Leftover::Folder("../..".into())];
    assert_eq!(look(&node, named.to_vec()), left);
    assert_eq!(look(&node, left.to_vec()), []);
    assert_eq!(stray.wait().unwrap().signal(), Some(9));
    node.stop(run);
    node.expect(run, What::Stopped);
}

#[test]
fn a_restarted_worker_finds_what_runs_and_what_ended() {
    let mut node = Node::new();
    let ended = node.running(1, "sleep 0.5; exit 5");
    let runs = node.running(2, "sleep 0.5; echo up; sleep 1000");
    let mut node = node.restart();
    let found: Vec<_> = node.recovered.iter().map(|found| (found.id, found.truth.clone())).collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], (runs, Truth::Running));
    let mut heard = vec![node.next(), node.next(), node.next()];
    heard.sort_by_key(|(run, _)| run.task);
    assert_eq!(heard, [(ended, What::Started), (ended, What::Exited(5)), (runs, What::Started)]);
    node.hear(runs, "up");
    // The guard, which another worker started, hears this one.
    node.stop(runs);
    node.expect(runs, What::Stopped);

    // Each end is told again until it is known where it matters, and then no more.
    let mut node = node.restart();
    let heard = [node.next(), node.next(), node.next(), node.next()];
    assert_eq!(heard, [(ended, What::Started), (ended, What::Exited(5)), (runs, What::Started), (runs, What::Stopped)]);
    node.driver.runs().acknowledge(ended).unwrap();
    node.driver.runs().acknowledge(runs).unwrap();
    let mut node = node.restart();
    assert_eq!(node.recovered.len(), 0);
    assert!(node.signals.try_recv().is_err());
    assert_eq!(node.output(runs), "up\n", "logs stay");
    node.driver.runs().prune(1).unwrap();
    assert_eq!([ended, runs].map(|run| node.folder(run).path().exists()), [false, true]);
}

#[test]
fn worker_and_guard_killed_together_leave_an_outcome_that_nobody_knows() {
    let mut node = Node::new();
    let run = node.running(1, &format!("(setsid {0}1 &); env -i {0}2 & {0}3", nap()));
    eventually("all of them run", || processes(&nap()).len() >= 3);
    let (guard, pid) = (node.guard(run), node.folder(run).running().unwrap().pid);
    // What is born after the last sign of the worker's life cannot be known by its session alone.
    std::thread::sleep(Duration::from_millis(300));
    node.lease(Millis(60_000));
    let settings = Settings { program: env!("CARGO_BIN_EXE_worker").into(), ..Settings::new(node.root.path().join("root")) };
    let root = node.abandon();
    kill(guard);
    eventually("the main process dies with its guard", || !lives(pid));
    let (driver, recovered, mut signals) = GuardedDriver::open(settings).unwrap();
    assert_eq!(processes(&nap()), [0; 0]);
    assert_eq!(of_root(root.path()), [0; 0]);
    assert!(matches!(&recovered[0].truth, Truth::Ended(record) if record.why == Why::GuardLost && record.begun));
    let heard: Vec<What> = std::iter::from_fn(|| signals.try_recv().ok()).map(|signal| signal.what).collect();
    assert_eq!(heard, [What::Started, What::Lost]);
    drop(driver);
}

/// The folder of a run whose worker died right before it could start the guard, or right after.
fn half_started(node: &mut Node, number: u32) -> RunFolder {
    let model = node.running(99, "exit 0");
    node.expect(model, What::Exited(0));
    let folder = node.folder(id(number));
    fs::create_dir(folder.path()).unwrap();
    fs::create_dir(folder.work()).unwrap();
    let text = fs::read_to_string(node.folder(model).path().join("launch.json")).unwrap();
    fs::write(folder.path().join("launch.json"), text.replace(r#""job":99"#, &format!(r#""job":{number}"#))).unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("control")).status().unwrap().success());
    node.driver.runs().acknowledge(model).unwrap();
    folder
}

#[test]
fn what_never_began_is_refused_and_a_late_guard_starts_nothing() {
    let mut node = Node::new();
    let folder = half_started(&mut node, 1);
    let mut node = node.restart();
    node.expect(id(1), What::Refused);
    let record = folder.exit().unwrap().unwrap();
    assert!(record.why == Why::GuardLost && !record.begun, "{record:?}");
    let late = Command::new(env!("CARGO_BIN_EXE_worker")).arg("guard").arg(folder.path()).output().unwrap();
    assert!(!late.status.success());
    assert!(String::from_utf8_lossy(&late.stderr).contains("never started twice"));
    assert!(!folder.path().join("begun").exists());
}

#[test]
fn after_another_boot_nothing_is_proved_by_what_is_missing() {
    let mut node = Node::new();
    let folder = half_started(&mut node, 1);
    let file = folder.path().join("launch.json");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(&file, fs::read_to_string(&file).unwrap().replace(boot.trim(), "another")).unwrap();
    let mut node = node.restart();
    node.expect(id(1), What::Lost);
}

#[test]
fn a_folder_without_an_order_is_as_if_it_had_never_been() {
    let node = Node::new();
    let folder = node.folder(id(1));
    fs::create_dir(folder.path()).unwrap();
    let half = node.folder(id(2));
    fs::create_dir(half.path()).unwrap();
    fs::write(half.path().join("launch.json"), "{\"launch\":").unwrap();
    fs::create_dir(node.driver.runs().folder().join("stranger")).unwrap();
    let mut node = node.restart();
    assert!(!folder.path().exists() && !half.path().exists());
    assert!(node.driver.runs().folder().join("stranger").exists());
    let run = node.running(1, "exit 0");
    node.expect(run, What::Exited(0));
}

#[test]
fn a_root_has_one_worker() {
    let node = Node::new();
    let second = GuardedDriver::open(Settings::new(node.root.path().join("root")));
    assert!(matches!(second, Err(Error::RootTaken { .. })));
}

#[test]
fn a_worker_that_dies_in_mid_start_neither_loses_nor_repeats_a_run() {
    // Each life of the worker ends at another moment of a start.
    for delay in [0, 1, 2, 3, 4, 6, 8, 12, 20] {
        let mut node = Node::new();
        let run = node.shell(1, "echo once; sleep 1000");
        std::thread::sleep(Duration::from_millis(delay));
        let mut node = node.restart();
        if node.recovered.is_empty() {
            // It was not even written: the order comes again.
            node.shell(1, "echo once; sleep 1000");
        }
        match node.next() {
            (_, What::Started) => {
                node.hear(run, "once");
                node.stop(run);
                node.expect(run, What::Stopped);
                assert_eq!(node.output(run), "once\n");
            }
            next => assert_eq!(next, (run, What::Refused)),
        }
        assert_eq!(of_root(node.root.path()), [0; 0], "after {delay} ms");
    }
}
