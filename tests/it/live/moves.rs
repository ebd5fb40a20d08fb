//! Moves of containers over three real Dockers: by every way to ask for one, in groups, and under load.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use model::CpuSet;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

use super::fleet::{Fleet, NODES, task};
use super::site::{eventually, eventually_well};

/// Counts in memory, twenty times a second.
const COUNT: &str = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done";

impl Fleet {
    /// A job of one counter that runs; its id.
    pub fn counter(&self, name: &str) -> String {
        self.counter_of(&json!({ "name": name }))
    }

    pub fn counter_of(&self, job: &Value) -> String {
        let (mut job, mut counter) = (job.clone(), task(&self.swarm.dockers[0].image, COUNT));
        counter["attempts"] = 50.into();
        job["tasks"] = json!({ "work": counter });
        let job = self.submit_job(&job);
        self.runs_at(&job, None);
        job
    }

    /// Waits until a counter runs, on this node if one is said; its record.
    pub fn runs_at(&self, job: &str, node: Option<&str>) -> Value {
        eventually_well(|| {
            let record = self.site.job(job)["tasks"]["work"].clone();
            let good = record["state"] == "running" && node.is_none_or(|node| record["node"] == node);
            if good { Ok(record) } else { Err(format!("{job} runs at {node:?}: {record:#}")) }
        })
    }

    pub fn node_of(&self, job: &str) -> String {
        self.runs_at(job, None)["node"].as_str().unwrap().to_owned()
    }

    /// Asks for moves at once; what is answered.
    pub fn migrate(&self, moves: &[(&str, &str)]) -> (u16, String) {
        let moves: Vec<Value> = moves.iter().map(|(job, to)| json!({ "job": job, "task": "work", "to": to })).collect();
        self.post("/v1/jobs/actions/migrate", &json!({ "moves": moves }))
    }

    /// A counter has one container, where its record says, on the cores that the ledger and the record say; and it counts on.
    pub fn is_one_of_its_record(&self, job: &str, attempt: u64) {
        self.is_where_its_record_says(job, attempt);
        self.counts_on(job, attempt);
    }

    pub fn is_where_its_record_says(&self, job: &str, attempt: u64) {
        let record = self.runs_at(job, None);
        assert_eq!(record["attempt"], attempt, "{record:#}");
        let (docker, id) = self.container(job, "work");
        let node = docker.text("name");
        assert_eq!(record["placement"]["node"], node, "{record:#}");
        let cpuset = docker.cgroup(&id, "cpuset", "cpuset.cpus");
        assert_eq!(record["placement"]["cpuset"], cpuset, "{record:#}");
        for other in NODES {
            let detail = self.site.get(&format!("/v1/nodes/{other}")).unwrap();
            let held: Vec<&Value> = detail["tasks"].as_array().unwrap().iter().filter(|held| held["job"] == job).collect();
            assert_eq!(held.len(), usize::from(other == node), "{other} {detail:#}");
            assert!(held.iter().all(|held| held["cpuset"] == cpuset), "{detail:#}");
        }
    }

    /// Waits until a move of a job has ended, well or not.
    pub fn settles(&self, job: &str, to: &str) {
        eventually_well(|| {
            let moved = self.site.job(job)["tasks"]["work"]["move"].clone();
            let over = moved["to"] == to && (moved["phase"] == "moved" || moved["phase"] == "stayed");
            over.then_some(()).ok_or_else(|| format!("{job} moves: {moved}"))
        });
    }

    /// No two containers of a node have a core in common, as the kernel has it.
    fn shares_no_core(&self) {
        for docker in &self.swarm.dockers {
            let ids = docker.say(&["ps", "--quiet", "--no-trunc", "--filter", "label=wharfinger.job"]);
            let held: Vec<String> = ids.lines().filter_map(|id| docker.cgroup_of_any(id, "cpuset", "cpuset.cpus").ok()).collect();
            let sets: Vec<CpuSet> = held.iter().map(|cpuset| cpuset.parse().unwrap()).collect();
            let apart = |(at, one): (usize, &CpuSet)| sets[..at].iter().all(|other| one.is_disjoint(other));
            assert!(sets.iter().enumerate().all(apart), "{}: {held:?}", docker.text("name"));
        }
    }

