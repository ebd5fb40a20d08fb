//! What cannot be started says why, and what to do: one line with its code, and the documented exit code.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use super::site::Site;

/// Runs it to its end; exit code and what it said.
fn said(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    (status.code().expect("it ends by itself"), text.lines().last().unwrap_or_default().to_owned())
}

#[test]
fn a_management_that_cannot_be_one_says_why() {
    let site = Site::new();
    let _running = site.launch();
    let (code, line) = said(&mut site.up(&[]));
    assert!(code == 1 && line.contains("management doctor") && line.ends_with("[api-address]"), "{line}");
    // Other ports, the same records.
    let other = Site::new();
    let (code, line) = said(Command::new(env!("CARGO_BIN_EXE_management")).args(["up", "--state"]).arg(site.state()).envs(ports(&other)));
    assert!(code == 1 && line.contains("is open in process") && line.ends_with("[store-locked]"), "{line}");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, line) = said(other.up(&[]).env("WHARFINGER_DC__PORT", held.local_addr().unwrap().port().to_string()));
    assert!(code == 1 && line.ends_with("[link-address]"), "{line}");
    let file = other.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, line) = said(Command::new(env!("CARGO_BIN_EXE_management")).args(["up", "--state"]).arg(&file).envs(ports(&other)));
    assert!(code == 1 && line.contains("name one of this user's with --state"), "{line}");
    let (code, line) = said(other.up(&[]).env("WHARFINGER_GM__WORKER_PROT", "1"));
    assert!(code == 3 && line.ends_with("did you mean `worker_port`? [input-unknown]"), "{line}");
    let (code, line) = said(other.up(&[]).env("WHARFINGER_FE__ADDRESS", "0.0.0.0"));
    assert!(code == 3 && line.ends_with("[api-open-address]"), "{line}");
    let (code, line) = said(&mut other.up(&["--actor", "discovery"]));
    assert!(code == 3 && line.contains("--join-token-file"), "{line}");
}

fn ports(site: &Site) -> Vec<(String, String)> {
    let up = site.up(&[]);
    let text = |word: &std::ffi::OsStr| word.to_str().unwrap().to_owned();
    up.get_envs().filter_map(|(key, value)| Some((text(key), text(value?)))).collect()
}

#[test]
fn a_worker_that_is_not_let_in_says_why() {
    let Some(program) = crate::support::worker() else { return };
    let site = Site::new();
    let _running = site.launch();
    let port = ports(&site).into_iter().find(|(key, _)| key == "WHARFINGER_GM__WORKER_PORT").unwrap().1;
    let token = fs::read_to_string(site.state().join("join-token")).unwrap();
    let parts: Vec<&str> = token.trim().split('.').collect();
    let changed = |part: usize| {
        let mut parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
        let first = if parts[part].starts_with('a') { "b" } else { "a" };
        parts[part].replace_range(..1, first);
        parts.join(".")
    };
    let worker = |token: &str| {
        let mut command = Command::new(&program);
        command.args(["--name", "n", "--manager", &format!("127.0.0.1:{port}"), "--token", token]);
        said(command.arg("--state").arg(site.folder.path().join("n")))
    };
    for (token, code) in [(changed(3), "link-refused"), (changed(1), "link-certificate"), ("wh1.x".into(), "link-token")] {
        let (exit, line) = worker(&token);
        assert!(exit == 3 && line.contains(code), "{code}: {line}");
    }
    let (exit, line) = said(Command::new(&program).args(["--manager", "127.0.0.1"]));
    assert!(exit == 2, "{line}");
}
