//! Jobs: submitted, listed, looked at, stopped, tried again, deleted.

use model::{Cause, Event, JobState, Run, TaskKey, TaskState, WaitReason};

use super::site::{JOB, Site};
use crate::api::body::{Checked, Job, JobList, Taken, Why};

fn read<T: serde::de::DeserializeOwned>(answer: &super::site::Answer) -> T {
    serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

#[test]
fn a_job_is_taken_listed_and_looked_at() {
    let site = Site::open();
    let answer = site.post("/v1/jobs", JOB);
    assert_eq!((answer.status, answer.header("location")), (202, "/v1/jobs/j0"));
    let taken: Taken = read(&answer);
    assert_eq!((taken.id.as_str(), taken.name.as_str(), taken.state), ("j0", "tide", JobState::Accepted));
    let list: JobList = read(&site.get("/v1/jobs"));
    assert_eq!((list.jobs.len(), list.jobs[0].tasks.total, list.next_cursor), (1, 1, None));
    let job: Job = read(&site.get("/v1/jobs/j0"));
    assert_eq!((job.format.as_str(), job.started_at, job.tasks["run"].cores), ("native", None, 2));
    assert!(site.get("/v1/jobs/j0").json()["submitted_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_job_that_runs_shows_where_and_one_that_ended_shows_how() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    site.run(job, node);
    let view = site.get("/v1/jobs/j0").json();
    assert_eq!(view["state"], "running");
    let task = &view["tasks"]["run"];
    assert_eq!(task["state"], "running");
    assert_eq!(task["placement"], serde_json::json!({"node": "alpha", "cpuset": "1-2", "memory_bytes": 1u64 << 30, "number": 1}));
    assert_eq!((&task["attempt"], &task["node"]), (&1.into(), &"alpha".into()));
    site.end(job, node);
    let view = site.get("/v1/jobs/j0").json();
    assert_eq!((&view["state"], &view["tasks"]["run"]["state"]), (&"succeeded".into(), &"succeeded".into()));
    assert!(view["ended_at"].is_string() && view["tasks"]["run"].get("placement").is_none());
}

#[test]
fn an_attempt_that_failed_is_history() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    site.run(job, node);
    let (task, run) = (TaskKey { job, instance: 0 }, Run { attempt: 1, placement: 1 });
    let cause = Some(Cause::Exit(3));
    site.publish(Event::Task { task, run, node: Some(node), from: TaskState::Running, to: TaskState::Ready, cause });
    let view = site.get("/v1/jobs/j0").json();
    let past = &view["tasks"]["run"]["history"][0];
    assert_eq!((&past["attempt"], &past["state"], &past["node"]), (&1.into(), &"failed".into(), &"alpha".into()));
    assert_eq!((&past["reason"], &past["exit_code"]), (&"exit".into(), &3.into()));
}

#[test]
fn several_instances_are_listed_and_summed_up() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let body = r#"{"name": "wide", "tasks": {"a": {"kind": "container", "count": 3, "resources": {"cores": 1}},
        "b": {"kind": "container", "resources": {"cores": 1}, "depends_on": [{"task": "a"}]}}}"#;
    assert_eq!(site.post("/v1/jobs", body).status, 202);
    site.run(model::JobId(0), node);
    let view = site.get("/v1/jobs/j0").json();
    let task = &view["tasks"]["a"];
    assert_eq!((&task["state"], &task["count"], task["instances"].as_array().unwrap().len()), (&"running".into(), &3.into(), 3));
    assert_eq!((&task["instances"][2]["index"], &task["instances"][2]["state"]), (&2.into(), &"blocked".into()));
    assert_eq!(view["tasks"]["b"]["waiting_for"], serde_json::json!(["a"]));
    let one = site.get("/v1/jobs/j0/tasks/a?index=1").json();
    assert!(one["index"] == 1 && one.get("instances").is_none());
    assert_eq!(site.get("/v1/jobs/j0/tasks/a?index=3").problem().1, "api-unknown-task");
}

#[test]
fn a_waiting_task_has_a_typed_reason() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    let (task, run) = (TaskKey { job, instance: 0 }, Run::default());
    site.publish(Event::Task { task, run, node: None, from: TaskState::Blocked, to: TaskState::Ready, cause: None });
    let shape = model::ShapeId(0);
    site.publish(Event::Shaped { task, end: 1, shape });
    let reason = Some(WaitReason::CoresShort { short_by: model::Cores(2), nearest: node });
    site.publish(Event::Waiting { shape, reason });
    let why: Why = read(&site.get("/v1/jobs/j0/why"));
    let reason = &why.waiting[0].reason;
    assert_eq!((reason.code.as_str(), reason.short_by, reason.nearest_node.as_ref().unwrap().as_str()), ("cores_short", Some(2), "alpha"));
    assert_eq!(site.get("/v1/jobs/j0").json()["tasks"]["run"]["reason"]["code"], "cores_short");
}

