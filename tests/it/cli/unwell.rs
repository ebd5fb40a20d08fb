//! How commands that ask a live system fail: exit codes, and one line with cause, fix and code. And what a token goes through.

use std::sync::atomic::{AtomicU32, Ordering};

use super::server::{Server, json as answer, problem};
use super::*;

#[test]
fn nobody_answers() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let called = call(&["jobs", "--server", &free.to_string()]);
    assert_eq!(called.code, 5, "{}", called.stderr);
    assert!(called.stderr.starts_with(&format!("error: http://{free} does not answer: ")), "{}", called.stderr);
    assert!(called.stderr.ends_with("[client-unreachable]\n") && called.stderr.contains("start `management`"), "{}", called.stderr);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let called = call(&["jobs", "--server", &address, "--timeout", "200ms"]);
    assert_eq!((called.code, called.stderr.contains("[client-timeout]")), (5, true), "{}", called.stderr);
}

#[test]
fn refusals_have_their_code_and_transient_ones_are_tried_again() {
    let tries = AtomicU32::new(0);
    let server = Server::new(move |asked| match asked.line.as_str() {
        "GET /v1/jobs/j1" => problem(404, "api-unknown-job", "there is no job `j1`", "See `management jobs`."),
        "GET /v1/jobs/j2" => answer(404, "<html>"),
        "GET /v1/jobs/j3" => problem(500, "api-store", "the store does not write", "See its log."),
        "POST /v1/jobs/j4/actions" => problem(429, "api-busy", "too many requests wait", "Try again later."),
        "GET /v1/policies" if tries.fetch_add(1, Ordering::Relaxed) < 2 => problem(503, "api-stopping", "the system is stopping", ""),
        "GET /v1/policies" => answer(200, "[]"),
        _ => answer(200, "{}"),
    });
    let code = |arguments: &[&str]| {
        let called = call(&[arguments, &["--server", &server.address]].concat());
        assert_eq!((called.stdout.as_str(), called.stderr.lines().count()), ("", 1), "{}", called.stderr);
        (called.code, called.stderr)
    };
    let (exit, said) = code(&["job", "j1"]);
    assert_eq!((exit, said.as_str()), (3, "error: there is no job `j1`. See `management jobs` [api-unknown-job]\n"));
    let (exit, said) = code(&["job", "j2"]);
    assert!(exit == 1 && said.contains("404 to GET /v1/jobs/j2") && said.contains("[client-answer]"), "{said}");
    assert_eq!(code(&["job", "j3"]).0, 1);
    let before = server.asked().len();
    assert_eq!(code(&["retry", "j4"]).0, 3);
    assert_eq!(server.asked().len(), before + 1, "a retry is not repeated");
    // Two refusals pass, and the third answer is none of ours.
    assert_eq!(code(&["policy"]).0, 1);
    assert_eq!(server.asked().len(), before + 4);
}

#[test]
fn a_token_comes_from_a_file_or_the_environment_and_is_never_shown() {
    let server = Server::of(&[("GET /v1/policies", problem(403, "api-forbidden", "the token has the role read", "Use another."))]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "wh_id_secret\n").unwrap();
    let called = call(&["policy", "--server", &server.address, "--token-file", text(&file)]);
    assert_eq!((called.code, called.stderr.contains("secret")), (3, false), "{}", called.stderr);
    assert_eq!(server.asked().pop().unwrap().header("authorization"), Some("Bearer wh_id_secret"));
    let said = command(&["policy"]).env("WHARFINGER_SERVER", &server.address).env("WHARFINGER_TOKEN", "wh_other_secret").output().unwrap();
    assert_eq!(said.status.code(), Some(3));
    assert_eq!(server.asked().pop().unwrap().header("authorization"), Some("Bearer wh_other_secret"));
    std::fs::write(&file, "two words").unwrap();
    let called = call(&["policy", "--server", &server.address, "--token-file", text(&file)]);
    assert!(called.code == 3 && called.stderr.contains("[client-token]") && !called.stderr.contains("words"), "{}", called.stderr);
    let called = call(&["policy", "--server", "http://192.0.2.1", "--token-file", text(&file)]);
    assert!(called.code == 3 && called.stderr.contains("[client-plain-token]"), "{}", called.stderr);
    assert_eq!(call(&["policy", "--server", "ftp://x"]).code, 2);
    let called = call(&["policy", "--server", "https://127.0.0.1:1", "--ca", text(&file)]);
    assert!(called.code == 3 && called.stderr.contains("[client-authorities]"), "{}", called.stderr);
}

#[test]
fn the_doctor_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let server = Server::of(&[
        ("GET /readyz", answer(200, r#"{"status": "ok", "version": "0.1.0"}"#)),
        (
            "GET /v1/actors",
            answer(200, r#"{"actors": [{"name": "discovery", "address": "10.0.0.1:4000", "here": false, "reachable": false}]}"#),
        ),
    ]);
    let called = call(&["doctor", "--state", text(&state), "--server", &server.address, "-o", "json"]);
    assert_eq!(called.code, 1, "{}", called.stderr);
    let report: Value = serde_json::from_str(&called.stdout).unwrap();
    assert_eq!(report["verdict"], "fail");
    let checks = report["checks"].as_array().unwrap();
    let of = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
    assert_eq!((&of("server")["verdict"], &of("store")["verdict"]), (&"ok".into(), &"ok".into()));
    assert_eq!((&of("actors")["verdict"], &of("actors")["found"]), (&"fail".into(), &"not reached: discovery (10.0.0.1:4000)".into()));
    assert!(call(&["doctor", "--state", text(&state), "--server", &server.address]).stdout.contains("FAIL  actors"));
}
