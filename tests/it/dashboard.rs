//! The page in a browser: `web/e2e` drives headless Chromium against systems that it starts, with the programs that were built here.
#![expect(clippy::unwrap_used, reason = "what starts a browser for a test may panic like the test")]

use std::process::Command;

use serde_json::{Value, json};

use crate::live::site::Site;
use crate::support::{management, present, program, project, worker};

/// Runs a file of `web/e2e` where Node, what it needs, and a browser are there.
fn passes(file: &str) {
    let Some(node) = program(&["node"]) else { return };
    let Some(chromium) = program(&["chromium", "chromium-browser", "google-chrome"]) else { return };
    let Some(worker) = worker() else { return };
    if !present(project("web/node_modules").is_dir(), "web/node_modules (npm ci --prefix web)") {
        return;
    }
    let ran = Command::new(node)
        .args(["--test", "--test-reporter=spec"])
        .arg(project("web/e2e").join(file))
        .env("WHARFINGER_MANAGEMENT", env!("CARGO_BIN_EXE_management"))
        .env("WHARFINGER_WORKER", worker)
        .env("WHARFINGER_CHROMIUM", chromium)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}\n{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_page_shows_a_live_system_and_acts_on_it() {
    passes("live.test.mjs");
}

#[test]
fn the_page_asks_for_a_token_and_offers_what_its_role_may_do() {
    passes("roles.test.mjs");
}

#[test]
fn the_page_says_that_the_system_is_away_and_comes_back_by_itself() {
    passes("away.test.mjs");
}

#[test]
fn the_page_plays_a_finished_run_and_two_of_them_locked_in_time() {
    passes("rerun.test.mjs");
}

#[test]
fn a_what_if_says_of_a_state_what_simulate_says_of_it() {
    let site = Site::new();
    let _management = site.launch();
    let file = project("tests/scenarios/whatif-state.json");
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut answer = ureq::post(site.url("/v1/whatif")).send_json(json!({"policy": "best-fit-decreasing", "state": state})).unwrap();
    let answer: Value = answer.body_mut().read_json().unwrap();
    for (run, policy) in [("present", "best-fit"), ("proposed", "best-fit-decreasing")] {
        let simulated = management().args(["simulate", "-q", "-o", "json", "--policy", policy, "--state"]).arg(&file).output().unwrap();
        let simulated: Value = serde_json::from_slice(&simulated.stdout).unwrap();
        let run = &answer[run];
        assert_eq!(run["journal_hash"], simulated["journal_hash"], "{policy}: {answer:#}");
        assert_eq!((&run["wait_mean_s"], &run["makespan_s"]), (&simulated["wait_s"]["mean"], &simulated["makespan_s"]));
    }
    let mut told = management();
    told.args(["whatif", "--policy", "best-fit-decreasing", "-o", "json", "--server", &site.url("")]);
    let told = told.arg("--state").arg(&file).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(serde_json::from_slice::<Value>(&told.stdout).unwrap(), answer, "the command says what the route says");
}
