//! What reaches a container of a real Docker from elsewhere: its checkpoint, and the folders of its node.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::{Fleet, NODES, task};
use super::site::eventually;

/// Holds 96 MB of memory that are different from page to page.
const HOLD: &str = "(dd if=/dev/urandom bs=1M count=96 2>/dev/null; sleep 100000) | busybox tail -c 100663296";

#[test]
fn a_move_says_how_much_has_come() {
    let Some(fleet) = Fleet::launch() else { return };
    let mut hold = task(&fleet.swarm.dockers[0].image, HOLD);
    hold["resources"]["memory"] = "160m".into();
    let job = fleet.submit_job(&json!({ "name": "large", "tasks": { "work": hold } }));
    let from = fleet.site.until(&job, "running")["tasks"]["work"]["node"].clone();
    let (docker, id) = fleet.container(&job, "work");
    let resident = || docker.cgroup(&id, "memory", "memory.usage_in_bytes").parse::<u64>().unwrap();
    eventually("it holds its memory", || resident() > 96 << 20);
    let to = if from == "n2" { "n3" } else { "n2" };
    let moves = json!({ "moves": [{ "job": job, "task": "work", "to": to }] });
    assert_eq!(fleet.post("/v1/jobs/actions/migrate", &moves).0, 202);
    let mut seen = Vec::new();
    let moved = loop {
        let progress = fleet.site.get(&format!("/v1/jobs/{job}/tasks/work/progress")).unwrap();
        seen.extend(progress.get("fetch").cloned());
        let moved = fleet.site.job(&job)["tasks"]["work"]["move"].clone();
        assert_ne!(moved["phase"], "stayed", "{}", fleet.site.logged("management"));
        if moved["phase"] == "moved" {
            break moved;
        }
        sleep(Duration::from_millis(5));
    };
    let total = moved["bytes"].as_u64().unwrap();
    assert!(total > 96 << 20, "{moved}");
    let of_it = |fetch: &Value| fetch["node"] == to && fetch["what"] == "checkpoint" && fetch["total_bytes"] == total;
    assert!(seen.iter().all(of_it), "{moved} {seen:?}");
    let come: Vec<u64> = seen.iter().map(|fetch| fetch["bytes"].as_u64().unwrap()).collect();
    assert!(come.is_sorted() && come.first() < come.last() && come.last() == Some(&total), "{moved} {come:?}");
    assert_eq!(fleet.site.get(&format!("/v1/jobs/{job}/tasks/work/progress")).unwrap(), json!({}), "it runs");
    fleet.stop(&job);
    fleet.is_clean();
}

#[test]
fn a_named_volume_outlives_its_run_and_a_folder_is_mounted_where_that_is_allowed() {
    let Some(mut fleet) = Fleet::launch() else { return };
    let (name, own) = ("wharfinger-test-notes", fleet.site.folder.path().join("own"));
    fs::create_dir(&own).unwrap();
    fleet.start_worker_with(0, &["--mount-root", own.to_str().unwrap()]);
    fleet.site.node("n1", "ready");
    for other in ["n2", "n3"] {
        ureq::patch(fleet.site.url(&format!("/v1/nodes/{other}"))).send_json(json!({ "cordoned": true })).unwrap();
    }
    let volumes = json!({ name: { "bind": "/notes", "mode": "rw" }, own.to_str().unwrap(): { "bind": "/own", "mode": "rw" } });
    let run = |name: &str, script: &str, volumes: &Value, ends: &str| {
        let mut work = task(&fleet.swarm.dockers[0].image, script);
        (work["volumes"], work["attempts"]) = (volumes.clone(), 1.into());
        let job = fleet.submit_job(&json!({ "name": name, "tasks": { "work": work } }));
        (fleet.site.until(&job, ends)["tasks"]["work"].clone(), fleet.site.output(&job))
    };
    run("writes", "echo noted > /notes/note; echo seen > /own/file", &volumes, "succeeded");
    assert_eq!(fs::read_to_string(own.join("file")).unwrap(), "seen\n");
    let (_, read) = run("reads", "cat /notes/note /own/file", &volumes, "succeeded");
    assert_eq!(read, "noted\nseen\n");
    let (record, _) = run("denied", "true", &json!({ "/etc": { "bind": "/own", "mode": "ro" } }), "failed");
    assert_eq!(record["cause"], "start_refused", "{record:#}");
    fleet.swarm.dockers[0].say(&["volume", "rm", name]);
    fleet.is_clean();
}

#[test]
fn the_tasks_of_a_job_share_its_folder_over_nodes() {
    let Some(mut fleet) = Fleet::launch() else { return };
    // It stands for what an operator mounts on every host.
    let shared = fleet.site.folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    for (number, node) in NODES.iter().enumerate() {
        fleet.start_worker_with(number, &["--shared-root", shared.to_str().unwrap()]);
        fleet.site.node(node, "ready");
    }
    let shares = |script: &str| {
        let mut task = task(&fleet.swarm.dockers[0].image, script);
        (task["volumes"], task["attempts"]) = (json!({ "@job": { "bind": "/all" }, "@task": { "bind": "/own" } }), 1.into());
        // A whole node.
        task["resources"]["cores"] = 2.into();
        task
    };
    let tasks = json!({
        "gives": shares("touch /own/given; echo ahoy > /all/new; mv /all/new /all/word; until [ -e /all/heard ]; do sleep 0.1; done"),
        "takes": shares("until [ -e /all/word ]; do sleep 0.1; done; cat /all/word; ls /own; touch /all/heard"),
    });
    let job = fleet.submit_job(&json!({ "name": "shares", "tasks": tasks }));
    let record = fleet.site.until(&job, "succeeded")["tasks"].clone();
    assert_ne!(record["gives"]["node"], record["takes"]["node"], "{record:#}");
    let mut heard = ureq::get(fleet.site.url(&format!("/v1/jobs/{job}/tasks/takes/logs"))).call().unwrap();
    assert_eq!(heard.body_mut().read_to_string().unwrap(), "ahoy\n", "and what is another's own is not seen");
    fleet.is_clean();
}
