//! Tasks: actions, changes, moves, outputs.

use model::{Bytes, Cores, Event, Image, JobState, Millis, NodeState, Run, TaskKey, TaskState};
use serde_json::json;

use super::site::Site;
use crate::runtime::{Fetch, Fetched};

#[test]
fn what_cannot_be_done_yet_says_what_can() {
    let site = Site::open();
    site.submit();
    let patch = |body: &str| site.send("PATCH", "/v1/jobs/j0/tasks/run", &[("content-type", "application/json")], body);
    let answer = patch(r#"{"replicas": 2}"#);
    assert_eq!(answer.problem().1, "api-unsupported");
    assert!(answer.json()["fix"].as_str().unwrap().contains("Submit another job"));
    assert_eq!(patch("{}").problem().1, "api-field");
    assert_eq!(patch(r#"{"resources": {"memory": "1e99g"}}"#).problem().2, "resources.memory");
    let answer = site.post("/v1/jobs/j0/tasks/run/actions", r#"{"action": "start"}"#);
    assert_eq!((answer.status, answer.problem().1.as_str()), (409, "api-unsupported"));
    assert_eq!(site.post("/v1/jobs/j0/tasks/run/actions", r#"{"action": "stop"}"#).status, 202);
    assert_eq!(site.post("/v1/jobs/j0/tasks/nope/actions", r#"{"action": "stop"}"#).problem().1, "api-unknown-task");
    assert_eq!(site.post("/v1/jobs/j0/tasks/run/actions", r#"{"action": "stop", "index": 1}"#).problem().1, "api-unknown-task");
    assert_eq!(site.post("/v1/jobs/j0/tasks/run/actions", r#"{"action": "stop", "to": "n"}"#).problem().2, "to");
}

#[test]
fn what_waits_is_amended_and_what_has_a_place_is_not() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    let patch = |body: &str| site.send("PATCH", "/v1/jobs/j0/tasks/run", &[("content-type", "application/json")], body);
    for (body, field) in [
        (r#"{"resources": {}}"#, "resources"),
        (r#"{"resources": {"cores": 0}}"#, "resources.cores"),
        (r#"{"resources": {"cores": 5}}"#, "resources"),
        (r#"{"resources": {"memory": "9g"}}"#, "resources"),
    ] {
        assert_eq!(patch(body).problem().2, field, "{body}");
    }
    assert_eq!(patch(r#"{"resources": {"cores": 3, "memory": "2g"}, "priority": 7}"#).status, 202);
    let shown = site.get("/v1/jobs/j0").json();
    assert_eq!(shown["priority"], 7, "{shown}");
    let spec = site.trial.door.view(|view| view.job(job).unwrap().spec.clone());
    assert_eq!((spec.body.tasks[0].cores, spec.body.tasks[0].memory), (model::Cores(3), model::Bytes(2 << 30)));
    site.run(job, node);
    assert_eq!(patch(r#"{"resources": {"cores": 1}}"#).status, 202, "it gets them where it runs");
    let (task, run) = (TaskKey { job, instance: 0 }, Run { attempt: 1, placement: 1 });
    site.publish(Event::Task { task, run, node: Some(node), from: TaskState::Running, to: TaskState::Migrating, cause: None });
    let placed = patch(r#"{"resources": {"cores": 1}, "priority": 8}"#);
    assert_eq!((placed.status, placed.problem().1.as_str()), (409, "api-unsupported"));
    assert!(placed.json()["fix"].as_str().unwrap().contains("while every instance of the task waits"));
    assert_eq!(patch(r#"{"priority": 8}"#).problem().1, "api-wrong-state", "nothing of it waits");
    assert_eq!(site.get("/v1/jobs/j0").json()["priority"], 7);
}

#[test]
fn moves_are_all_checked_before_any_starts() {
    let site = Site::open();
    let (alpha, _) = (site.join(0, "alpha"), site.join(1, "beta"));
    let (first, _) = (site.submit(), site.submit());
    let act = |body: &str| site.post("/v1/jobs/j0/tasks/run/actions", body);
    assert_eq!(act(r#"{"action": "migrate"}"#).problem().1, "api-wrong-state");
    site.run(first, alpha);
    assert_eq!(act(r#"{"action": "migrate", "to": "beta"}"#).status, 202);
    assert_eq!(act(r#"{"action": "migrate", "to": "alpha"}"#).problem().2, "to");
    assert_eq!(act(r#"{"action": "migrate", "to": "gamma"}"#).problem().1, "api-unknown-node");
    let group = |moves: &str| site.post("/v1/jobs/actions/migrate", &format!(r#"{{"moves": [{moves}]}}"#));
    let one = r#"{"job": "j0", "task": "run", "to": "beta"}"#;
    assert_eq!(group(one).status, 202);
    assert_eq!(group("").problem().2, "moves");
    assert_eq!(group(&format!("{one}, {one}")).problem().2, "moves[1].task");
    assert_eq!(group(&format!(r#"{one}, {{"job": "j1", "task": "run"}}"#)).problem().1, "api-wrong-state");
    assert_eq!(group(&format!(r#"{one}, {{"job": "j9", "task": "run"}}"#)).problem().1, "api-unknown-job");
    assert_eq!(group(r#"{"job": "j0", "task": "../x"}"#).problem().2, "moves[0].task");
}

#[test]
fn a_group_of_moves_needs_room_for_all_of_it() {
    let site = Site::open();
    let (alpha, beta, gamma) = (site.join(0, "alpha"), site.join(1, "beta"), site.join(2, "gamma"));
    for node in [alpha, beta, gamma] {
        site.run(site.submit(), node);
    }
    let group = |moves: &str| site.post("/v1/jobs/actions/migrate", &format!(r#"{{"moves": [{moves}]}}"#));
    let one = |job: u32, to: &str| format!(r#"{{"job": "j{job}", "task": "run"{to}}}"#);
    let (to_beta, to_alpha) = (r#", "to": "beta""#, r#", "to": "alpha""#);
    let both = group(&format!("{}, {}", one(0, to_beta), one(2, to_beta)));
    assert_eq!(both.problem().1, "api-wrong-state", "beta has two cores free, and each takes two");
    assert_eq!(group(&format!("{}, {}", one(0, to_beta), one(1, to_alpha))).status, 202, "each goes where room is");
    assert_eq!(group(&format!("{}, {}, {}", one(0, to_beta), one(2, to_alpha), one(1, ""))).status, 202, "the last one finds gamma");
    assert_eq!(group(&format!("{}, {}, {}", one(0, to_beta), one(1, to_alpha), one(2, ""))).problem().1, "api-wrong-state");
}

#[test]
fn a_move_is_seen_in_the_record_and_what_it_holds_is_where_it_is() {
    let site = Site::open();
    let (alpha, beta) = (site.join(0, "alpha"), site.join(1, "beta"));
    let job = site.submit();
    site.run(job, alpha);
    let record = || site.get("/v1/jobs/j0").json()["tasks"]["run"].clone();
    let task = TaskKey { job, instance: 0 };
    let at = |placement| Run { attempt: 1, placement };
    let became = |run, node, from, to| site.publish(Event::Task { task, run, node: Some(node), from, to, cause: None });
    let begin = |placement: u16| {
        became(at(1), alpha, TaskState::Running, TaskState::Migrating);
        let cpuset = "0,3".parse().unwrap();
        site.publish(Event::Reserved { task, run: at(placement), node: beta, cpuset, memory: Bytes(1 << 30) });
    };
    let release =
        |placement, node| site.publish(Event::Released { task, run: at(placement), node, cores: Cores(2), memory: Bytes(1 << 30) });
    let seen = |phase: &str, node: &str, cpuset: &str| {
        let record = record();
        let (moved, place) = (&record["move"], &record["placement"]);
        assert_eq!((&moved["phase"], &moved["from"], &moved["to"]), (&phase.into(), &"alpha".into(), &"beta".into()), "{record:#}");
        assert_eq!((&place["node"], &place["cpuset"]), (&node.into(), &cpuset.into()), "{record:#}");
        record
    };
    let ready = |placement| site.publish(Event::Prepared { task, run: at(placement), node: beta });
    begin(2);
    seen("preparing", "alpha", "1-2");
    ready(2);
    seen("checkpointing", "alpha", "1-2");
    let image = Image { size: Bytes(5000), elapsed: Millis(7), remaining: None };
    site.publish(Event::Checkpointed { task, run: at(1), node: alpha, image, kept: false });
    assert_eq!(seen("restoring", "alpha", "1-2")["move"]["bytes"], 5000);
    let progress = || site.get("/v1/jobs/j0/tasks/run/progress").json();
    assert_eq!(progress(), json!({}), "its target has not begun to fetch it");
    site.trial.fetches(Some(Fetch { what: Fetched::Checkpoint, bytes: Bytes(17), total: Bytes(5000) }));
    let fetch = json!({ "node": "beta", "what": "checkpoint", "bytes": 17, "total_bytes": 5000 });
    assert_eq!(progress(), json!({ "fetch": fetch }));
    release(2, beta);
    became(at(1), alpha, TaskState::Migrating, TaskState::Running);
    assert!(seen("stayed", "alpha", "1-2")["move"]["downtime_ms"].is_u64());
    begin(3);
    assert!(seen("preparing", "alpha", "1-2")["move"]["bytes"].is_null());
    release(3, beta);
    became(at(1), alpha, TaskState::Migrating, TaskState::Running);
    assert_eq!(seen("stayed", "alpha", "1-2")["move"]["downtime_ms"], 0, "nobody asked it to stand still");
    assert_eq!(progress(), json!({}), "what runs has all that it needs, whatever its node says");
    begin(4);
    ready(4);
    release(1, alpha);
    became(at(4), beta, TaskState::Migrating, TaskState::Running);
    assert!(seen("moved", "beta", "0,3")["move"]["downtime_ms"].is_u64());
}

#[test]
fn a_checkpoint_is_seen_in_the_record_and_a_job_is_restored_from_it() {
    let site = Site::open();
    let (alpha, job) = (site.join(0, "alpha"), site.submit());
    let act = |action: &str| site.post("/v1/jobs/j0/tasks/run/actions", &format!(r#"{{"action": "{action}"}}"#));
    assert_eq!(act("checkpoint").problem().1, "api-wrong-state", "it waits");
    site.run(job, alpha);
    assert_eq!(act("checkpoint").status, 202);
    assert_eq!(site.post("/v1/jobs/j0/tasks/run/actions", r#"{"action": "checkpoint", "to": "alpha"}"#).problem().2, "to");
    let (task, run) = (TaskKey { job, instance: 0 }, Run { attempt: 1, placement: 1 });
    let became = |from, to| site.publish(Event::Task { task, run, node: Some(alpha), from, to, cause: None });
    let record = || site.get("/v1/jobs/j0").json()["tasks"]["run"].clone();
    became(TaskState::Running, TaskState::Migrating);
    let image = Image { size: Bytes(5000), elapsed: Millis(7), remaining: None };
    site.publish(Event::Checkpointed { task, run, node: alpha, image, kept: true });
    let made = record()["checkpoint"].clone();
    assert_eq!((&made["node"], &made["bytes"], &made["downtime_ms"]), (&"alpha".into(), &5000.into(), &serde_json::Value::Null));
    became(TaskState::Migrating, TaskState::Running);
    assert!(record()["checkpoint"]["downtime_ms"].is_u64() && record()["move"].is_null(), "{:#}", record());

    let restore = || site.post("/v1/jobs/j0/actions", r#"{"action": "restore"}"#);
    assert_eq!(restore().problem().1, "api-wrong-state", "it runs");
    became(TaskState::Running, TaskState::Failed);
    site.publish(Event::Job { job, from: JobState::Running, to: JobState::Failed, cause: None });
    site.publish(Event::Node { node: alpha, from: NodeState::Ready, to: NodeState::Unreachable });
    let refused = restore();
    assert_eq!((refused.status, refused.problem().1.as_str()), (409, "api-wrong-state"), "what keeps it is not there");
    site.publish(Event::Node { node: alpha, from: NodeState::Unreachable, to: NodeState::Ready });
    assert_eq!(restore().status, 202);
    assert_eq!(restore().problem().1, "api-wrong-state", "it is on its way");
}

#[test]
fn outputs_are_read_in_parts_and_followed() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    let path = "/v1/jobs/j0/tasks/run/logs";
    assert_eq!(site.get(path).problem().1, "api-no-log", "it has not started");
    site.run(job, node);
    assert_eq!(site.get(path).problem().1, "api-no-log", "its node keeps none");
    site.trial.write_log(b"one\ntwo\n", false);
    let answer = site.get(&format!("{path}?limit=4"));
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("one\n", "text/plain"));
    assert_eq!((answer.header("x-log-next-offset"), answer.header("x-log-more")), ("4", "true"));
    let answer = site.get(&format!("{path}?offset=4&stream=stderr&attempt=1&index=0"));
    assert_eq!((answer.text.as_str(), answer.header("x-log-more")), ("two\n", "false"));
    assert_eq!(site.get(&format!("{path}?attempt=2")).problem().1, "api-no-log");
    for query in ["limit=0", "limit=9999999", "stream=stdin", "offset=-1", "attempt=x"] {
        assert_eq!(site.get(&format!("{path}?{query}")).problem().2, query.split('=').next().unwrap(), "{query}");
    }
    site.trial.write_log(b"one\n", true);
    let followed = std::thread::scope(|scope| {
        let followed = scope.spawn(|| site.get(&format!("{path}?follow=true")));
        std::thread::sleep(std::time::Duration::from_millis(200));
        site.trial.write_log(b"one\ntwo\n", false);
        followed.join().unwrap()
    });
    assert_eq!(followed.text, "one\ntwo\n");
}
