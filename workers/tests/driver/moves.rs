//! Containers that move from one real Docker to another, with what they have in memory and in their files.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::question::Leftover;
use engine::{Command, Driver as _, What};
use link::identity::{Authority, Identity, PeerName, Role};
use model::{Bytes, Image, Kept, Millis, NodeId, Run, Volume};
use tar::EntryType;
use tokio::sync::mpsc::error::TryRecvError;
use workers::drivers::Runner as _;
use workers::image::{List, Server, Source};
use workers::run::{DockerEngine, Engine, RunId};

use crate::archive::archive;
use crate::docker::Docker;
use crate::eyes::{PATIENCE, eventually};
use crate::node::{Node, Wish, order};

/// Two nodes that trust each other, each over a Docker of its own.
pub struct Pair {
    pub nodes: [Node; 2],
    pub dockers: [Docker; 2],
    /// What each container may have.
    pub memory: Bytes,
    _authority: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

fn folder(node: &Node) -> PathBuf {
    node.root.path().join("root")
}

impl Pair {
    pub fn find(numbers: [usize; 2]) -> Option<Self> {
        Self::with_quotas(numbers, [None; 2])
    }

    /// The same where images may take so much of the nodes.
    fn with_quotas(numbers: [usize; 2], quotas: [Option<Bytes>; 2]) -> Option<Self> {
        let dockers = [Docker::find(numbers[0])?, Docker::find(numbers[1])?];
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::open(&place.path().join("authority")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        // It stands for what an operator mounts on every host.
        let shared = place.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        let engine =
            |at: usize| Engine::Docker(DockerEngine { shared: Some(shared.clone()), image_quota: quotas[at], ..dockers[at].engine() });
        let mut nodes = [0, 1].map(|at| Node::with(|settings| settings.engine = engine(at)));
        let names = ["one", "two"].map(|name| PeerName::new(Role::Worker, name).unwrap());
        let sources: Vec<Source> = (0..2)
            .map(|index| {
                let root = folder(&nodes[index]);
                let identity =
                    Identity::issued_by(&authority, &names[index], Duration::from_secs(3600), Some(&root.join("identity"))).unwrap();
                let bound = runtime.block_on(Server::start("127.0.0.1:0", &identity, root.join("runs"))).unwrap();
                Source::There { worker: names[index].name().parse().unwrap(), address: bound.to_string() }
            })
            .collect();
        for node in &mut nodes {
            (0..).map(NodeId).zip(&sources).for_each(|(id, source)| node.driver.meet(id, source.clone()));
        }
        Some(Self { nodes, dockers, memory: Bytes(64 << 20), _authority: place, _runtime: runtime })
    }

    pub fn wish(&self) -> Wish {
        Wish { image: self.dockers[0].image.clone(), memory: self.memory, ..Wish::default() }
    }

    /// Checkpoints a run.
    pub fn checkpoint(&mut self, at: usize, run: RunId) -> Image {
        self.stand_still(at, run, false)
    }

    fn stand_still(&mut self, at: usize, run: RunId, keep: bool) -> Image {
        let mut signals = Vec::new();
        self.nodes[at].driver.command(Millis(0), run.task, run.run, Command::Checkpoint { keep }, &mut signals);
        assert_eq!(signals, []);
        match self.nodes[at].next() {
            (ended, What::Checkpointed(image)) if ended == run => *image,
            other => panic!("{other:?} {}", self.nodes[at].log(run)),
        }
    }

    /// Asks for the checkpoint of a counter that cannot be made: it goes on where it is.
    fn stays(&mut self, at: usize, run: RunId, keep: bool) {
        let node = &mut self.nodes[at];
        eventually("it counts", || numbers(&node.output(run)).len() > 3);
        node.driver.command(Millis(0), run.task, run.run, Command::Checkpoint { keep }, &mut Vec::new());
        node.expect(run, What::CheckpointRefused);
        let before = numbers(&node.output(run)).len();
        eventually("it counts on", || numbers(&node.output(run)).len() > before + 3);
        let counted = numbers(&node.output(run));
        assert!(counted.windows(2).all(|pair| pair[1] == pair[0] + 1), "{counted:?}");
    }

    /// Lets it go on, as the next placement.
    pub fn restore(&mut self, at: usize, script: &str, run: RunId, image: Image, source: Option<u32>) -> RunId {
        let next = RunId { run: Run { placement: run.run.placement + 1, ..run.run }, ..run };
        let start = order(&["sh", "-c", script], Wish { cpuset: "1".parse().unwrap(), ..self.wish() });
        let command = Command::Restore { start: &start, image, source: source.map(NodeId) };
        let mut signals = Vec::new();
        self.nodes[at].driver.command(Millis(0), next.task, next.run, command, &mut signals);
        assert_eq!(signals, []);
        next
    }
}

/// Counts in memory, and keeps a note in a file, and one with a hole before its end.
const COUNT: &str =
    "echo noted > /note; dd if=/note of=/hole bs=1M seek=2 2>&-; rm /bin/ls; i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done";

fn numbers(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[test]
fn a_counter_goes_on_without_a_gap_wherever_it_is_moved() {
    let Some(mut pair) = Pair::find([0, 1]) else { return };
    let wish = pair.wish();
    let mut run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    let (mut at, mut seen) = (0, 0);
    for turn in 1..=4 {
        eventually("it counts on", || numbers(&pair.nodes[at].output(run)).last().is_some_and(|&last| last > seen + 3));
        let began = Instant::now();
        let image = pair.checkpoint(at, run);
        let before = numbers(&pair.nodes[at].output(run));
        assert_eq!(pair.dockers[at].containers(&folder(&pair.nodes[at])), [""; 0], "never two");
        let to = 1 - at;
        let next = pair.restore(to, COUNT, run, image, Some(at as u32));
        pair.nodes[to].expect(next, What::Started);
        eprintln!("turn {turn}: moved in {:?}", began.elapsed());
        eventually("it counts there", || !numbers(&pair.nodes[to].output(next)).is_empty());
        let after = numbers(&pair.nodes[to].output(next));
        assert_eq!(after[0], before[before.len() - 1] + 1, "turn {turn}");
        let [id] = &pair.dockers[to].containers(&folder(&pair.nodes[to]))[..] else { panic!("one container") };
        assert_eq!(pair.dockers[to].cgroup(id, "cpuset", "cpuset.cpus"), "1");
        assert_eq!(pair.dockers[to].say(&["exec", id, "cat", "/note"]), "noted", "files travel too");
        let hole = pair.dockers[to].say(&["exec", id, "sh", "-c", "busybox tail -c 6 /hole; busybox wc -c < /hole"]);
        assert_eq!(hole, format!("noted\n{}", (2 << 20) + 6));
        assert_eq!(pair.dockers[to].say(&["exec", id, "sh", "-c", "[ -e /bin/ls ] || echo gone"]), "gone", "and so does what was deleted");
        (at, run, seen) = (to, next, after[0]);
    }
    pair.nodes[at].stop(run);
    pair.nodes[at].expect(run, What::Stopped);
    assert!(pair.nodes.iter().zip(&pair.dockers).all(|(node, docker)| docker.containers(&folder(node)).is_empty()));
}

#[test]
fn what_would_lose_a_volume_of_its_image_stays_and_runs_on() {
    let Some(mut pair) = Pair::find([0, 1]) else { return };
    let (docker, image) = (&pair.dockers[0], "wharfinger/with-volume:1");
    let plain = docker.say(&["create", &docker.image, "true"]);
    docker.say(&["commit", "--change", "VOLUME /kept", &plain, image]);
    docker.say(&["rm", &plain]);
    let wish = Wish { image: image.into(), ..pair.wish() };
    let run = pair.nodes[0].start(1, &["sh", "-c", "echo noted > /kept/note; sleep 100"], wish);
    pair.nodes[0].expect(run, What::Started);
    let [id] = &pair.dockers[0].containers(&folder(&pair.nodes[0]))[..] else { panic!("one container") };
    let note = || pair.dockers[0].say(&["exec", id, "sh", "-c", "cat /kept/note 2>&- || true"]);
    eventually("it has noted", || note() == "noted");
    pair.nodes[0].driver.command(Millis(0), run.task, run.run, Command::Checkpoint { keep: false }, &mut Vec::new());
    pair.nodes[0].expect(run, What::CheckpointRefused);
    assert!(pair.nodes[0].log(run).contains("a volume at /kept"), "{}", pair.nodes[0].log(run));
    assert_eq!(note(), "noted");
    pair.nodes[0].stop(run);
    pair.nodes[0].expect(run, What::Stopped);
    pair.dockers[0].say(&["rmi", image]);
}

#[test]
fn a_checkpoint_that_cannot_be_kept_lets_it_go_on_where_it_was() {
    let Some(mut pair) = Pair::find([0, 1]) else { return };
    let wish = pair.wish();
    let mut run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    // One that was started, and one that was restored.
    for at in [0, 1] {
        let archive = pair.nodes[at].folder(run).path().join("image/files.tar");
        std::fs::create_dir_all(&archive).unwrap();
        pair.stays(at, run, false);
        assert!(!archive.exists(), "nothing is left of it");
        if at == 0 {
            let image = pair.checkpoint(0, run);
            run = pair.restore(1, COUNT, run, image, Some(0));
            pair.nodes[1].expect(run, What::Started);
        }
    }
    pair.nodes[1].stop(run);
    pair.nodes[1].expect(run, What::Stopped);
    pair.dockers.iter().for_each(Docker::forget_copies);
}

#[test]
fn a_checkpoint_that_is_asked_for_again_and_again_is_made_once() {
    let Some(mut pair) = Pair::find([0, 1]) else { return };
    let wish = pair.wish();
    let run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    let began = Instant::now();
    // As workers that are started anew do, before Docker has noticed that it is done.
    let said = loop {
        pair.nodes[0].driver.command(Millis(0), run.task, run.run, Command::Checkpoint { keep: false }, &mut Vec::new());
        match pair.nodes[0].signals.try_recv() {
            Ok(signal) => break signal.what,
            Err(TryRecvError::Empty) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("{error} {}", pair.nodes[0].log(run)),
        }
    };
    let What::Checkpointed(image) = said else { panic!("{said:?} {}", pair.nodes[0].log(run)) };
    let next = pair.restore(1, COUNT, run, *image, Some(0));
    pair.nodes[1].expect(next, What::Started);
    pair.nodes[1].stop(next);
    pair.nodes[1].expect(next, What::Stopped);
}

#[test]
fn what_is_kept_is_gone_on_from_by_later_attempts_here_and_elsewhere() {
    let Some(mut pair) = Pair::find([0, 1]) else { return };
    let wish = pair.wish();
    let mut run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    let mut image = None;
    let mut until = 0;
    // A second checkpoint takes the place of the first.
    for turn in 0..2 {
        eventually("it counts", || numbers(&pair.nodes[0].output(run)).len() > 3);
        let made = pair.stand_still(0, run, true);
        until = *numbers(&pair.nodes[0].output(run)).last().unwrap();
        run = pair.restore(0, COUNT, run, made, None);
        pair.nodes[0].expect(run, What::Started);
        let kept: Vec<_> =
            std::fs::read_dir(folder(&pair.nodes[0]).join("kept")).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(kept, [format!("{}-0", run.task.job.0).as_str()], "turn {turn}");
        image = Some(made);
    }
    pair.nodes[0].stop(run);
    pair.nodes[0].expect(run, What::Stopped);
    let image = image.unwrap();
    for (at, attempt) in [(0, 2), (1, 3)] {
        let later = RunId { run: Run { attempt, placement: 10 }, ..run };
        let mut start = order(&["sh", "-c", COUNT], Wish { cpuset: "1".parse().unwrap(), ..pair.wish() });
        start.resume = Some(Box::new(Kept { node: NodeId(0), image }));
        let command = Command::Restore { start: &start, image, source: (at == 1).then_some(NodeId(0)) };
        pair.nodes[at].driver.command(Millis(0), later.task, later.run, command, &mut Vec::new());
        pair.nodes[at].expect(later, What::Started);
        eventually("it counts on", || !numbers(&pair.nodes[at].output(later)).is_empty());
        assert_eq!(numbers(&pair.nodes[at].output(later))[0], until + 1, "attempt {attempt}");
        pair.nodes[at].stop(later);
        pair.nodes[at].expect(later, What::Stopped);
    }
}

/// Counts in its own shared folder, and says what lies in that of the job.
const SHARE: &str = "echo $WHARFINGER_TASK >> /all/seen; i=0; while :; do i=$((i+1)); echo $i >> /own/count; echo $i; sleep 0.05; done";

#[test]
fn shared_volumes_are_the_same_wherever_a_task_goes_and_go_when_they_are_left_over() {
    let Some(mut pair) = Pair::find([1, 2]) else { return };
    let volume = |source: &str, target: &str| Volume { source: source.into(), target: target.into(), read_only: false };
    let volumes = vec![volume(Volume::OF_JOB, "/all"), volume(Volume::OF_TASK, "/own")];
    let wish = Wish { volumes, ..pair.wish() };
    let run = pair.nodes[0].start(1, &["sh", "-c", SHARE], wish.clone());
    pair.nodes[0].expect(run, What::Started);
    eventually("it counts", || numbers(&pair.nodes[0].output(run)).len() > 3);
    let image = pair.checkpoint(0, run);
    let next = RunId { run: Run { placement: 2, ..run.run }, ..run };
    let start = order(&["sh", "-c", SHARE], wish);
    let command = Command::Restore { start: &start, image, source: Some(NodeId(0)) };
    pair.nodes[1].driver.command(Millis(0), next.task, next.run, command, &mut Vec::new());
    pair.nodes[1].expect(next, What::Started);
    let [id] = &pair.dockers[1].containers(&folder(&pair.nodes[1]))[..] else { panic!("one container") };
    let read = |file: &str| pair.dockers[1].say(&["exec", id, "cat", file]);
    eventually("it counts on there", || numbers(&pair.nodes[1].output(next)).len() > 3);
    let counted = numbers(&read("/own/count"));
    assert!(counted.iter().copied().eq(1..=counted.len() as u64) && counted.len() > 6, "{counted:?}");
    assert_eq!(read("/all/seen"), run.task.instance.to_string());
    pair.nodes[1].stop(next);
    pair.nodes[1].expect(next, What::Stopped);
    let left = vec![Leftover::Shared(run.task.job)];
    for node in &pair.nodes {
        assert_eq!(node.driver.leftovers(Vec::new())(), left, "whether the job is still known others say");
    }
    assert_eq!(pair.nodes[0].driver.leftovers(left)(), []);
    assert_eq!(pair.nodes[1].driver.leftovers(Vec::new())(), []);
}

#[test]
fn an_archive_that_leads_out_is_refused_and_nothing_is_written_there() {
    let Some(mut pair) = Pair::find([1, 2]) else { return };
    let wish = pair.wish();
    let mut run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    let image = pair.checkpoint(0, run);
    let kept = pair.nodes[0].folder(run).path().join("image");
    let honest = std::fs::read(kept.join("files.tar")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let there = outside.path().to_str().unwrap();
    let up = format!("{}{there}/out", "../".repeat(20));
    for entries in [
        &[(&up[..], EntryType::Regular, "")][..],
        &[(&format!("{there}/out"), EntryType::Regular, "")],
        &[("link", EntryType::Symlink, there), ("link/out", EntryType::Regular, "")],
        &[("out", EntryType::Link, "/etc/passwd")],
        &[("out", EntryType::Fifo, "")],
    ] {
        // Its list is right, so that nothing but the archive itself can be refused.
        std::fs::write(kept.join("files.tar"), archive(entries)).unwrap();
        let size = List::make(&kept, None).unwrap().size();
        run = pair.restore(1, COUNT, run, Image { size, ..image }, Some(0));
        pair.nodes[1].expect(run, What::Refused);
        assert!(pair.nodes[1].log(run).contains("refused"), "{entries:?}: {}", pair.nodes[1].log(run));
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0, "{entries:?}");
        assert!(pair.dockers[1].containers(&folder(&pair.nodes[1])).is_empty(), "{entries:?}");
    }
    std::fs::write(kept.join("files.tar"), honest).unwrap();
    List::make(&kept, None).unwrap();
    let again = pair.restore(0, COUNT, run, image, None);
    pair.nodes[0].expect(again, What::Started);
    pair.nodes[0].stop(again);
    pair.nodes[0].expect(again, What::Stopped);
}

#[test]
fn an_image_for_which_there_is_no_room_stays_where_it_is() {
    let Some(mut pair) = Pair::with_quotas([0, 2], [None, Some(Bytes(10_000))]) else { return };
    let wish = pair.wish();
    let run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    eventually("it counts", || numbers(&pair.nodes[0].output(run)).len() > 3);
    let image = pair.checkpoint(0, run);
    let refused = pair.restore(1, COUNT, run, image, Some(0));
    pair.nodes[1].expect(refused, What::Refused);
    assert!(pair.nodes[1].log(refused).contains("--image-quota"), "{}", pair.nodes[1].log(refused));
    let again = pair.restore(0, COUNT, RunId { run: Run { placement: 4, ..run.run }, ..run }, image, None);
    pair.nodes[0].expect(again, What::Started);
    pair.nodes[0].stop(again);
    pair.nodes[0].expect(again, What::Stopped);

    // There it cannot be kept either: that is known when it is made, or before where others have filled the room.
    let wish = pair.wish();
    let other = pair.nodes[1].start(2, &["sh", "-c", COUNT], wish);
    pair.nodes[1].expect(other, What::Started);
    pair.stays(1, other, true);
    let said = |pair: &Pair| pair.nodes[1].log(other).matches("--image-quota").count();
    assert_eq!(said(&pair), 1, "{}", pair.nodes[1].log(other));
    let kept = folder(&pair.nodes[1]).join("kept/9-0");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("files.tar"), vec![0; 10_000]).unwrap();
    pair.stays(1, other, true);
    assert_eq!(said(&pair), 2, "{}", pair.nodes[1].log(other));
    // It may leave all the same.
    let image = pair.checkpoint(1, other);
    let moved = pair.restore(0, COUNT, other, image, Some(1));
    pair.nodes[0].expect(moved, What::Started);
    pair.nodes[0].stop(moved);
    pair.nodes[0].expect(moved, What::Stopped);
    pair.dockers.iter().for_each(Docker::forget_copies);
}

#[test]
fn a_move_that_comes_to_nothing_ends_where_it_began() {
    let Some(mut pair) = Pair::find([1, 2]) else { return };
    let wish = pair.wish();
    let run = pair.nodes[0].start(1, &["sh", "-c", COUNT], wish);
    pair.nodes[0].expect(run, What::Started);
    eventually("it counts", || numbers(&pair.nodes[0].output(run)).len() > 3);
    let image = pair.checkpoint(0, run);
    let before = numbers(&pair.nodes[0].output(run));
    // An image that was damaged where it lies is refused by whoever gets it.
    let kept = pair.nodes[0].folder(run).path().join("image");
    let pages = std::fs::read_dir(kept.join("criu"))
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("pages"))
        .unwrap()
        .path();
    let whole = std::fs::read(&pages).unwrap();
    let mut damaged = whole.clone();
    damaged[0] ^= 1;
    for (what, content) in [("corrupted", &damaged[..]), ("truncated", &whole[..whole.len() - 1])] {
        std::fs::write(&pages, content).unwrap();
        let refused = pair.restore(
            1,
            COUNT,
            RunId { run: Run { placement: run.run.placement + u16::from(what == "truncated"), ..run.run }, ..run },
            image,
            Some(0),
        );
        pair.nodes[1].expect(refused, What::Refused);
        assert!(pair.dockers[1].containers(&folder(&pair.nodes[1])).is_empty(), "{what}");
    }
    std::fs::write(&pages, &whole).unwrap();
    let again = pair.restore(0, COUNT, RunId { run: Run { placement: 4, ..run.run }, ..run }, image, None);
    pair.nodes[0].expect(again, What::Started);
    eventually("it counts on", || !numbers(&pair.nodes[0].output(again)).is_empty());
    assert_eq!(numbers(&pair.nodes[0].output(again))[0], before[before.len() - 1] + 1);
    assert!(!kept.exists(), "an image that nobody needs any more goes");
}
