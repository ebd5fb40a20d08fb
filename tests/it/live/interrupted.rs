//! Moves of containers with each program killed in the middle: at every step, one copy goes on and nothing is left over.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::fleet::{Fleet, NODES};
use super::moves::other_than;
use super::site::{eventually, eventually_well};

/// The steps of a move; at the last the source may have yet to let go.
const STEPS: [&str; 4] = ["preparing", "checkpointing", "restoring", "moved"];
/// How often a step may be over before it is caught.
const TRIES: u64 = 30;

impl Fleet {
    /// A job of one counter that runs, on a network of its own; its id.
    fn connected_counter(&self, name: &str) -> String {
        self.counter_of(&json!({ "name": name, "network": {} }))
    }

    /// Waits until a job has settled as one copy, where its record says, that alone holds a core and memory; its record.
    fn one_copy(&self, job: &str, what: &str) -> Value {
        let (mut record, mut looks) = (Value::Null, 0);
        eventually_well(|| {
            let before = std::mem::replace(&mut record, self.site.job(job)["tasks"]["work"].clone());
            let found = self.containers(job, "work");
            let good = record["state"] == "running"
                && found.len() == 1
                && record["node"] == found[0].0.text("name")
                && self.held() == (1, 16 << 20);
            // What was killed last may not be known yet.
            looks = if good && before == record { looks + 1 } else { 0 };
            let copies = || found.iter().map(|(docker, id)| format!("{} {id}", docker.text("name"))).collect::<Vec<_>>();
            if looks > 10 { Ok(()) } else { Err(format!("{what}: one copy, but {:?}: {record:#}", copies())) }
        });
        record
    }

    /// How far the move of a job is.
    fn step(&self, job: &str, to: &str) -> Option<usize> {
        let moved = self.site.job(job)["tasks"]["work"]["move"].clone();
        STEPS.iter().position(|step| moved["to"] == to && moved["phase"] == *step)
    }

    /// Moves a job to wherever, as often as it takes for a move to be in this step at a moment of chance; from where, and to where.
    fn caught(&self, job: &str, step: &str, random: &mut Pcg64Mcg) -> (usize, usize) {
        let step = STEPS.iter().position(|known| *known == step);
        for tries in 1..=TRIES {
            let from = self.node_of(job);
            let to = **NODES.iter().filter(other_than(&from)).collect::<Vec<_>>().choose(random).unwrap();
            assert_eq!(self.migrate(&[(job, to)]).0, 202);
            eventually_well(|| {
                let now = self.step(job, to);
                if now >= step { Ok(()) } else { Err(format!("{step:?}: {now:?}")) }
            });
            sleep(Duration::from_millis(random.random_range(0..200) / tries));
            if self.step(job, to) == step {
                return (self.number(&from), self.number(to));
            }
            self.settles(job, to);
        }
        panic!("no move was caught at step {step:?}");
    }

    /// It counts on, and never back. What a Docker had of its output when it died is lost.
    fn never_counts_back(&self, job: &str, attempt: u64) {
        let before = self.counted(job, attempt).len();
        eventually("it counts on", || self.counted(job, attempt).len() > before + 2);
        let numbers = self.counted(job, attempt);
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
    }

    /// The cores and the bytes of memory that are held.
    fn held(&self) -> (u64, u64) {
        let nodes = self.site.get("/v1/nodes").unwrap();
        let sum = |what: &str| nodes["nodes"].as_array().unwrap().iter().map(|node| node["allocated"][what].as_u64().unwrap()).sum();
        (sum("cores"), sum("memory_bytes"))
    }

    /// The guard of a run, while it lives.
    fn guard(&self, job: &str, attempt: u64, node: usize) -> Option<Pid> {
        let runs = self.runs(job, attempt);
        let (_, folder) = runs.values().rev().find(|(number, _)| *number == node)?;
        if folder.join("exit.json").exists() {
            return None;
        }
        Pid::from_raw(fs::read_to_string(folder.join("lock")).ok()?.trim().parse().ok()?)
    }
}

