//! `cargo xtask check`: formatting, lints, doors, and smoke runs of what tests do not start.

use serde_json::Value;

use crate::{Outcome, run};

/// Crates that touch the world, and the members that must not be built on them. A manifest shows direct dependencies;
/// this looks at all that cargo would build.
const DOORS: [(&str, &[&str]); 6] = [
    ("model", WORLD),
    ("scheduler", WORLD),
    ("actors", WORLD),
    ("engine", WORLD),
    ("wharfinger", &["bollard"]),
    ("workers", &["axum", "mongodb", "rusqlite", "ssh2"]),
];
const WORLD: &[&str] = &[
    "axum",
    "bollard",
    "crossbeam",
    "getrandom",
    "hyper",
    "mio",
    "mongodb",
    "parquet",
    "plotters",
    "rayon",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "ssh2",
    "tokio",
    "utoipa",
    "zeromq",
];

/// Everything but the tests.
///
/// # Errors
/// The first check that fails.
pub fn run() -> Outcome {
    run::cargo(&["fmt", "--all", "--check"]).done()?;
    run::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).done()?;
    doors()?;
    // In the mode of tests every bench runs once and measures nothing.
    run::cargo(&["bench", "--bench", "*", "--", "--test"]).done()?;
    smoke()
}

/// What cargo would build for each pure crate holds nothing that touches the world.
///
/// # Errors
/// Which crate reaches where it must not.
pub fn doors() -> Outcome {
    for (member, forbidden) in DOORS {
        let tree = run::cargo(&["tree", "--package", member, "--edges", "normal", "--prefix", "none", "--format", "{p}"]).output()?;
        let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        if let Some(name) = forbidden.iter().find(|name| names.contains(name)) {
            return Err(format!("{member} is built on {name}; see `cargo tree --package {member} --edges normal --invert {name}`"));
        }
        println!("doors: {member} is built on none of {}", forbidden.join(", "));
    }
    Ok(())
}

/// The release build: the demo ends well, and a scenario run twice gives one hash.
fn smoke() -> Outcome {
    let management = build()?;
    run::program_of(&management, &["demo"]).done()?;
    let simulate = || -> Result<String, String> {
        let text = run::program_of(&management, &["simulate", "tests/scenarios/small.json", "-o", "json"]).output()?;
        let json: Value = serde_json::from_str(&text).map_err(|error| format!("simulate -o json: {error}"))?;
        json["journal_hash"].as_str().map(str::to_owned).ok_or_else(|| "simulate -o json has no journal_hash".to_owned())
    };
    let (first, second) = (simulate()?, simulate()?);
    if first != second {
        return Err(format!("the same arguments and seed gave the hashes {first} and {second}"));
    }
    println!("smoke: the same hash twice, {first}");
    Ok(())
}

/// Makes the release build of the programs; returns where `management` is.
///
/// # Errors
/// When it does not build.
pub fn build() -> Result<std::path::PathBuf, String> {
    run::cargo(&["build", "--release", "--workspace", "--bin", "management", "--bin", "worker"]).done()?;
    Ok(run::target().join("release/management"))
}
