//! Doors: who may import whom.

use super::assert_none;
use super::{paths, tree};

/// What each pure crate may depend on, in its manifest and in its sources. Everything else stays outside: a dependency
/// that reads clocks, opens sockets or starts threads would make the machines impure without a word in their own code.
const PURE: [(&str, &[&str]); 4] = [
    (
        "model",
        &[
            "indexmap",
            "parse-size",
            "rand",
            "rand_distr",
            "schemars",
            "serde",
            "serde_json",
            "serde_path_to_error",
            "shlex",
            "smallvec",
            "thiserror",
        ],
    ),
    ("scheduler", &["model", "serde", "smallvec"]),
    ("actors", &["model", "scheduler", "serde", "smallvec"]),
    ("engine", &["model", "serde"]),
];

/// Our own crates, as paths begin with them.
const OURS: [&str; 7] = ["wharfinger", "model", "scheduler", "actors", "engine", "link", "workers"];

/// Rooms of the root package, and what their code does not name: our rooms as `wharfinger::room`, other crates by name.
/// Files that exist in tests alone may reach further, so that a room can be tried with its neighbours.
const ROOMS: &[(&str, &[&str], &str)] = &[
    (
        "sim",
        &["tokio", "wharfinger::runtime", "wharfinger::api", "wharfinger::store", "wharfinger::cli"],
        "virtual time knows no live carrier",
    ),
    ("runtime", &["wharfinger::sim", "wharfinger::cli", "wharfinger::api"], "the carriers do not know each other"),
    ("api", &["wharfinger::store", "wharfinger::sim", "wharfinger::cli"], "the API asks machines, not records"),
    (
        "config",
        &["tokio", "wharfinger::runtime", "wharfinger::api", "wharfinger::store", "wharfinger::cli", "wharfinger::sim"],
        "a configuration says what the live system is told, and starts nothing",
    ),
    ("store", &["wharfinger::api", "wharfinger::sim", "wharfinger::cli"], "a store keeps records and knows nobody"),
    (
        "client",
        &["tokio", "axum", "wharfinger::api", "wharfinger::runtime", "wharfinger::store", "wharfinger::sim", "wharfinger::cli"],
        "a client knows what the API says, not how it comes to say it",
    ),
    ("report", &["tokio", "wharfinger::sim", "wharfinger::cli", "wharfinger::runtime"], "a report renders what was recorded, by whomever"),
    // Draws come from the named substreams of `sim::random`, which hold no state; the rest of the simulator is out of reach.
    (
        "stress",
        &[
            "tokio",
            "wharfinger::report",
            "wharfinger::cli",
            "wharfinger::sim",
            "wharfinger::runtime",
            "wharfinger::store",
            "wharfinger::api",
        ],
        "arrival processes are pure, and what plays them is a client like any other",
    ),
];

/// What of a forbidden room may be named all the same.
const DOORS: [(&str, &[&str]); 3] =
    [("stress", &["wharfinger::sim::random"]), ("client", &["wharfinger::api::body"]), ("config", &["wharfinger::sim::input"])];

#[test]
fn pure_crates_depend_on_nothing_but_what_is_listed() {
    let mut offences = Vec::new();
    for (krate, allowed) in PURE {
        let manifest = format!("src/{krate}/Cargo.toml");
        for dependency in dependencies(&tree::text(&manifest)) {
            if !allowed.contains(&dependency.as_str()) {
                offences.push(format!("{manifest}: {dependency}"));
            }
        }
    }
    assert_none(
        "model imports nothing of ours; scheduler imports model; actors both; engine model; none of them a crate that touches the world",
        "move the code to a room that may have the dependency, or add a pure dependency to PURE in tests/it/tidy/doors.rs",
        &offences,
    );
}

#[test]
fn pure_crates_name_only_the_crates_behind_their_doors() {
    let mut offences = Vec::new();
    for source in tree::sources() {
        let Some((krate, allowed)) = PURE.into_iter().find(|(krate, _)| *krate == source.krate()) else { continue };
        for path in paths::of(&source) {
            let first = path.segments[0].as_str();
            if OURS.contains(&first) && first != krate && !allowed.contains(&first) {
                offences.push(format!("{}:{}: {}", source.path, path.line, path.segments.join("::")));
            }
        }
    }
    assert_none(
        "a pure crate names only the crates behind its doors",
        "turn the dependency round: pass what is needed in as data",
        &offences,
    );
}