/// The seed, by WHARFINGER_SEED or 1, and what is drawn from it.
fn seeded() -> (u64, Pcg64Mcg) {
    let seed = std::env::var("WHARFINGER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    (seed, Pcg64Mcg::seed_from_u64(seed))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Management,
    Source,
    Target,
    /// The guard of the container, where there is one in this step: that of the source until its checkpoint is made, then that of the target.
    Guard,
}

#[test]
fn whatever_is_killed_in_a_move_one_copy_goes_on() {
    use Victim::{Guard, Management, Source, Target};
    let Some(mut fleet) = Fleet::launch() else { return };
    let job = fleet.connected_counter("killed");
    let (seed, mut random) = seeded();
    let mut attempt = 1;
    for (step, victim) in STEPS.iter().flat_map(|step| [Management, Source, Target, Guard].map(|victim| (*step, victim))) {
        fleet.is_one_of_its_record(&job, attempt);
        let (from, to) = fleet.caught(&job, step, &mut random);
        match victim {
            Management => fleet.management.take().unwrap().kill(),
            Source => fleet.workers[from].take().unwrap().kill(),
            Target => fleet.workers[to].take().unwrap().kill(),
            Guard => {
                let at = if matches!(step, "preparing" | "checkpointing") { from } else { to };
                let mut guard = None;
                eventually("there is a guard", || {
                    guard = fleet.guard(&job, attempt, at);
                    guard.is_some()
                });
                kill_process(guard.unwrap(), Signal::KILL).unwrap();
            }
        }
        let what = format!("seed {seed}: {victim:?} while {step}");
        sleep(Duration::from_millis(random.random_range(0..700)));
        match victim {
            Management => fleet.management = Some(fleet.site.launch()),
            Source => fleet.start_worker(from),
            Target => fleet.start_worker(to),
            Guard => {}
        }
        for node in NODES {
            fleet.site.node(node, "ready");
        }
        let record = fleet.one_copy(&job, &what);
        let now = record["attempt"].as_u64().unwrap();
        eprintln!("{what}: attempt {now}, {}", record["move"]);
        // Only with a guard may what is in memory be lost; then it begins anew.
        assert!(now == attempt || victim == Guard, "{what}: {record:#}\n{}", fleet.site.logged("management"));
        attempt = now;
        fleet.has_nothing_beside(1);
    }
    fleet.is_one_of_its_record(&job, attempt);
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn a_docker_that_dies_in_a_move_leaves_one_copy() {
    let Some(fleet) = Fleet::launch() else { return };
    let job = fleet.connected_counter("died");
    let (seed, mut random) = seeded();
    let mut attempt = 1;
    for (step, of_target) in STEPS.iter().flat_map(|step| [(*step, false), (*step, true)]) {
        fleet.is_where_its_record_says(&job, attempt);
        fleet.never_counts_back(&job, attempt);
        let (from, to) = fleet.caught(&job, step, &mut random);
        let docker = &fleet.swarm.dockers[if of_target { to } else { from }];
        // Dead for a while, so that what is asked of it meanwhile fails.
        fs::write(docker.text("hold"), "").unwrap();
        docker.crash();
        sleep(Duration::from_secs(2));
        fs::remove_file(docker.text("hold")).unwrap();
        eventually("it is back", || !docker.say(&["info", "--format", "{{.ID}}"]).is_empty());
        let what = format!("seed {seed}: the Docker of the {} while {step}", if of_target { "target" } else { "source" });
        let record = fleet.one_copy(&job, &what);
        attempt = record["attempt"].as_u64().unwrap();
        eprintln!("{what}: attempt {attempt}, {}", record["move"]);
        fleet.has_nothing_beside(1);
    }
    fleet.is_where_its_record_says(&job, attempt);
    fleet.never_counts_back(&job, attempt);
    fleet.stop(&job);
    fleet.is_clean();
}
