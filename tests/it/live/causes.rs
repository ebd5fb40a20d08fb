//! Why containers of three real Dockers ended, as the records of their tasks have it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fleet::{Fleet, NODES, task};
use super::site::eventually;
use crate::support::docker::Docker;
use crate::support::parts;

/// The containers that hold a host port on every node, and that nobody here knows of.
const SQUATTER: &str = "squatter";
const PORT: u16 = 19_100;

/// They hold it as long as this lives.
struct Squatters<'a>(&'a [Docker]);

impl<'a> Squatters<'a> {
    fn start(dockers: &'a [Docker]) -> Self {
        let squatters = Self(dockers);
        squatters.remove();
        for docker in dockers {
            let publish = format!("{PORT}:80");
            docker.say(&["run", "--detach", "--name", SQUATTER, "--publish", &publish, &docker.image, "sleep", "1000"]);
            assert_eq!(docker.say(&["inspect", "--format", "{{.State.Running}}", SQUATTER]), "true", "{}", docker.text("name"));
        }
        squatters
    }

    fn remove(&self) {
        for docker in self.0 {
            docker.say(&["rm", "--force", "--volumes", SQUATTER]);
        }
    }
}

impl Drop for Squatters<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Fleet {
    /// Submits a job of one task that is tried once, with more fields or others; its id.
    fn once(&self, name: &str, script: &str, more: &Value) -> String {
        self.once_at(name, script, more, &json!({}))
    }

    fn once_at(&self, name: &str, script: &str, more: &Value, placement: &Value) -> String {
        let mut once = task(&self.swarm.dockers[0].image, script);
        once["attempts"] = 1.into();
        once.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.submit_job(&json!({ "name": name, "placement": placement, "tasks": { "work": once } }))
    }

    /// Waits until such a job has failed; its task's cause and exit code.
    fn failed(&self, job: &str) -> Value {
        let record = self.site.until(job, "failed")["tasks"]["work"].clone();
        assert_eq!((&record["state"], &record["attempt"]), (&"failed".into(), &1.into()), "{record:#}");
        assert_eq!(record["history"], Value::Null, "{record:#}");
        json!([record["cause"], record["exit_code"]])
    }
}

#[test]
fn each_cause_is_told_apart_in_the_record_of_its_task() {
    let Some(mut fleet) = Fleet::launch() else { return };
    // Which lets in nobody without a password: a node has one, one has a wrong one, and one has none.
    let about = parts::find("swarm").unwrap()["registry"].clone();
    let [registry, user, password] = ["address", "user", "password"].map(|field| about[field].as_str().unwrap());
    for (number, password) in [password, "guessed"].into_iter().enumerate() {
        let file = fleet.site.folder.path().join(format!("config-{number}.json"));
        Docker::credentials(&file, registry, user, password);
        fleet.start_worker_with(number, &["--registry-config", file.to_str().unwrap()]);
        fleet.site.node(NODES[number], "ready");
    }
    let squatters = Squatters::start(&fleet.swarm.dockers);
    let killed = fleet.once("killed", "sleep 1000", &json!({}));
    fleet.site.until(&killed, "running");
    let (docker, id) = fleet.container(&killed, "work");
    docker.say(&["kill", "--signal", "KILL", &id]);

    // An image that is not in the registry, on each of the nodes.
    let absent = |number: usize| {
        let values = [fleet.swarm.dockers[number].text("address")];
        let placement = json!({ "constraints": [{ "label": "address", "op": "in", "values": values }] });
        fleet.once_at(&format!("absent{number}"), "true", &json!({ "image": format!("{registry}/nobody/nothing:1") }), &placement)
    };
    let health = json!({ "command": ["false"], "interval_s": 0.2, "timeout_s": 1, "retries": 2 });
    let greedy = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M"];
    let jobs = [
        (fleet.once("missing", "sleep 1000", &json!({ "image": "127.0.0.1:1/nobody/nothing:1" })), json!(["image_missing", null])),
        (absent(0), json!(["image_missing", null])),
        (absent(1), json!(["image_denied", null])),
        (absent(2), json!(["image_denied", null])),
        (fleet.once("port", "sleep 1000", &json!({ "ports": { "80/tcp": PORT } })), json!(["port_taken", null])),
        (fleet.once("unhealthy", "sleep 1000", &json!({ "health": health })), json!(["unhealthy", null])),
        (fleet.once("greedy", "", &json!({ "command": greedy })), json!(["out_of_memory", null])),
        (fleet.once("exits", "exit 7", &json!({})), json!(["exit", 7])),
        (killed, json!(["killed", null])),
    ];
    let mut told = BTreeSet::new();
    for (job, expected) in &jobs {
        let seen = fleet.failed(job);
        assert_eq!(seen, *expected, "{:#}", fleet.site.job(job));
        told.insert(seen[0].to_string());
    }
    assert_eq!(told.len(), 7, "no two kinds are the same: {told:?}");
    drop(squatters);
    fleet.is_clean();
}

#[test]
fn a_docker_that_is_restarted_under_load_loses_no_job() {
    let Some(fleet) = Fleet::launch() else { return };
    let mut work = task(&fleet.swarm.dockers[0].image, "sleep 12");
    work["attempts"] = 5.into();
    let jobs: Vec<String> =
        (0..8).map(|number| fleet.submit_job(&json!({ "name": format!("load{number}"), "tasks": { "work": work } }))).collect();
    eventually("n2 is full", || fleet.site.get("/v1/nodes/n2").unwrap()["allocated"]["cores"] == 2);
    let running = || {
        jobs.iter()
            .any(|job| fleet.site.job(job)["tasks"]["work"]["placement"]["node"] == "n2" && fleet.site.job(job)["state"] == "running")
    };
    eventually("a job runs there", running);
    fleet.swarm.dockers[1].crash();
    let records: Vec<Value> = jobs.iter().map(|job| fleet.site.until(job, "succeeded")).collect();
    assert!(records.iter().any(|record| record.to_string().contains("engine_lost")), "{records:#?}");
    fleet.is_clean();
}
