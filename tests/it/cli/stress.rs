//! `stress` against a server with fixed answers: every job is submitted once, and the report's counts are those of the server.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use super::server::{Server, json as answer, problem};
use super::*;

/// Takes every job but each seventh.
fn server() -> Server {
    let count = AtomicU32::new(0);
    Server::new(move |asked| match asked.line.split('?').next().unwrap() {
        "GET /healthz" => answer(200, r#"{"status": "ok", "version": "0.1.0"}"#),
        "POST /v1/jobs" if count.fetch_add(1, Ordering::Relaxed) % 7 == 6 => problem(429, "api-busy", "too many requests wait", "Later."),
        "POST /v1/jobs" => answer(202, r#"{"id": "j1", "name": "x", "state": "accepted"}"#),
        "GET /v1/jobs" if asked.line.contains("state=") => answer(200, r#"{"jobs": [], "next_cursor": null}"#),
        "GET /v1/jobs" => answer(
            200,
            r#"{"next_cursor": null, "jobs": [{"id": "j1", "name": "x", "tenant": null, "state": "succeeded", "reason": null,
            "submitted_at": "2026-01-15T09:30:00.000Z", "started_at": "2026-01-15T09:30:00.250Z", "ended_at": "2026-01-15T09:30:02.000Z",
            "priority": 0, "labels": {}, "tasks": {"total": 1, "by_state": {"succeeded": 1}}}]}"#,
        ),
        line => problem(404, "api-unknown-route", line, ""),
    })
}

#[test]
fn every_job_is_submitted_once_and_told() {
    let server = server();
    let play = ["stress", "random", "--lower", "10", "--upper", "40", "--steps", "10", "--interval", "50ms", "--rate", "100000", "--wait"];
    let job = ["--task-count", "2", "--task-cores", "3", "--task-mem", "64m", "--command", "sleep '0.5 '"];
    let called = call(&[&play[..], &job, &["-o", "json", "--server", &server.address]].concat());
    assert_eq!(called.code, 0, "{}", called.stderr);
    let report: Value = serde_json::from_str(&called.stdout).unwrap();
    let submits: Vec<_> = server.asked().into_iter().filter(|asked| asked.line == "POST /v1/jobs").collect();
    let keys: BTreeSet<_> = submits.iter().map(|asked| asked.header("idempotency-key").unwrap().to_owned()).collect();
    let sent = submits.len() as u64;
    assert!(sent > 100 && keys.len() as u64 == sent, "{sent}");
    let busy = sent / 7;
    assert_eq!(
        (&report["planned"], &report["submitted"], &report["accepted"], &report["refused"], &report["partial"]),
        (&sent.into(), &sent.into(), &(sent - busy).into(), &serde_json::json!({"api-busy": busy}), &false.into())
    );
    assert!(report["latency_ms"]["p50"].as_f64() <= report["latency_ms"]["max"].as_f64(), "{report}");
    assert_eq!((&report["jobs"]["by_state"], &report["jobs"]["wait_s"]["p50"]), (&serde_json::json!({"succeeded": 1}), &0.25.into()));
    let body: Value = serde_json::from_str(&submits[0].body).unwrap();
    let task = serde_json::json!({"kind": "container", "image": "", "command": ["sleep", "0.5 "], "resources": {"cores": 3, "memory": 67_108_864}});
    assert_eq!((&body["tasks"]["task-0"], &body["tasks"]["task-1"]), (&task, &task));
    assert_eq!(body["labels"]["stress"], report["session"]);
    // The same process and seed bring as many jobs in a simulation.
    let again = call(&[&play[..12], &["--template", "tests/scenarios/no-such.json", "--server", &server.address]].concat());
    assert_eq!(again.code, 3, "{}", again.stderr);
}

#[test]
fn bad_parameters_are_refused_before_anything_is_sent() {
    let server = server();
    for bad in [
        &["bursty", "--lambda", "0"][..],
        &["random", "--lower", "5", "--upper", "1"],
        &["steady", "--a", "0"],
        &["steady", "--a", "10000000", "--steps", "2"],
        &["steady", "--a", "1", "--command", "sleep '1"],
        &["steady", "--a", "1", "--rate", "0"],
    ] {
        let called = call(&[&["stress"], bad, &["--server", &server.address]].concat());
        assert_eq!(called.code, 2, "{bad:?}: {}", called.stderr);
    }
    assert!(server.asked().iter().all(|asked| !asked.line.starts_with("POST")));
}

#[test]
fn the_table_has_the_same_figures() {
    let server = server();
    let called = call(&["stress", "steady", "--a", "14", "--steps", "1", "--quiet", "--server", &server.address]);
    assert_eq!((called.code, called.stderr.as_str()), (0, ""));
    assert!(called.stdout.contains("14 of 14 submitted in ") && called.stdout.contains("\nrefused   2 api-busy\n"), "{}", called.stdout);
}
