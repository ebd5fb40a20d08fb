//! The queue: its order, its reasons, its promises; and who asks.

use model::{Bytes, Cores, Event, JobId, Millis, Policy, PolicyName, QueueOrder, Run, ShapeId, TaskKey, TaskState, WaitReason};

use super::site::Site;

impl Site {
    /// A job with this priority and these cores, whose only task waits with this reason.
    fn wait(&self, name: &str, priority: i32, cores: u32, reason: WaitReason) -> JobId {
        let document = format!(
            r#"{{"name": "{name}", "priority": {priority}, "tasks": {{"run": {{"kind": "container", "command": ["true"], "resources": {{"cores": {cores}}}}}}}}}"#
        );
        let answer = self.post("/v1/jobs", &document);
        assert_eq!(answer.status, 202, "{answer:?}");
        let job = JobId(answer.json()["id"].as_str().unwrap()[1..].parse().unwrap());
        let task = TaskKey { job, instance: 0 };
        let (from, to) = (TaskState::Blocked, TaskState::Ready);
        self.publish(Event::Task { task, run: Run::default(), node: None, from, to, cause: None });
        self.publish(Event::Shaped { task, end: 1, shape: ShapeId(job.0) });
        self.publish(Event::Waiting { shape: ShapeId(job.0), reason: Some(reason) });
        job
    }

    fn queued(&self) -> Vec<String> {
        let queue = self.get("/v1/queue").json();
        queue["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn jobs_wait_in_the_order_of_the_policy_with_their_reasons_and_promises() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let first = site.wait("first", 0, 1, WaitReason::CoresShort { short_by: Cores(1), nearest: node });
    let head = TaskKey { job: first, instance: 0 };
    site.wait("large", 1, 4, WaitReason::WouldDelay { head, promised: Millis(1_768_469_400_120) });
    site.wait("urgent", 9, 2, WaitReason::BehindHead { head });
    assert_eq!(site.queued(), ["first", "large", "urgent"]);

    let queue = site.get("/v1/queue").json();
    assert_eq!((&queue["order"], &queue["waiting_jobs"], &queue["waiting_tasks"]), (&"arrival".into(), &3.into(), &3.into()));
    let job = &queue["jobs"][0];
    let reason = &job["reason"];
    assert_eq!((&reason["code"], &reason["short_by"], &reason["short_unit"]), (&"cores_short".into(), &1.into(), &"cores".into()));
    assert_eq!((&job["reason"]["nearest_node"], &job["promised_at"]), (&"alpha".into(), &"2026-01-15T09:30:00.120Z".into()));
    assert!(queue["jobs"][1].get("promised_at").is_none(), "nothing is promised to one that is held back");

    for (order, names) in [(QueueOrder::Decreasing, ["large", "urgent", "first"]), (QueueOrder::Priority, ["urgent", "large", "first"])] {
        site.publish(Event::PolicyChanged { policy: Policy { order, ..PolicyName::BestFit.into() } });
        assert_eq!(site.queued(), names);
    }
    let job =
        site.wait("gang", 0, 1, WaitReason::GangShort { fitted: 1, of: 2, cores: Cores(0), memory: Bytes(1 << 20), nearest: Some(node) });
    let gang = site.get(&format!("/v1/jobs/{job}/why")).json()["waiting"][0]["reason"].clone();
    assert_eq!((&gang["short_by"], &gang["short_unit"]), (&(1 << 20).into(), &"bytes".into()), "{gang}");
    let one = site.get("/v1/queue?limit=1").json();
    assert_eq!((one["jobs"].as_array().unwrap().len(), &one["waiting_jobs"]), (1, &4.into()));
}

#[test]
fn what_has_a_place_or_has_ended_does_not_wait() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    assert_eq!(site.queued(), [""; 0]);
    let job = site.wait("only", 0, 2, WaitReason::NoNode);
    site.run(job, node);
    assert_eq!(site.queued(), [""; 0]);
    site.end(job, node);
    assert_eq!(site.queued(), [""; 0]);
}

#[test]
fn where_no_token_is_asked_for_everybody_may_do_everything() {
    assert_eq!(Site::open().get("/v1/whoami").json()["role"], "admin");
}
