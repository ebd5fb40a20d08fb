//! Containers of three real Dockers, in a Swarm that the workers make: placed on cores that the kernel keeps, on networks that span the nodes.

use serde_json::{Value, json};

use super::fleet::{Fleet, task};
use super::site::eventually;
use crate::support::docker::Docker;
use crate::support::{management, parts, worker};

#[test]
fn a_job_runs_over_nodes_on_its_cores_and_its_network() {
    let Some(fleet) = Fleet::launch() else { return };
    let image = &fleet.swarm.dockers[0].image;
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
            eventually(&format!("{from} hears {to}"), || {
                docker.say(&["exec", &id, "sh", "-c", &format!("nc -w 2 {to} 9000 </dev/null")]) == "ahoy"
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
    for docker in &fleet.swarm.dockers {
        assert_eq!(docker.say(&["ps", "--all", "--quiet"]), "", "{}", docker.text("name"));
    }
    assert!(!fleet.site.logged("management").contains("SWMTKN") && !fleet.site.logged("n1").contains("SWMTKN"), "no token is logged");
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
}
