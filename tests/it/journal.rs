//! The journal of a run: golden for a small scenario, the same for the same seed, and replayed to the same plans.

use std::fs;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use wharfinger::journal::{ReplayError, Replayed, replay};
use wharfinger::sim::scenario::Scenario;
use wharfinger::sim::simulation::{RunOptions, run};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Runs a scenario of tests/scenarios; returns the hash and the journal's text.
fn journalled(scenario: &str, seed: Option<u64>) -> (String, String) {
    let scenario = Scenario::read(&root().join("tests/scenarios").join(scenario)).expect("a good scenario");
    let config = scenario.config(seed.unwrap_or(scenario.base().seed)).expect("a good scenario");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.jsonl");
    let lines = BufWriter::new(fs::File::create(&file).expect("a file"));
    let options = RunOptions { journal: Some(Box::new(lines)), ..RunOptions::default() };
    let recording = run(&config, scenario.input.open(config.seed).expect("jobs"), options).expect("a run");
    (recording.summary.journal_hash, fs::read_to_string(&file).expect("a journal"))
}

fn replayed(journal: &str) -> Result<Replayed, ReplayError> {
    replay(BufReader::new(journal.as_bytes()))
}

#[test]
fn the_journal_of_the_small_scenario_is_golden() {
    let (_, journal) = journalled("small.json", None);
    let golden = root().join("tests/golden/small.journal.jsonl");
    if std::env::var_os("WHARFINGER_BLESS").is_some() {
        fs::write(&golden, &journal).expect("the golden file is written");
    }
    let expected = fs::read_to_string(&golden).expect("tests/golden/small.journal.jsonl; make it with WHARFINGER_BLESS=1");
    let differs = journal.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    if let Some(line) = differs {
        let (found, expected) = (journal.lines().nth(line).unwrap_or(""), expected.lines().nth(line).unwrap_or(""));
        panic!("line {} is\n{found}\nand was\n{expected}\nif that is right, run again with WHARFINGER_BLESS=1", line + 1);
    }
    assert_eq!(journal.lines().count(), expected.lines().count());
    // What the scenario is there for: a failure with its retry, a node lost, a migration, a policy switch.
    for mark in [r#""to":"unreachable""#, r#""attempt":2"#, r#""from":"migrating","to":"running""#, "policy_changed", r#""exit":1"#] {
        assert!(journal.contains(mark), "the journal shows no {mark}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    for scenario in ["small.json", "outages.json", "backfill.json"] {
        let (one, other) = (journalled(scenario, Some(5)), journalled(scenario, Some(5)));
        assert!(one == other, "{scenario}");
    }
    assert_ne!(journalled("small.json", Some(5)).0, journalled("small.json", Some(6)).0);
}

#[test]
fn a_journal_replays_to_the_same_plans() {
    for scenario in ["small.json", "outages.json", "backfill.json", "classes.json", "trace.json"] {
        let (hash, journal) = journalled(scenario, None);
        let result = replayed(&journal).unwrap_or_else(|error| panic!("{scenario}: {error}"));
        assert_eq!((result.journal_hash, result.complete), (hash, true), "{scenario}");
        assert!(result.plans > 0, "{scenario}");
    }
}

#[test]
fn a_changed_journal_is_found_out() {
    let (_, journal) = journalled("small.json", None);
    // Another core in a plan: the replay parts from it there.
    let line = journal.lines().position(|line| line.starts_with(r#"{"plan""#) && line.contains(r#""cpuset":"0"#)).expect("a plan");
    let changed: Vec<String> = journal
        .lines()
        .enumerate()
        .map(|(index, text)| if index == line { text.replacen(r#""cpuset":"0"#, r#""cpuset":"1"#, 1) } else { text.to_owned() })
        .collect();
    let changed = changed.join("\n");
    assert!(matches!(replayed(&changed), Err(ReplayError::Parted { line: at, .. }) if at as usize == line + 1));
    // Another time in an event: the plans are the same, the hash is not.
    let changed = journal.replacen(r#"{"event":{"seq":1,"at":0"#, r#"{"event":{"seq":1,"at":1"#, 1);
    assert_ne!(changed, journal);
    assert!(matches!(replayed(&changed), Err(ReplayError::Hash { .. })));
    assert!(matches!(replayed("nonsense"), Err(ReplayError::Read { line: 1, .. })));
}
