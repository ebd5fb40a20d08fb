//! The page in a browser: `web/e2e` drives headless Chromium against systems that it starts, with the programs that were built here.
#![expect(clippy::unwrap_used, reason = "what starts a browser for a test may panic like the test")]

use std::process::Command;

use crate::support::{present, program, project, worker};

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
