//! Containers of three real Dockers, in a Swarm that the workers make: placed on cores that the kernel keeps, on networks that span the nodes.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::{Fleet, task};
use super::site::{eventually, eventually_well};
use crate::support::docker::Docker;
use crate::support::{management, parts, worker};

#[test]
fn a_job_runs_over_nodes_on_its_cores_and_its_network() {
    let Some(fleet) = Fleet::launch() else { return };
    let image = &fleet.swarm.dockers[0].image;
    // Not ours, whatever it is called.
    let foreign = "wharfinger-j9999";
    fleet.swarm.dockers[0].say(&["network", "create", "--driver", "overlay", "--attachable", foreign]);
    let serve = "while :; do echo ahoy | nc -l -p 9000; done";
    let tasks = json!({ "a": task(image, serve), "b": task(image, serve), "c": task(image, serve), "d": task(image, serve) });
    let jobs = [fleet.submit("first", &tasks), fleet.submit("second", &json!({ "a": task(image, serve), "b": task(image, serve) }))];
    let mut held = Vec::new();
    for (job, names) in jobs.iter().zip([&["a", "b", "c", "d"][..], &["a", "b"]]) {
        for name in names {
            eventually(&format!("{name} runs"), || fleet.site.job(job)["tasks"][name]["state"] == "running");
            let seen = fleet.site.job(job);
            let task = &seen["tasks"][name]["placement"];
            let (docker, id) = fleet.container(job, name);
            assert_eq!(task["node"], docker.text("name"), "{seen:#}");
            assert_eq!(task["cpuset"], docker.cgroup(&id, "cpuset", "cpuset.cpus"), "{seen:#}");
            let term = docker.say(&["inspect", "--format", r#"{{index .Config.Labels "wharfinger.term"}}"#, &id]);
            assert!(term.parse::<u32>().is_ok_and(|term| term > 0), "{term}");
            held.push((docker.text("name").to_owned(), task["cpuset"].as_str().unwrap().to_owned()));
        }
    }
    held.sort();
    held.dedup();
    assert_eq!(held.len(), 6, "two jobs share no core");

    // By the names of tasks, from every node to every other.
    for from in ["a", "b", "c", "d"] {
        let (docker, id) = fleet.container(&jobs[0], from);
        for to in ["a", "b", "c", "d"].iter().filter(|to| **to != from) {
            eventually_well(|| {
                let said = docker.say(&["exec", &id, "sh", "-c", &format!("exec 2>&1; nslookup {to}; nc -w 2 {to} 9000 </dev/null")]);
                if said.ends_with("ahoy") { Ok(()) } else { Err(format!("{from} hears {to}: {said}")) }
            });
        }
    }
    let networks = || fleet.swarm.dockers[0].say(&["network", "ls", "--filter", "label=wharfinger.network", "--format", "{{.Name}}"]);
    let mut both: Vec<String> = networks().lines().map(str::to_owned).collect();
    both.sort();
    assert_eq!(both, jobs.each_ref().map(|job| format!("wharfinger-{job}")));
    for job in &jobs {
        ureq::post(fleet.site.url(&format!("/v1/jobs/{job}/actions"))).send_json(json!({ "action": "stop" })).unwrap();
        fleet.site.until(job, "stopped");
    }
    eventually("the networks are gone", || networks().is_empty());
    let others = fleet.swarm.dockers[0].say(&["network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}"]);
    assert!(others.lines().any(|name| name == foreign), "{others}");
    fleet.swarm.dockers[0].say(&["network", "rm", foreign]);
    for docker in &fleet.swarm.dockers {
        assert_eq!(docker.say(&["ps", "--all", "--quiet"]), "", "{}", docker.text("name"));
    }
    for log in ["management", "n1", "n2", "n3"] {
        assert!(!fleet.site.logged(log).contains("SWMTKN"), "no token is logged");
    }
}

#[test]
fn a_network_that_jobs_share_goes_with_the_last_of_them() {
    let Some(fleet) = Fleet::launch() else { return };
    let image = &fleet.swarm.dockers[0].image;
    let submit = |name: &str, script: &str| {
        let job = json!({ "name": name, "network": { "name": "both" }, "tasks": { name: task(image, script) } });
        fleet.submit_job(&job)
    };
    let (serves, asks) = (submit("serves", "while :; do echo ahoy | nc -l -p 9000; done"), submit("asks", "sleep 1000"));
    for job in [&serves, &asks] {
        fleet.site.until(job, "running");
    }
    let (docker, id) = fleet.container(&asks, "asks");
    eventually("one job hears the other", || docker.say(&["exec", &id, "sh", "-c", "nc -w 2 serves 9000 </dev/null"]) == "ahoy");
    let networks = || fleet.swarm.dockers[0].say(&["network", "ls", "--filter", "label=wharfinger.network", "--format", "{{.Name}}"]);
    assert_eq!(networks(), "wharfinger_both");
    fleet.stop(&serves);
    // Longer than one that nobody uses stays.
    sleep(Duration::from_secs(8));
    assert_eq!(networks(), "wharfinger_both");
    fleet.stop(&asks);
    fleet.is_clean();
}

#[test]
fn a_node_that_is_let_go_leaves_the_swarm_and_may_come_back() {
    let Some(mut fleet) = Fleet::launch() else { return };
    let about = |fleet: &Fleet, what: &str| fleet.swarm.dockers[2].say(&["info", "--format", &format!("{{{{.Swarm.{what}}}}}")]);
    let listed = |fleet: &Fleet| fleet.swarm.dockers[0].say(&["node", "ls", "--format", "{{.ID}} {{.Status}}"]);
    let (id, name) = (about(&fleet, "NodeID"), fleet.swarm.dockers[2].text("name").to_owned());
    let url = fleet.site.earlier_url(&format!("/RESTfulSwarm/GM/{id}/describe_worker"));
    // Management may hear later than the Swarm by what id that knows it.
    let described: Value = eventually_well(|| {
        let mut answer = ureq::get(&url).call().map_err(|error| error.to_string())?;
        answer.body_mut().read_json().map_err(|error| error.to_string())
    });
    assert_eq!((&described["ID"], &described["Description"]["Hostname"]), (&id.clone().into(), &name.clone().into()));
    let leave = fleet.site.earlier_url("/RESTfulSwarm/GM/request_leave");
    assert_eq!(Fleet::post_to(&leave, &json!({ "hostname": id })), (200, "OK".into()));
    eventually("it is let go", || fleet.site.get(&format!("/v1/nodes/{name}")).is_none());
    eventually("its Docker is in no Swarm", || about(&fleet, "LocalNodeState") == "inactive");
    eventually("the Swarm has forgotten it", || !listed(&fleet).contains(&id) && listed(&fleet).lines().count() == 2);
    fleet.start_worker(2);
    fleet.site.node(&name, "ready");
    eventually("it is let in again", || listed(&fleet).lines().filter(|line| line.ends_with("Ready")).count() == 3);
    assert_ne!(about(&fleet, "NodeID"), id);
}

#[test]
fn what_runs_gets_other_cores_and_memory_without_a_stop() {
    let Some(fleet) = Fleet::launch() else { return };
    let job = fleet.submit_job(&json!({ "name": "grows", "tasks": { "a": task(&fleet.swarm.dockers[0].image, "sleep 1000") } }));
    fleet.site.until(&job, "running");
    let (docker, id) = fleet.container(&job, "a");
    let node = docker.text("name");
    let has = |cpuset: &str, mebibytes: u64| {
        let kernel = (docker.cgroup(&id, "cpuset", "cpuset.cpus"), docker.cgroup(&id, "memory", "memory.limit_in_bytes"));
        let place = fleet.site.job(&job)["tasks"]["a"]["placement"].clone();
        let bytes = mebibytes << 20;
        let allocated = fleet.site.get(&format!("/v1/nodes/{node}")).unwrap()["allocated"].clone();
        let cores = if cpuset.contains('-') { 2 } else { 1 };
        kernel == (cpuset.to_owned(), bytes.to_string())
            && place["cpuset"] == cpuset
            && place["memory_bytes"] == bytes
            && allocated == json!({ "cores": cores, "memory_bytes": bytes })
    };
    assert!(has("0", 16), "{:#}", fleet.site.job(&job));
    let patched = ureq::patch(fleet.site.url(&format!("/v1/jobs/{job}/tasks/a")));
    let patched = patched.send_json(json!({ "resources": { "cores": 2, "memory": "32m" } })).unwrap();
    assert_eq!(patched.status(), 202);
    eventually("it has both cores", || has("0-1", 32));
    // The earlier client names its cores.
    let update = json!({ "job": "grows", "node": node, "container_name": "a", "cpuset_cpus": "1", "mem_limit": "24m" });
    let url = fleet.site.earlier_url("/RESTfulSwarm/GM/request_update_container");
    assert_eq!(Fleet::post_to(&url, &update), (200, "OK".into()));
    eventually("it has the one that was named", || has("1", 24));
    assert_eq!(docker.say(&["inspect", "--format", "{{.State.Running}} {{.RestartCount}}", &id]), "true 0");
    let wrong = json!({ "job": "grows", "node": node, "container_name": "a", "cpuset_cpus": "7", "mem_limit": "24m" });
    let (status, said) = Fleet::post_to(&url, &wrong);
    assert!(status == 400 && said.contains("offers the cores 0-1"), "{said}");
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn the_doctor_says_what_a_docker_can_do() {
    let Some((state, _)) = parts::find("swarm").zip(worker()) else { return };
    let engine = &Docker::all(&state)[0];
    let mut doctor = management();
    doctor.args(["doctor", "--docker", &format!("unix://{}", engine.text("socket")), "--output", "json"]);
    let output = doctor.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdict = |name: &str| {
        let check = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("no check of {name}: {report:#}"))["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(["docker", "limits", "storage", "moves", "swarm"].map(verdict), ["ok"; 5], "{report:#}");
    let report = report.to_string();
    for way in [
        "checkpoints by runc version 1.",
        ", where that fails by Docker; starts from them by the runtime `wharfinger`, where that fails by Docker",
    ] {
        assert!(report.contains(way), "{report}");
    }
}
