//! What the earlier client asks for, as three real Dockers have it then: jobs of both ports, single tasks, and groups that move.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::{Fleet, NODES};
use super::site::{eventually, eventually_well};
use crate::support::docker::Docker;

impl Fleet {
    /// What a route of the earlier GlobalManager answers, and its status.
    fn earlier(&self, route: &str, body: &Value) -> (u16, String) {
        Self::post_to(&self.site.earlier_url(&format!("/RESTfulSwarm/GM/{route}")), body)
    }

    /// The id of the one job of a name.
    fn id_of(&self, name: &str) -> String {
        eventually_well(|| {
            let found = self.site.get(&format!("/v1/jobs?name={name}")).unwrap_or_default();
            let jobs = found["jobs"].as_array().filter(|jobs| jobs.len() == 1);
            let id = jobs.and_then(|jobs| jobs[0]["id"].as_str()).map(str::to_owned);
            id.ok_or_else(|| format!("one job is called {name}: {found:#}"))
        })
    }

    /// Waits until a task runs; in Docker it is what the earlier client asked for, on the cores of its record. That record.
    fn runs_as_asked(&self, job: &str, name: &str, asked: &Value, network: &str) -> Value {
        let record = eventually_well(|| {
            let record = self.site.job(job)["tasks"][name].clone();
            if record["state"] == "running" { Ok(record) } else { Err(format!("{name} runs: {record:#}")) }
        });
        let (docker, id) = self.container(job, name);
        let place = &record["placement"];
        assert_eq!(place["node"], docker.text("name"), "{record:#}");
        assert_eq!(place["cpuset"], docker.cgroup(&id, "cpuset", "cpuset.cpus"), "{record:#}");
        assert_eq!(place["memory_bytes"].to_string(), docker.cgroup(&id, "memory", "memory.limit_in_bytes"), "{record:#}");
        let mebibytes: u64 = asked["mem_limit"].as_str().unwrap().trim_end_matches('m').parse().unwrap();
        assert_eq!(place["memory_bytes"], mebibytes << 20, "{record:#}");

        let config = inspected(docker, &id, "{{json .Config}}");
        assert_eq!(config["Image"], asked["image"], "{config:#}");
        let command: Vec<&str> = config["Cmd"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(asked["command"].as_str().unwrap().replace('\'', ""), command.join(" "), "{config:#}");
        let environment = config["Env"].as_array().unwrap();
        for (key, value) in asked["environment"].as_object().unwrap() {
            let variable = Value::from(format!("{key}={}", value.as_str().unwrap()));
            assert!(environment.contains(&variable), "{variable}: {environment:?}");
        }

        let bindings = inspected(docker, &id, "{{json .HostConfig.PortBindings}}");
        let ports = asked["ports"].as_object().unwrap();
        assert_eq!(bindings.as_object().map_or(0, serde_json::Map::len), ports.len(), "{bindings:#}");
        for (inside, host) in ports {
            assert_eq!(bindings[inside][0]["HostPort"], host.to_string(), "{bindings:#}");
        }
        let networks = inspected(docker, &id, "{{json .NetworkSettings.Networks}}");
        assert_eq!(networks.as_object().unwrap().keys().collect::<Vec<_>>(), [network], "{networks:#}");
        record
    }

    /// Asks as the earlier client does for moves of counters at once, each by the name of its job, from one node to another.
    fn move_group(&self, moves: &[[&str; 3]]) -> (u16, String) {
        let one = |[job, from, to]: &[&str; 3]| json!({ "job": job, "container": "work", "from": from, "to": to, "info": {} });
        self.earlier("request_group_migration", &moves.iter().map(one).collect::<Value>())
    }
}

/// What Docker says of a container.
fn inspected(docker: &Docker, id: &str, format: &str) -> Value {
    let said = docker.say(&["inspect", "--format", format, id]);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// A task as the earlier client writes it, with more fields or others.
fn earlier_task(fleet: &Fleet, name: &str, more: &Value) -> Value {
    let mut task = json!({
        "container_name": name, "node": "", "image": fleet.swarm.dockers[0].image, "detach": true, "command": "sleep 1000",
        "cpuset_cpus": "", "mem_limit": "16m", "ports": {}, "volumes": {}, "environment": {}, "status": "Ready",
    });
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

/// A job as the earlier client writes it.
fn earlier_job(name: &str, network: &Value, tasks: &Value) -> Value {
    let info = json!({ "network": network, "tasks": tasks });
    json!({ "job_name": name, "job_info": info, "status": "Ready", "start_time": 0, "end_time": 0 })
}

#[test]
fn a_job_of_the_front_end_runs_as_it_was_asked_for() {
    let Some(fleet) = Fleet::launch() else { return };
    let name = "job1533585500968-1533585495";
    let [first, second] = [1, 2].map(|number| format!("{name}_task{number}"));
    let serves = "sh -c 'while :; do echo ahoy | nc -l -p 9000; done'";
    let environment = json!({ "LEVEL": "info", "GREETING": "ahoy there" });
    let tasks = json!({
        &first: earlier_task(&fleet, &first, &json!({
            "command": serves, "cpu_count": 1, "mem_limit": "24m", "environment": environment, "ports": { "9000/tcp": 19_000 },
        })),
        &second: earlier_task(&fleet, &second, &json!({ "req_cores": 2, "cpu_count": 2, "mem_limit": "32m", "deadline": 1200 })),
    });
    let body = earlier_job(name, &json!({ "driver": "overlay", "subnet": "10.77.0.0/24" }), &tasks);
    let url = fleet.site.url("/RESTfulSwarm/FE/request_new_job");
    assert_eq!(Fleet::post_to(&url, &body), (200, "OK".into()));
    let job = fleet.id_of(name);
    let network = format!("wharfinger-{job}");
    let records = [&first, &second].map(|task| fleet.runs_as_asked(&job, task, &tasks[task], &network));
    assert_eq!(json!([records[0]["cores"], records[1]["cores"]]), json!([1, 2]));
    assert_eq!(records[1]["placement"]["cpuset"], "0-1", "{:#}", records[1]);

    let (docker, id) = fleet.container(&job, &second);
    let hears = || docker.say(&["exec", &id, "sh", "-c", &format!("nc -w 2 {first} 9000 </dev/null")]);
    eventually("the one hears the other by its name", || hears() == "ahoy");
    let (docker, id) = fleet.container(&job, &first);
    let address = inspected(docker, &id, "{{json .NetworkSettings.Networks}}")[&network]["IPAddress"].clone();
    assert!(address.as_str().is_some_and(|address| address.starts_with("10.77.0.")), "{address}");

    // The same again is the same job; another of its name is none.
    assert_eq!(Fleet::post_to(&url, &body), (200, "OK".into()));
    assert_eq!(fleet.id_of(name), job);
    let mut other = body.clone();
    other["job_info"]["tasks"][&second]["command"] = "sleep 999".into();
    assert_eq!(Fleet::post_to(&url, &other).0, 409);
    other["job_name"] = "negative".into();
    other["job_info"]["tasks"][&second]["mem_limit"] = "-1m".into();
    let (status, said) = Fleet::post_to(&url, &other);
    assert!(status == 400 && said.contains(&format!("{second}.mem_limit: ")), "{status} {said}");
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn jobs_and_tasks_of_the_global_manager_run_where_they_say() {
    let Some(fleet) = Fleet::launch() else { return };
    let swarm_id = fleet.swarm.dockers[2].say(&["info", "--format", "{{.Swarm.NodeID}}"]);
    let names = ["placed_task1", "placed_task2"];
    let job_on = |node: &str| {
        let more = json!({ "node": "n2", "cpuset_cpus": "1", "req_cores": 1, "environment": { "LEVEL": "info" } });
        let other = json!({ "node": node, "cpuset_cpus": "0-1", "mem_limit": "24m", "ports": { "80/tcp": 19_001 } });
        json!({ names[0]: earlier_task(&fleet, names[0], &more), names[1]: earlier_task(&fleet, names[1], &other) })
    };
    for nowhere in ["", "n9"] {
        let (status, said) = fleet.earlier("request_new_job", &earlier_job("placed", &json!({}), &job_on(nowhere)));
        assert!(status == 400 && said.starts_with("job_info.tasks.placed_task2.node: "), "{status} {said}");
    }
    let tasks = job_on(&swarm_id);
    // Management may hear later than the Swarm by what id that knows a node.
    eventually_well(|| match fleet.earlier("request_new_job", &earlier_job("placed", &json!({}), &tasks)) {
        (200, said) if said == "OK" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let placed = fleet.id_of("placed");
    for (name, node, cpuset) in [(names[0], "n2", "1"), (names[1], "n3", "0-1")] {
        let record = fleet.runs_as_asked(&placed, name, &tasks[name], &format!("wharfinger-{placed}"));
        assert_eq!(record["placement"]["node"], node, "{record:#}");
        assert_eq!(record["placement"]["cpuset"], cpuset, "{record:#}");
    }

    let more = json!({ "node": "n2", "req_cores": 1, "network": {}, "environment": { "LEVEL": "debug" }, "ports": { "80/tcp": 19_001 } });
    let single = earlier_task(&fleet, "single", &more);
    let mut nowhere = single.clone();
    nowhere["node"] = "n9".into();
    let (status, said) = fleet.earlier("request_new_task", &nowhere);
    assert!(status == 400 && said.starts_with("node: "), "{status} {said}");
    assert_eq!(fleet.earlier("request_new_task", &single), (200, "OK".into()));
    let job = fleet.id_of("single");
    let record = fleet.runs_as_asked(&job, "single", &single, &format!("wharfinger-{job}"));
    assert_eq!(record["placement"]["node"], "n2", "{record:#}");
    assert_eq!(record["placement"]["cpuset"], "0", "the core that is left: {record:#}");
    fleet.stop(&placed);
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn a_group_of_the_earlier_client_moves_whole_or_not_at_all() {
    let Some(fleet) = Fleet::launch() else { return };
    let names = ["a", "b", "c"];
    let jobs = names.map(|name| fleet.counter(name));
    // One on each node, whatever the policy chose.
    for ((name, job), node) in names.into_iter().zip(&jobs).zip(NODES) {
        let here = fleet.node_of(job);
        if here != node {
            assert_eq!(fleet.move_group(&[[name, &here, node]]), (200, "OK".into()));
            fleet.runs_at(job, Some(node));
        }
    }
    let placements = || jobs.each_ref().map(|job| fleet.runs_at(job, None)["placement"]["number"].clone());
    let before = placements();
    let impossible: [(&[[&str; 3]], &str); 6] = [
        (&[["a", "n1", "n3"], ["b", "n2", "n3"]], "beside the other moves"),
        (&[["a", "n1", "n2"], ["b", "n2", "n9"]], "there is no node `n9`"),
        (&[["a", "n1", "n2"], ["b", "n2", "n3"], ["c", "n3", "n3"]], "runs there already"),
        (&[["a", "n1", "n2"], ["b", "n1", "n3"]], "is not there"),
        (&[["a", "n1", "n2"], ["z", "n2", "n3"]], "has a container `work`"),
        (&[], "there are 0 moves"),
    ];
    for (moves, why) in impossible {
        let (status, said) = fleet.move_group(moves);
        assert!(status == 400 && said.contains(why), "{why}: {status} {said}");
    }
    sleep(Duration::from_secs(1));
    assert_eq!(placements(), before, "none of a group that was refused has moved");
    for (job, node) in jobs.iter().zip(NODES) {
        assert_eq!(fleet.node_of(job), node);
        fleet.counts_on(job, 1);
    }
    assert_eq!(fleet.move_group(&[["a", "n1", "n2"], ["b", "n2", "n3"], ["c", "n3", "n1"]]), (200, "OK".into()));
    for (job, node) in jobs.iter().zip(["n2", "n3", "n1"]) {
        fleet.runs_at(job, Some(node));
        assert_eq!(fleet.container(job, "work").0.text("name"), node);
    }
    for job in &jobs {
        fleet.is_one_of_its_record(job, 1);
        fleet.stop(job);
    }
    fleet.is_clean();
}