#[test]
fn a_key_names_one_job() {
    let site = Site::open();
    let send =
        |key: &str, body: &str| site.send("POST", "/v1/jobs", &[("content-type", "application/json"), ("idempotency-key", key)], body);
    assert_eq!(read::<Taken>(&send("k1", JOB)).id, "j0");
    let again = send("k1", JOB);
    assert_eq!((again.status, read::<Taken>(&again).id), (202, "j0".to_owned()));
    assert_eq!(send("k1", &JOB.replace("tide", "ebb")).problem(), (409, "api-key-conflict".into(), String::new()));
    assert_eq!(read::<Taken>(&send("k2", JOB)).id, "j1");
    let longest = "k".repeat(255);
    assert_eq!(send(&longest, JOB).status, 202);
    for key in ["k".repeat(256).as_str(), "a b", "\u{e9}"] {
        assert_eq!(send(key, JOB).problem(), (400, "api-field".into(), "Idempotency-Key".into()), "{key}");
    }
}

#[test]
fn a_dry_run_takes_nothing_and_says_where_the_job_could_run() {
    let site = Site::open();
    site.join(0, "alpha");
    let answer = site.post("/v1/jobs?dry_run=true", JOB);
    let checked: Checked = read(&answer);
    assert_eq!((answer.status, checked.placeable), (200, true));
    assert_eq!(checked.job["tasks"]["run"]["attempts"], 3, "defaults are written out");
    let large = JOB.replace("\"cores\": 2", "\"cores\": 5");
    assert!(!read::<Checked>(&site.post("/v1/jobs?dry_run=true", &large)).placeable);
    assert!(read::<JobList>(&site.get("/v1/jobs")).jobs.is_empty());
}

#[test]
fn pages_follow_each_other() {
    let site = Site::open();
    for index in 0..7 {
        let tenant = if index % 2 == 0 { "even" } else { "odd" };
        let body = JOB.replace("\"tasks\"", &format!("\"tenant\": \"{tenant}\", \"labels\": {{\"n\": \"{index}\"}}, \"tasks\""));
        assert_eq!(site.post("/v1/jobs", &body).status, 202);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/jobs?limit=3".to_owned();
    loop {
        let page: JobList = read(&site.get(&path));
        seen.extend(page.jobs.into_iter().map(|job| job.id));
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/v1/jobs?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ["j6", "j5", "j4", "j3", "j2", "j1", "j0"]);
    let ids = |query: &str| read::<JobList>(&site.get(&format!("/v1/jobs?{query}"))).jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids("tenant=odd"), ["j5", "j3", "j1"]);
    assert_eq!(ids("label=n%3D4"), ["j4"]);
    assert_eq!(ids("state=accepted&label=n&limit=2"), ["j6", "j5"]);
    assert_eq!(site.get("/v1/jobs?cursor=zzz").problem().2, "cursor");
    for query in ["limit=0", "limit=1001", "limit=x", "state=gone", "colour=1"] {
        let (status, code, field) = site.get(&format!("/v1/jobs?{query}")).problem();
        assert_eq!((status, code.as_str(), field.as_str()), (400, "api-field", query.split('=').next().unwrap()), "{query}");
    }
}

#[test]
fn actions_need_a_state_that_allows_them() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    let act = |action: &str| site.post("/v1/jobs/j0/actions", &format!(r#"{{"action": "{action}"}}"#));
    assert_eq!(act("stop").status, 202);
    assert_eq!(act("retry").problem().1, "api-wrong-state");
    site.run(job, node);
    let task = TaskKey { job, instance: 0 };
    let run = Run { attempt: 1, placement: 1 };
    let (from, to) = (TaskState::Stopping, TaskState::Stopped);
    site.publish(Event::Task { task, run, node: Some(node), from, to, cause: Some(Cause::Requested) });
    site.publish(Event::Job { job, from: JobState::Stopping, to: JobState::Stopped, cause: None });
    assert_eq!(act("stop").problem().1, "api-wrong-state");
    assert_eq!(read::<Taken>(&act("start")).state, JobState::Accepted);
    assert_eq!(act("pause").problem().2, "action");
    assert_eq!(site.delete("/v1/jobs/j0").status, 202);
    for path in ["/v1/jobs/j0", "/v1/jobs/j0/why", "/v1/jobs/j00", "/v1/jobs/0", "/v1/jobs/j99999999999", "/v1/jobs/%2e%2e"] {
        assert_eq!(site.get(path).problem().1, "api-unknown-job", "{path}");
    }
}