#[test]
fn rooms_of_the_root_keep_their_doors() {
    let sources = tree::sources();
    let tests = tree::test_modules(&sources);
    let mut offences = Vec::new();
    for source in sources.iter().filter(|source| !tree::is_test_file(source, &tests)) {
        let Some((room, forbidden, why)) = ROOMS.iter().find(|(room, ..)| Some(*room) == source.room()) else { continue };
        let doors = DOORS.iter().find(|(of, _)| of == room).map_or(&[][..], |(_, doors)| *doors);
        for path in paths::of(source) {
            let name = path.segments.join("::");
            let begins = |door: &&str| name == **door || name.starts_with(&format!("{door}::"));
            if forbidden.iter().any(begins) && !doors.iter().any(begins) {
                offences.push(format!("{}:{}: {name} ({why})", source.path, path.line));
            }
        }
    }
    assert_none("rooms of the root keep their doors", "move the code, or pass what is needed in as data or as a trait", &offences);
}

#[test]
fn a_link_carries_bytes_and_knows_nothing_of_ours() {
    let manifest = dependencies(&tree::text("src/link/Cargo.toml"));
    let named = tree::sources().into_iter().filter(|source| source.krate() == "link").flat_map(|source| {
        let ours = paths::of(&source).into_iter().filter(|path| path.segments[0] != "link" && OURS.contains(&path.segments[0].as_str()));
        ours.map(|path| format!("{}:{}: {}", source.path, path.line, path.segments.join("::"))).collect::<Vec<_>>()
    });
    let offences: Vec<String> = manifest.into_iter().filter(|name| OURS.contains(&name.as_str())).chain(named).collect();
    assert_none("a link carries bytes", "encode the message in the room that knows it", &offences);
}

#[test]
fn nothing_imports_main() {
    let text = tree::text("src/lib.rs");
    assert!(!text.contains("main"), "law: nothing imports main, so src/lib.rs does not name it");
    assert!(tree::sources().iter().all(|source| paths::of(source).iter().all(|path| path.segments[..] != ["wharfinger", "main"])));
}

#[test]
fn machines_never_wait() {
    let pure = PURE.map(|(krate, _)| krate);
    let mut offences = Vec::new();
    for source in tree::sources().iter().filter(|source| pure.contains(&source.krate())) {
        let waits = paths::words(source).into_iter().filter(|(word, _)| ["async", "await", "spawn"].contains(&word.as_str()));
        offences.extend(waits.map(|(word, line)| format!("{}:{line}: {word}", source.path)));
    }
    assert_none(
        "machines are pure: they take an input and fill an outbox",
        "let the carrier wait; make what it waits for a message or a timer",
        &offences,
    );
}

#[test]
fn every_member_takes_the_shared_lints() {
    let manifests: Vec<String> = tree::files().into_iter().filter(|path| path.ends_with("Cargo.toml")).collect();
    assert!(manifests.len() >= 6, "{manifests:?}");
    let without = manifests.into_iter().filter(|path| !tree::text(path).contains("[lints]\nworkspace = true")).collect::<Vec<_>>();
    assert_none("lints are shared", "add `[lints]` with `workspace = true` to the manifest", &without);
}

/// The names under `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let after = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let lines = after.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty() && !name.starts_with('#'));
    names.map(str::to_owned).collect()
}

#[test]
fn the_reader_of_paths_sees_groups_macros_and_relative_paths() {
    let text = "use super::{x, super::cli::Y}; use tokio; mod inner { fn f() { assert!(crate::report::is(super::super::sim::Z)); } }";
    let items = syn::parse_file(text).unwrap().items;
    let source = tree::Source { path: "src/stress/load.rs".into(), text: text.into(), items };
    let found: Vec<String> = paths::of(&source).into_iter().map(|path| path.segments.join("::")).collect();
    assert_eq!(found, ["wharfinger::stress::x", "wharfinger::cli::Y", "tokio", "wharfinger::report::is", "wharfinger::stress::sim::Z"]);
}
