//! kill -9 of the real programs at random moments, over seeds. What runs holds a lock of its task and one of each of its cores, which the
//! kernel lets go with the last process of the run: whoever finds one taken says so.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

use super::site::{Running, Site, eventually, marks};

/// Scenarios of one run of the tests; `WHARFINGER_KILLS` asks for more.
const SCENARIOS: u64 = 3;
/// Times that something is killed in each.
const KILLS: u32 = 14;
const JOBS: usize = 12;

/// What is to be killed, and comes back: management and two workers.
struct Programs<'a> {
    site: &'a Site,
    running: [Option<Running>; 3],
}

impl Programs<'_> {
    fn start(&mut self, which: usize) {
        self.running[which] = match which {
            0 => Some(self.site.begin()),
            1 => self.site.worker("n1", "0"),
            _ => self.site.worker("n2", "1"),
        };
    }

    fn kill(&mut self, which: usize) {
        if let Some(running) = self.running[which].take() {
            running.kill();
        }
    }

    /// Starts again what has ended by itself, as a supervisor does.
    fn supervise(&mut self) {
        for which in 0..3 {
            if self.running[which].as_mut().is_some_and(|running| running.0.try_wait().unwrap().is_some()) {
                self.start(which);
            }
        }
    }
}

/// A script that runs for a while under its locks, and leaves marks.
fn script(site: &Site, tenths: u32) -> String {
    let folder = site.folder.path().display();
    let who = "$WHARFINGER_JOB-$WHARFINGER_TASK";
    format!(
        "cd {folder}; run={who}-$WHARFINGER_ATTEMPT-$WHARFINGER_PLACEMENT; echo began $run >> marks; \
         exec 8>> task-{who}.lock 9>> core-$WHARFINGER_CORES.lock; \
         flock -n 8 || echo twice $run >> marks; flock -n 9 || echo shared $run >> marks; \
         sleep {}.{}; echo ended $run >> marks",
        tenths / 10,
        tenths % 10
    )
}

/// Submits under a key, if management answers.
fn submit(site: &Site, number: usize, tenths: u32) -> Option<String> {
    let resources = json!({ "cores": 1, "memory": "16m" });
    let command = json!(["/bin/sh", "-c", script(site, tenths)]);
    let count = 1 + number % 2;
    let task = json!({ "kind": "container", "command": command, "resources": resources, "attempts": 50, "count": count });
    let job = json!({ "name": format!("j{number}"), "tasks": { "work": task } });
    let request = ureq::post(site.url("/v1/jobs")).config().timeout_global(Some(Duration::from_secs(5))).build();
    let mut answer = request.header("Idempotency-Key", format!("key-{number}")).send_json(job).ok()?;
    let answer: Value = answer.body_mut().read_json().ok()?;
    Some(answer["id"].as_str()?.to_owned())
}

fn scenario(seed: u64) {
    let site = Site::new().with("INTERVALS__LEASE_S", "2").with("INTERVALS__LEASE_MARGIN_S", "0.5");
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut programs = Programs { site: &site, running: [None, None, None] };
    (0..3).for_each(|which| programs.start(which));
    // A job that no node known so far could ever hold fails, so both are there before the first is submitted.
    eventually("both nodes are ready", || {
        programs.supervise();
        ["n1", "n2"].iter().all(|name| site.get(&format!("/v1/nodes/{name}")).is_some_and(|node| node["state"] == "ready"))
    });
    let mut ids = BTreeSet::new();
    let mut submitted = 0;
    for _ in 0..KILLS {
        sleep(Duration::from_millis(random.random_range(0..900)));
        while submitted < JOBS
            && random.random_range(0..3) > 0
            && let Some(id) = submit(&site, submitted, random.random_range(1..25))
        {
            assert!(ids.insert(id), "seed {seed}: one id for two jobs");
            submitted += 1;
        }
        let victims: &[usize] = match random.random_range(0..8) {
            0..3 => &[0],
            3 => &[1],
            4 => &[2],
            5 => &[1, 2],
            6 => &[0, 1],
            _ => &[0, 1, 2],
        };
        victims.iter().for_each(|&which| programs.kill(which));
        // Now and then longer than the lease.
        let away = if random.random_range(0..5) == 0 { 4000 } else { 700 };
        sleep(Duration::from_millis(random.random_range(0..away)));
        victims.iter().for_each(|&which| programs.start(which));
        programs.supervise();
    }
    for number in submitted..JOBS {
        eventually("it is submitted", || {
            programs.supervise();
            submit(&site, number, 5).is_some_and(|id| ids.insert(id))
        });
    }
    let said = |what: &str| format!("seed {seed}: {what}\n{}\n{}", marks(&site.folder.path().join("marks")), site.logged("management"));
    for id in &ids {
        eventually(&format!("seed {seed}: {id} has ended"), || {
            programs.supervise();
            ["succeeded", "failed", "stopped"].iter().any(|state| site.job(id)["state"] == *state)
        });
        assert_eq!(site.job(id)["state"], "succeeded", "{}", said(id));
    }
    let allocated = |node: &Value| node["allocated"]["cores"] == 0 && node["allocated"]["memory_bytes"] == 0;
    let nodes = site.get("/v1/nodes").unwrap();
    assert!(nodes["nodes"].as_array().unwrap().iter().all(allocated), "{}", said(&format!("{nodes:#}")));
    assert_eq!(site.processes(), [] as [i32; 0], "{}", said("nothing is left"));
    let marks = marks(&site.folder.path().join("marks"));
    let mut begun = BTreeSet::new();
    for line in marks.lines() {
        match line.split_once(' ').expect("a mark has two words") {
            ("began", run) => assert!(begun.insert(run), "{}", said(&format!("{run} began twice"))),
            ("ended", run) => assert!(begun.contains(run), "{}", said(run)),
            _ => panic!("{}", said(line)),
        }
    }
}

#[test]
fn programs_are_killed_at_random_and_nothing_is_lost_or_doubled() {
    if crate::support::worker().is_none() || crate::support::program(&["flock"]).is_none() {
        return;
    }
    let count = std::env::var("WHARFINGER_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(SCENARIOS);
    let first = std::env::var("WHARFINGER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    (first..first + count).for_each(scenario);
}
