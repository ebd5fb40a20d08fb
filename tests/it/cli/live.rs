//! The commands that ask a live system, against a server with fixed answers: what they send, what they print, and how they fail.

use super::server::{Answer, Server, json as answer, problem};
use super::*;

const JOB: &str = r#"{"id": "j12", "name": "delay-forecast", "tenant": "portauthority", "format": "native", "state": "running", "reason": null,
  "site": null, "engine": null, "submitted_at": "2026-01-15T09:30:00.120Z", "started_at": "2026-01-15T09:30:02.004Z", "ended_at": null,
  "priority": 50, "labels": {"team": "planning"}, "tasks": {
    "clean": {"cores": 2, "memory_bytes": 536870912, "count": 1, "index": 0, "state": "succeeded", "since": "2026-01-15T09:30:31.700Z",
      "attempt": 1, "node": "pier-1", "started_at": "2026-01-15T09:30:02.004Z", "ended_at": "2026-01-15T09:30:31.700Z", "cause": "exit",
      "exit_code": 0},
    "train": {"cores": 4, "memory_bytes": 4294967296, "count": 1, "index": 0, "state": "blocked", "since": "2026-01-15T09:30:00.120Z",
      "attempt": 0, "waiting_for": ["clean", "sweep"]},
    "sweep": {"cores": 1, "memory_bytes": 0, "count": 2, "index": 0, "state": "ready", "since": "2026-01-15T09:30:12.000Z", "attempt": 2,
      "instances": [
        {"index": 0, "state": "running", "since": "2026-01-15T09:30:12.000Z", "attempt": 2, "node": "pier-2",
          "placement": {"node": "pier-2", "cpuset": "4", "memory_bytes": 0, "number": 1}, "started_at": "2026-01-15T09:30:12.000Z",
          "history": [{"attempt": 1, "state": "lost", "node": "pier-1", "started_at": null, "ended_at": "2026-01-15T09:30:11.000Z",
            "reason": "node_lost"}]},
        {"index": 1, "state": "ready", "since": "2026-01-15T09:30:12.000Z", "attempt": 0,
          "reason": {"code": "cores_short", "short_by": 1, "nearest_node": "pier-2", "since": "2026-01-15T09:30:12.000Z",
            "detail": "1 core short on the nearest node, pier-2"}}]}}}"#;

fn summary(id: u32, state: &str, ended: &str) -> String {
    format!(
        r#"{{"id": "j{id}", "name": "forecast-{id}", "tenant": null, "state": "{state}", "reason": null, "submitted_at":
        "2026-01-15T09:30:00.000Z", "started_at": "2026-01-15T09:30:00.250Z", "ended_at": {ended}, "priority": 0, "labels": {{}},
        "tasks": {{"total": 3, "by_state": {{"ready": 1, "{state}": 2}}}}}}"#
    )
}

const NODE: &str = r#""id": "n0", "name": "pier-1", "state": "ready", "since": "2026-01-15T09:00:00.000Z", "cordoned": true, "suspect": false, "schedulable": false,
  "pressure": "none", "epoch": 1, "labels": {"zone": "north"}, "capacity": {"cores": 8, "memory_bytes": 17179869184}, "cpuset": "0-7",
  "allocated": {"cores": 3, "memory_bytes": 1073741824}"#;

/// Asks the server with the program.
fn ask(server: &Server, arguments: &[&str]) -> Called {
    call(&[arguments, &["--server", &server.address]].concat())
}

/// Asks in both shapes, and compares with golden files.
fn both(server: &Server, name: &str, arguments: &[&str]) {
    for (shape, ending) in [("table", "txt"), ("json", "json")] {
        let called = ask(server, &[arguments, &["-o", shape]].concat());
        assert_eq!(called.code, 0, "{arguments:?}: {}", called.stderr);
        golden(&format!("live/{name}.{ending}"), &called.stdout);
    }
}