    /// What the guards of an attempt have noted, the latest two.
    fn noted(&self, job: &str, attempt: u64) -> Vec<String> {
        let runs = self.runs(job, attempt);
        runs.iter()
            .rev()
            .take(2)
            .map(|(run, (_, folder))| format!("{run}: {}", fs::read_to_string(folder.join("guard.log")).unwrap_or_default()))
            .collect()
    }
}

pub fn other_than(node: &str) -> impl Fn(&&&str) -> bool {
    move |other| ***other != *node
}

#[test]
fn a_task_is_moved_by_both_interfaces() {
    let Some(fleet) = Fleet::launch() else { return };
    let (job, filler) = (fleet.counter("moved"), fleet.counter("filler"));
    fleet.counts_on(&job, 1);
    // To where another has core 0 already, so that it goes on with another core than it had.
    if fleet.node_of(&job) == fleet.node_of(&filler) {
        let away = NODES.iter().find(other_than(&fleet.node_of(&job))).unwrap();
        assert_eq!(fleet.migrate(&[(&filler, away)]).0, 202);
        fleet.runs_at(&filler, Some(away));
    }
    let (from, to) = (fleet.node_of(&job), fleet.node_of(&filler));
    let mut command = crate::support::management();
    let output = command.args(["migrate", &job, "work", "--to", &to, "--server", &fleet.site.url("")]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let moved = format!("has moved from {from} to {to} with ");
    assert!(output.status.success() && said.contains(&moved) && said.contains("stood still"), "{said}");
    fleet.is_one_of_its_record(&job, 1);
    eventually("the source is free", || fleet.site.get(&format!("/v1/nodes/{from}")).unwrap()["allocated"]["cores"] == 0);

    let last = NODES.iter().find(|node| **node != from && **node != to).unwrap();
    let address = |node: &str| fleet.site.get(&format!("/v1/nodes/{node}")).unwrap()["labels"]["address"].clone();
    let earlier = json!({ "job": "moved", "container": "work", "from": address(&to), "to": address(last), "info": {} });
    let url = fleet.site.earlier_url("/RESTfulSwarm/GM/request_migrate");
    assert_eq!(Fleet::post_to(&url, &earlier), (200, "OK".into()));
    fleet.runs_at(&job, Some(last));
    fleet.is_one_of_its_record(&job, 1);
    for job in [&job, &filler] {
        fleet.is_one_of_its_record(job, 1);
        fleet.stop(job);
    }
    fleet.is_clean();
}

#[test]
fn a_group_moves_whole_or_not_at_all() {
    let Some(fleet) = Fleet::launch() else { return };
    let jobs = ["a", "b", "c"].map(|name| fleet.counter(name));
    // One on each node, whatever the policy chose.
    for (job, node) in jobs.iter().zip(NODES) {
        if fleet.node_of(job) != node {
            assert_eq!(fleet.migrate(&[(job, node)]).0, 202);
            fleet.runs_at(job, Some(node));
        }
    }
    let [a, b, c] = &jobs;
    let placements = || jobs.each_ref().map(|job| fleet.runs_at(job, None)["placement"]["number"].clone());
    let before = placements();
    for (impossible, code) in
        [(&[(&a[..], "n3"), (b, "n3")][..], 409), (&[(a, "n2"), (b, "n9")], 404), (&[(a, "n2"), (b, "n3"), (c, "n3")], 400)]
    {
        let (status, words) = fleet.migrate(impossible);
        assert_eq!(status, code, "{words}");
    }
    sleep(Duration::from_secs(1));
    assert_eq!(placements(), before, "none of a group that was refused has moved");
    assert_eq!(fleet.migrate(&[(a, "n2"), (b, "n3"), (c, "n1")]).0, 202);
    for (job, node) in jobs.iter().zip(["n2", "n3", "n1"]) {
        fleet.runs_at(job, Some(node));
    }
    for job in &jobs {
        fleet.is_one_of_its_record(job, 1);
        fleet.stop(job);
    }
    fleet.is_clean();
}

#[test]
fn a_counter_goes_on_through_twenty_moves_under_load() {
    let Some(fleet) = Fleet::launch() else { return };
    let job = fleet.counter("counts");
    let mut random = Pcg64Mcg::seed_from_u64(20);
    let (mut loads, mut moved, mut stayed) = (Vec::new(), 0, Vec::new());
    while moved < 20 {
        let here = fleet.node_of(&job);
        let target = NODES.iter().filter(other_than(&here)).collect::<Vec<_>>();
        let to = target[random.random_range(0..2)];
        match fleet.migrate(&[(&job, to)]) {
            (202, _) => {}
            // Others have its cores for the moment.
            (409, _) => {
                sleep(Duration::from_millis(200));
                continue;
            }
            other => panic!("{other:?}"),
        }
        let load = task(&fleet.swarm.dockers[0].image, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
        loads.push(fleet.submit_job(&json!({ "name": format!("load{}", loads.len()), "tasks": { "work": load } })));
        fleet.shares_no_core();
        fleet.settles(&job, to);
        fleet.shares_no_core();
        if fleet.node_of(&job) == *to {
            moved += 1;
        } else {
            stayed.push(fleet.noted(&job, 1));
        }
        assert!(stayed.len() < 5, "moves come to nothing: {stayed:#?}");
        sleep(Duration::from_millis(random.random_range(0..500)));
    }
    eprintln!("{} moves came to nothing: {stayed:#?}", stayed.len());
    for load in &loads {
        fleet.site.until(load, "succeeded");
    }
    fleet.is_one_of_its_record(&job, 1);
    let placements = fleet.runs(&job, 1).len();
    assert!(placements > 20, "{placements} placements");
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn an_image_that_is_too_large_for_the_target_goes_on_where_it_was() {
    let Some(mut fleet) = Fleet::launch() else { return };
    let job = fleet.counter("large");
    let from = fleet.node_of(&job);
    let to = *NODES.iter().find(other_than(&from)).unwrap();
    fleet.start_worker_with(fleet.number(to), &["--image-quota", "8KiB"]);
    fleet.site.node(to, "ready");
    let mut command = crate::support::management();
    let output = command.args(["migrate", &job, "work", "--to", to, "--server", &fleet.site.url("")]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && said.contains(&format!("is on {from} as before")), "{said}");
    assert_eq!(fleet.node_of(&job), from);
    fleet.is_one_of_its_record(&job, 1);
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn a_drained_node_moves_what_it_can_and_says_what_it_could_not() {
    let Some(fleet) = Fleet::launch() else { return };
    let image = &fleet.swarm.dockers[0].image;
    let patch = |node: &str, body: Value| ureq::patch(fleet.site.url(&format!("/v1/nodes/{node}"))).send_json(body).unwrap();
    let others = |cordoned: bool| ["n2", "n3"].map(|node| patch(node, json!({ "cordoned": cordoned })));
    others(true);
    let moves = fleet.counter("moves");
    // What has a large file open that was deleted cannot be checkpointed.
    let stuck = task(image, "dd if=/dev/zero of=/gone bs=1M count=4; exec 3< /gone; busybox rm /gone; sleep 1000");
    let stuck = fleet.submit_job(&json!({ "name": "stuck", "tasks": { "work": stuck } }));
    fleet.runs_at(&stuck, Some("n1"));
    others(false);
    let drain = || {
        let output = crate::support::management().args(["drain", "n1", "--migrate", "--server", &fleet.site.url("")]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = drain();
    assert!(code == Some(0) && said.contains("has moved from n1") && said.contains("anew"), "{code:?} {said}");
    assert_ne!(fleet.node_of(&moves), "n1");
    fleet.is_one_of_its_record(&moves, 1);
    assert_eq!(fleet.runs_at(&stuck, None)["attempt"], 2);
    fleet.stop(&stuck);

    assert_eq!(fleet.post("/v1/nodes/n1/actions", &json!({ "action": "undrain" })).0, 202);
    let mut labels = fleet.site.get("/v1/nodes/n1").unwrap()["labels"].clone();
    labels["home"] = "yes".into();
    patch("n1", json!({ "labels": labels }));
    let placement = json!({ "constraints": [{ "label": "home", "op": "in", "values": ["yes"] }] });
    let bound = fleet.submit_job(&json!({ "name": "bound", "placement": placement, "tasks": { "work": task(image, COUNT) } }));
    fleet.runs_at(&bound, Some("n1"));
    let (status, words) = fleet.migrate(&[(&bound, "n2")]);
    assert!(status == 400 && words.contains("does not allow"), "{words}");
    let (code, said) = drain();
    assert!(code == Some(1) && said.contains("is still here"), "{code:?} {said}");
    fleet.is_one_of_its_record(&bound, 1);
    fleet.stop(&bound);
    fleet.stop(&moves);
    fleet.is_clean();
}

/// Moves both ends of an idle connection over a network, one after the other; whether they went. The connection lives on, wherever they are.
fn moves_connected(fleet: &Fleet, name: &str, network: &Value) -> [bool; 2] {
    let image = &fleet.swarm.dockers[0].image;
    let server = "sleep 10000 | nc -l -p 9000";
    let client =
        "sleep 2; (echo 0; for go in 1 2; do while [ ! -e /$go ]; do sleep 0.1; done; echo $go; done; sleep 1000) | nc server 9000";
    let tasks = json!({ "server": task(image, server), "client": task(image, client) });
    let job = fleet.submit_job(&json!({ "name": name, "network": network, "placement": { "spread": "nodes" }, "tasks": tasks }));
    let heard = || {
        let mut answer = ureq::get(fleet.site.url(&format!("/v1/jobs/{job}/tasks/server/logs"))).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    eventually("both run", || ["server", "client"].iter().all(|name| fleet.site.job(&job)["tasks"][name]["state"] == "running"));
    eventually("they are connected", || heard() == "0\n");
    let went = [("client", "1"), ("server", "2")].map(|(end, go)| {
        let records = || fleet.site.job(&job)["tasks"].clone();
        let taken = ["server", "client"].map(|name| records()[name]["node"].clone());
        let to = NODES.iter().find(|node| taken.iter().all(|taken| taken != **node)).unwrap();
        let asked = json!({ "moves": [{ "job": job, "task": end, "to": to }] });
        assert_eq!(fleet.post("/v1/jobs/actions/migrate", &asked).0, 202);
        let over = |record: &Value| record["state"] == "running" && record["move"]["downtime_ms"].is_u64();
        eventually("it has moved, or stays", || over(&records()[end]));
        // What came before a move of the server is in the output of the run that it had.
        let before = heard();
        let (docker, id) = fleet.container(&job, "client");
        docker.say(&["exec", &id, "touch", &format!("/{go}")]);
        eventually("the same connection is heard", || heard() == format!("{before}{go}\n"));
        let record = records()[end].clone();
        assert_eq!(record["attempt"], 1, "{record:#}");
        let moved = record["move"]["phase"] == "moved";
        assert_eq!(record["node"] == *to, moved);
        moved
    });
    fleet.stop(&job);
    went
}

#[test]
fn an_idle_connection_survives_and_moves_where_addresses_are_chosen() {
    let Some(fleet) = Fleet::launch() else { return };
    assert_eq!(moves_connected(&fleet, "chosen", &json!({ "subnet": "10.77.0.0/24" })), [true; 2]);
    assert_eq!(moves_connected(&fleet, "given", &json!({})), [false; 2], "another address would end it, so it stays");
    fleet.is_clean();
}

#[test]
fn a_small_container_on_an_overlay_stands_still_for_a_moment() {
    let Some(fleet) = Fleet::launch() else { return };
    let script = "(dd if=/dev/urandom bs=1M count=4 2>/dev/null; sleep 100000) | busybox tail -c 4194304 & \
                  while :; do echo | busybox ts %.s; sleep 0.02; done";
    let tasks = json!({ "work": task(&fleet.swarm.dockers[0].image, script) });
    let job = fleet.submit("small", &tasks);
    for _ in 0..5 {
        let here = fleet.node_of(&job);
        sleep(Duration::from_secs(1));
        let to = NODES.iter().find(other_than(&here)).unwrap();
        assert_eq!(fleet.migrate(&[(&job, to)]).0, 202);
        eventually("it moves", || fleet.site.job(&job)["tasks"]["work"]["node"] == *to);
        fleet.runs_at(&job, Some(to));
    }
    sleep(Duration::from_secs(1));
    let outputs = fleet.outputs(&job, 1);
    let times = |text: &String| text.lines().filter_map(|line| line.trim().parse::<f64>().ok()).collect::<Vec<f64>>();
    let times: Vec<Vec<f64>> = outputs.iter().map(times).collect();
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1][0] - pair[0].last().unwrap()).collect();
    gaps.sort_by(f64::total_cmp);
    let said = fleet.site.job(&job)["tasks"]["work"]["move"]["downtime_ms"].clone();
    eprintln!("4 MB on an overlay stands still for {gaps:.2?} s; the record says {said} ms at most of the last move");
    assert!(gaps.len() == 5, "{gaps:?}");
    fleet.stop(&job);
    fleet.is_clean();
}
