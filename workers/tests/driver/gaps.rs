//! How long a container stands still when it moves, by what it says itself, beside what Docker alone takes on the same machine at the same time.

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::What;
use model::{Bytes, Millis};

use crate::docker::Docker;
use crate::eyes::eventually;
use crate::moves::Pair;

/// Moves of each kind; the middle one counts.
const MOVES: usize = 3;

/// Holds so many bytes that nobody can compress away, and says what time it is again and again: by the calendar, for
/// the clocks that count from the boot stand still with a container that CRIU restores.
fn script(megabytes: u64) -> String {
    let bytes = megabytes << 20;
    format!(
        "(dd if=/dev/urandom bs=1M count={megabytes} 2>/dev/null; sleep 100000) | \
         busybox tail -c {bytes} & while :; do echo | busybox ts %.s; sleep 0.02; done"
    )
}

/// When it said so, in milliseconds.
fn clock(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| Some((line.trim().parse::<f64>().ok()? * 1000.0) as u64)).collect()
}

fn gap(before: &str, after: &str) -> u64 {
    clock(after)[0] - clock(before).last().unwrap()
}

/// The gaps of moves by Docker alone, ms.
fn by_docker(dockers: &[Docker; 2], script: &str, megabytes: u64) -> Vec<u64> {
    let run = |docker: &Docker, verb: &[&str]| docker.say(&[verb, &["--name", "own", &docker.image, "sh", "-c", script]].concat());
    let mut gaps = Vec::new();
    for turn in 0..MOVES {
        let [from, to] = [&dockers[turn % 2], &dockers[1 - turn % 2]];
        let ids = [run(from, &["run", "--detach"]), run(to, &["create"])];
        let home = |docker: &Docker, id: &str| Path::new(docker.text("data")).join("containers").join(id).join("checkpoints");
        eventually("it is filled", || from.megabytes(&ids[0]) >= megabytes && clock(&from.say(&["logs", "own"])).len() > 20);
        from.say(&["checkpoint", "create", "own", "one"]);
        let made = home(from, &ids[0]);
        let there: PathBuf = home(to, &ids[1]);
        let copied = Command::new("cp").arg("-r").args([made.join("one"), there]).status().unwrap();
        assert!(copied.success());
        to.say(&["start", "--checkpoint", "one", "own"]);
        eventually("it goes on", || !clock(&to.say(&["logs", "own"])).is_empty());
        gaps.push(gap(&from.say(&["logs", "own"]), &to.say(&["logs", "own"])));
        dockers.iter().for_each(|docker| drop(docker.say(&["rm", "--force", "own"])));
    }
    dockers.iter().for_each(Docker::forget_copies);
    gaps
}

/// The same by the driver.
fn by_us(pair: &mut Pair, script: &str, megabytes: u64) -> Vec<u64> {
    let wish = pair.wish();
    pair.nodes.iter().for_each(|node| node.lease(Millis(120_000)));
    let mut run = pair.nodes[0].start(megabytes as u32, &["sh", "-c", script], wish);
    pair.nodes[0].expect(run, What::Started);
    let root = pair.nodes[0].root.path().join("root");
    let [id] = &pair.dockers[0].containers(&root)[..] else { panic!("one container") };
    eventually("it is filled", || pair.dockers[0].megabytes(id) >= megabytes);
    let mut gaps = Vec::new();
    for turn in 0..MOVES {
        let (at, to) = (turn % 2, 1 - turn % 2);
        eventually("it goes on", || clock(&pair.nodes[at].output(run)).len() > 20);
        let image = pair.checkpoint(at, run);
        let next = pair.restore(to, script, run, image, Some(at as u32));
        pair.nodes[to].expect(next, What::Started);
        eventually("it goes on there", || !clock(&pair.nodes[to].output(next)).is_empty());
        gaps.push(gap(&pair.nodes[at].output(run), &pair.nodes[to].output(next)));
        run = next;
    }
    let at = MOVES % 2;
    pair.nodes[at].stop(run);
    pair.nodes[at].expect(run, What::Stopped);
    gaps
}

#[test]
fn a_move_stands_still_for_less_than_one_by_docker() {
    let Some(mut pair) = Pair::find([0, 2]) else { return };
    pair.memory = Bytes(600 << 20);
    let quick = pair.dockers[0].say(&["info", "--format", "{{json .Runtimes}}"]).contains("\"wharfinger\"");
    for megabytes in [4, 256] {
        let script = script(megabytes);
        let [mut theirs, mut ours] = [by_docker(&pair.dockers, &script, megabytes), by_us(&mut pair, &script, megabytes)];
        theirs.sort_unstable();
        ours.sort_unstable();
        let [their, our] = [&theirs, &ours].map(|gaps| gaps[MOVES / 2]);
        eprintln!("{megabytes} MB: Docker {theirs:?} ms, here {ours:?} ms, our runtime: {quick}");
        // Small ones cost what starting costs, whoever does it.
        assert!(megabytes < 100 || our < their / if quick { 3 } else { 1 }, "{megabytes} MB: {our} ms, by Docker {their} ms");
    }
}
