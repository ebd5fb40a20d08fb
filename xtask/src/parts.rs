//! Real parts and data that tests need and that may be absent.

use std::path::PathBuf;

use crate::{real, run};

/// A part: what it is called, whether it is here, and what is not tested without it.
struct Part {
    name: &'static str,
    present: bool,
    without: &'static str,
}

/// Says which parts are here; in CI all must be.
///
/// # Errors
/// In CI, which one is absent.
pub fn report() -> crate::Outcome {
    let shared = |path: &str| run::root().join("../shared").join(path).exists();
    let parts = [
        Part { name: "traces (../shared/traces)", present: shared("traces"), without: "the tests on real traces skip" },
        Part { name: "instances (../shared/instances)", present: shared("instances"), without: "the tests on packing instances skip" },
        Part { name: "formats (../shared/formats)", present: shared("formats"), without: "the tests on sample documents skip" },
        Part {
            name: "chromium",
            present: found(&["chromium", "chromium-browser", "google-chrome"]),
            without: "the tests that open the report page skip",
        },
        Part {
            name: "node, and what web/package-lock.json names (npm ci)",
            present: found(&["node"]) && run::root().join("web/node_modules").is_dir(),
            without: "the tests of the page in a browser skip",
        },
        Part {
            name: "ip, socat, nsenter, flock",
            present: ["ip", "socat", "nsenter", "flock"].iter().all(|name| found(&[name])),
            without: "the tests over a bad network, and those that kill programs at random, skip",
        },
        Part {
            name: "three Docker engines (cargo xtask real-parts)",
            present: real::Part::Swarm.state().is_some(),
            without: "the tests on containers skip",
        },
        Part {
            name: "two sshds (cargo xtask real-parts)",
            present: real::Part::Sshd.state().is_some(),
            without: "the tests that launch workers by SSH skip",
        },
        Part {
            name: "a MongoDB-speaking server (cargo xtask real-parts)",
            present: real::Part::Mongo.state().is_some(),
            without: "the tests of the MongoDB store skip",
        },
        Part { name: "cargo-nextest", present: nextest(), without: "cargo test runs the tests" },
    ];
    println!("real parts:");
    for Part { name, present, without } in &parts {
        match present {
            true => println!("  present  {name}"),
            false => println!("  absent   {name}: {without}"),
        }
    }
    let needed = parts.iter().filter(|part| part.name != "cargo-nextest");
    match needed.into_iter().find(|part| !part.present) {
        Some(part) if std::env::var_os("CI").is_some() => Err(format!("{} is absent; CI has all parts", part.name)),
        _ => Ok(()),
    }
}

/// Whether cargo-nextest is here.
pub fn nextest() -> bool {
    found(&["cargo-nextest"])
}

fn found(names: &[&str]) -> bool {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    // Cargo finds its subcommands beside itself too.
    folders.extend(std::env::var_os("CARGO").and_then(|cargo| Some(PathBuf::from(cargo).parent()?.to_owned())));
    names.iter().any(|name| folders.iter().any(|folder| folder.join(name).is_file()))
}