#[test]
fn jobs_nodes_policies_and_tokens_are_shown() {
    let page = |jobs: &[String], next: &str| answer(200, &format!(r#"{{"jobs": [{}], "next_cursor": {next}}}"#, jobs.join(",")));
    let ended = summary(7, "succeeded", "\"2026-01-15T09:31:00.250Z\"");
    let policy = r#"{"placement": {"name": "best-fit", "order": "arrival", "fit": "best-fit", "admission": "skip", "cores": "lowest",
        "preempt": false, "kill_overrun": false}}"#;
    let tokens = r#"{"tokens": [{"id": "7h3k2m", "note": "nightly", "role": "submit", "made_at": "2026-01-15T09:00:00.000Z",
        "expires_at": "2026-02-14T09:00:00.000Z"}]}"#;
    let server = Server::of(&[
        ("GET /v1/jobs?state=running&label=team%3Dplanning&limit=50", page(&[summary(9, "running", "null")], "\"c1\"")),
        ("GET /v1/jobs?state=running&label=team%3Dplanning&limit=49&cursor=c1", page(&[], "\"c2\"")),
        ("GET /v1/jobs?state=running&label=team%3Dplanning&limit=49&cursor=c2", page(&[ended], "null")),
        ("GET /v1/jobs/j12", answer(200, JOB)),
        ("GET /v1/nodes?limit=500", answer(200, &format!(r#"{{"nodes": [{{{NODE}}}], "next_cursor": null}}"#))),
        (
            "GET /v1/nodes/pier-1",
            answer(200, &format!(r#"{{{NODE}, "tasks": [{{"job": "j12", "task": "sweep", "index": 0, "attempt": 2, "cpuset": "4-6"}}]}}"#)),
        ),
        ("GET /v1/policies", answer(200, policy)),
        ("PUT /v1/policies/placement", answer(202, policy)),
        ("GET /v1/tokens", answer(200, tokens)),
        (
            "GET /v1/jobs/j12/why",
            answer(
                200,
                r#"{"id": "j12", "name": "delay-forecast", "state": "running", "reason": null, "waiting": [{"task": "sweep", "index": 1,
                "reason": {"code": "cores_short", "short_by": 1, "since": "2026-01-15T09:30:12.000Z", "detail": "1 core short on pier-2"}}]}"#,
            ),
        ),
    ]);
    both(&server, "jobs", &["jobs", "--state", "running", "--label", "team=planning"]);
    both(&server, "job", &["job", "j12"]);
    both(&server, "nodes", &["nodes"]);
    both(&server, "node", &["node", "pier-1"]);
    both(&server, "policy", &["policy"]);
    both(&server, "tokens", &["token", "list"]);
    both(&server, "why", &["why", "j12"]);
    ask(&server, &["policy", "l2+easy+preempt"]);
    assert_eq!(server.asked().last().unwrap().body, r#"{"name":"l2","admission":"easy","preempt":true}"#);
}

#[test]
fn actions_say_what_is_on_its_way() {
    let taken = r#"{"id": "j12", "name": "forecast", "state": "stopping"}"#;
    let node = |action: &str| answer(202, &format!(r#"{{"node": "pier-1", "action": "{action}"}}"#));
    let actions = ["drain", "undrain", "cordon", "uncordon"];
    let server = Server::new(move |asked| match asked.line.as_str() {
        "POST /v1/jobs/j12/actions" => answer(202, taken),
        "POST /v1/nodes/pier-1/actions" => {
            let action = serde_json::from_str::<Value>(&asked.body).unwrap()["action"].as_str().unwrap().to_owned();
            node(&action)
        }
        "DELETE /v1/tokens/7h3k2m" => Answer { status: 204, headers: Vec::new(), body: Vec::new() },
        "POST /v1/tokens" => {
            answer(201, r#"{"id": "7h3k2m", "token": "wh_7h3k2m_secret", "role": "submit", "expires_at": "2026-01-22T09:00:00.000Z"}"#)
        }
        _ => problem(404, "api-unknown-route", "there is no such path", "Look at the document."),
    });
    for (command, done) in [("stop", "told to stop"), ("retry", "tried again")] {
        assert_eq!(ask(&server, &[command, "j12"]).stdout, format!("j12 (forecast) is {done}\n"));
        assert_eq!(server.asked().last().unwrap().body, format!(r#"{{"action":"{command}"}}"#));
    }
    for action in actions {
        let called = ask(&server, &[action, "pier-1"]);
        assert!(called.code == 0 && called.stdout.starts_with("pier-1 "), "{action}: {}", called.stderr);
        assert_eq!(server.asked().last().unwrap().body, format!(r#"{{"action":"{action}","migrate":false}}"#));
    }
    ask(&server, &["drain", "pier-1", "--migrate", "--no-wait"]);
    assert!(server.asked().last().unwrap().body.contains(r#""migrate":true"#));
    let made = ask(&server, &["token", "create", "--role", "submit", "--expires", "7d", "--note", "nightly"]);
    assert_eq!(made.stdout, "id       7h3k2m\nrole     submit\nexpires  2026-01-22 09:00:00\ntoken    wh_7h3k2m_secret\n");
    assert!(made.stderr.contains("the only time"), "{}", made.stderr);
    assert_eq!(server.asked().last().unwrap().body, r#"{"role":"submit","note":"nightly","expires_in_s":604800}"#);
    assert_eq!(ask(&server, &["token", "revoke", "7h3k2m"]).stdout, "7h3k2m has no power any more\n");
}

#[test]
fn a_submission_has_a_key_and_may_be_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.json");
    std::fs::write(&file, "{\"name\": \"x\"}").unwrap();
    let looks = std::sync::atomic::AtomicU32::new(0);
    let server = Server::new(move |asked| match asked.line.as_str() {
        "POST /v1/jobs?format=native" => answer(202, r#"{"id": "j12", "name": "delay-forecast", "state": "accepted"}"#),
        "POST /v1/jobs?format=native&dry_run=true" => {
            answer(200, r#"{"job": {"name": "x"}, "placeable": false, "tasks": {"a": {"count": 2, "nodes": 0}}}"#)
        }
        "POST /v1/jobs?format=swarm-job" => problem(400, "api-bad-json", "the body is no JSON at line 1", "Mend it"),
        "GET /v1/jobs/j12" if looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => answer(200, JOB),
        "GET /v1/jobs/j12" => answer(200, &JOB.replacen("\"running\"", "\"failed\"", 1)),
        _ => problem(404, "api-unknown-route", "there is no such path", ""),
    });
    assert_eq!(ask(&server, &["submit", text(&file)]).stdout, "j12 (delay-forecast): accepted\n");
    let asked = server.asked().pop().unwrap();
    assert_eq!((asked.body.as_str(), asked.header("content-type")), ("{\"name\": \"x\"}", Some("application/json")));
    assert_eq!(asked.header("idempotency-key").unwrap().len(), 32);
    ask(&server, &["submit", text(&file), "--key", "nightly"]);
    assert_eq!(server.asked().pop().unwrap().header("idempotency-key"), Some("nightly"));
    let dry = ask(&server, &["submit", text(&file), "--dry-run"]);
    assert!(dry.stdout.starts_with("x: no node that is known now could hold every task; nothing was submitted\n"), "{}", dry.stdout);
    let waited = ask(&server, &["submit", text(&file), "--wait"]);
    assert_eq!(waited.code, 1, "the job failed: {}", waited.stderr);
    assert!(waited.stdout.contains("state      failed\n"), "{}", waited.stdout);
    let refused = ask(&server, &["submit", text(&file), "--format", "swarm-job"]);
    let said = format!("error: {}: the body is no JSON at line 1. Mend it [api-bad-json]\n", text(&file));
    assert_eq!((refused.code, refused.stderr), (3, said));
    let missing = ask(&server, &["submit", "no-such-file.json"]);
    assert_eq!((missing.code, missing.stderr.as_str()), (3, "error: no-such-file.json: there is no such file [input-missing]\n"));
}

#[test]
fn events_are_shown_once_and_followed_over_broken_connections() {
    let event = |seq: u32| {
        let data = format!(
            r#"{{"id":"e{seq}","seq":{seq},"time":"2026-01-15T09:30:12.001Z","type":"task.state","tenant":null,"job":"j12","task":"tide","index":0,"node":"pier-1","attempt":2,"placement":1,"from":"ready","to":"scheduled","reason":null,"data":{{}}}}"#
        );
        format!("id: {seq}\nevent: task.state\ndata: {data}\n\n")
    };
    let stream = |body: String| Answer { status: 200, headers: vec![("content-type", "text/event-stream".into())], body: body.into() };
    let server = Server::new(move |asked| match asked.line.as_str() {
        "GET /v1/events?since=0" => stream(format!(": alive\n\n{}{}", event(1), event(2))),
        "GET /v1/events?type=task.state" => stream(event(1) + "id: 2\nevent: task"),
        "GET /v1/events?since=1&type=task.state" => stream(event(1) + &event(2)),
        "GET /v1/events?since=2&type=task.state" => problem(410, "api-events-gone", "events after 2 are gone", "Look at the state."),
        _ => problem(404, "api-unknown-route", &asked.line, ""),
    });
    let kept = ask(&server, &["events"]);
    let line = |seq: u32| format!("{seq:>6}  2026-01-15T09:30:12.001Z  task.state j12 tide[0] ready -> scheduled on pier-1\n");
    assert_eq!((kept.code, kept.stdout), (0, line(1) + &line(2)));
    let followed = ask(&server, &["events", "--follow", "--type", "task.state", "-o", "json"]);
    assert_eq!((followed.code, followed.stdout.lines().count()), (3, 2), "{}", followed.stderr);
    assert_eq!(followed.stderr, "error: events after 2 are gone. Look at the state [api-events-gone]\n");
}

#[test]
fn logs_are_printed_as_they_were_written() {
    let part = |offset: u64, bytes: &[u8]| Answer { status: 200, headers: vec![("x-log-offset", offset.to_string())], body: bytes.into() };
    let server = Server::of(&[
        ("GET /v1/jobs/j12/tasks/tide/logs?stream=stdout&offset=0&limit=1048576", part(10, b"a\nb")),
        ("GET /v1/jobs/j12/tasks/tide/logs?stream=stdout&offset=13&limit=1048576", part(13, b"c\n")),
        ("GET /v1/jobs/j12/tasks/tide/logs?stream=stdout&offset=15&limit=1048576", part(15, b"")),
        ("GET /v1/jobs/j12/tasks/tide/logs?stream=stderr&attempt=1&index=3&offset=0&follow=true", part(0, b"oh\n")),
    ]);
    let log = ask(&server, &["logs", "j12", "tide"]);
    assert_eq!((log.stdout.as_str(), log.stderr.as_str()), ("a\nbc\n", "note: 10 bytes at the beginning are no longer kept\n"));
    let log = ask(&server, &["logs", "j12", "tide", "--stderr", "--attempt", "1", "--index", "3", "--follow"]);
    assert_eq!((log.code, log.stdout.as_str()), (0, "oh\n"), "{}", log.stderr);
}

#[test]
fn the_live_state_and_history_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let state = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cli/state.json")).unwrap();
    let trace = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/trace.csv")).unwrap();
    let server = Server::of(&[
        ("GET /v1/snapshot", answer(200, std::str::from_utf8(&state).unwrap())),
        ("GET /v1/export?format=native", Answer { status: 200, headers: vec![("content-type", "text/csv".into())], body: trace.clone() }),
    ]);
    let file = folder.path().join("now.json");
    let saved = ask(&server, &["snapshot", "--state-out", text(&file)]);
    assert_eq!((saved.code, std::fs::read(&file).unwrap()), (0, state), "{}", saved.stderr);
    let history = folder.path().join("history.csv");
    ask(&server, &["export", "--format", "native", "--out", text(&history)]);
    assert_eq!(std::fs::read(&history).unwrap(), trace);
    assert_eq!(ask(&server, &["export"]).stdout.as_bytes(), trace);
    good(&["simulate", "--state", text(&file), "--quiet"]);
    good(&["simulate", "--trace", text(&history), "--format", "native", "--nodes", "2", "--cores", "8", "--memory", "16GiB", "--quiet"]);
    for port in ["front-end", "global-manager"] {
        let document: Value = serde_json::from_str(&good(&["openapi", "--port", port]).stdout).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1") && document["paths"].is_object(), "{document}");
    }
    let at = ask(&server, &["snapshot", "--at", "1h", "--state-out", text(&file)]);
    assert_eq!(at.code, 2, "{}", at.stderr);
}
