//! The command line, through the binary: its outputs against golden files, its refusals, and that a run is its arguments.
//!
//! `WHARFINGER_BLESS=1 cargo test --test it cli` writes the golden files anew.
#![expect(clippy::unwrap_used, reason = "what calls the program for a test may panic like the test")]

mod commands;
mod help;
mod interrupt;
mod live;
mod refusals;
mod sameness;
mod server;
mod snapshots;
mod stress;
mod unwell;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a call of the program came to.
struct Called {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A call of the program, from the project's root.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_management"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    // What the developer's shell says of a system of theirs is not for the tests.
    for name in ["WHARFINGER_SERVER", "WHARFINGER_TOKEN", "WHARFINGER_CA", "WHARFINGER_STATE"] {
        command.env_remove(name);
    }
    command
}

fn call(arguments: &[&str]) -> Called {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Called { code: status.code().expect("it ends by itself"), stdout: text(stdout), stderr: text(stderr) }
}

/// Calls it, and expects that all is well.
fn good(arguments: &[&str]) -> Called {
    let called = call(arguments);
    assert_eq!(called.code, 0, "{arguments:?}: {}", called.stderr);
    called
}

/// The result as JSON.
fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&good(&[arguments, &["-o", "json"]].concat()).stdout).unwrap()
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Hides what differs from call to call: wall-clock figures, and the hash, which the golden journal guards.
fn masked(output: &str) -> String {
    let line = |line: &str| {
        let hidden = |upto: &str| line.find(upto).map(|at| format!("{}#", &line[..at + upto.len()]));
        if line.starts_with("simulated ") {
            return hidden(" events in ").unwrap();
        }
        if line.starts_with("journal ") {
            return hidden("journal ").unwrap();
        }
        let field = ["\"wall_s\": ", "\"events_per_s\": ", "\"peak_rss_bytes\": ", "\"journal_hash\": "]
            .into_iter()
            .find(|field| line.contains(field));
        match field {
            Some(field) => format!("{}{}", hidden(field).unwrap(), if line.ends_with(',') { "," } else { "" }),
            None => line.to_owned(),
        }
    };
    output.lines().map(line).map(|line| line + "\n").collect()
}

/// Compares with a golden file.
fn golden(name: &str, found: &str) {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/golden/cli", name].iter().collect();
    let found = masked(found);
    if std::env::var_os("WHARFINGER_BLESS").is_some() {
        std::fs::write(&file, &found).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        wanted == found,
        "{} differs. If the new output is right, write it: WHARFINGER_BLESS=1 cargo test --test it cli\n--- wanted\n{wanted}\n--- found\n{found}",
        file.display()
    );
}

/// The files and folders in a folder, hidden ones included.
fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
