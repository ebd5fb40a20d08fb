//! A run is its arguments: the same ones and the same seed give the same, on any number of threads.

use super::*;

const OUTAGES: &str = "tests/scenarios/outages.json";

#[test]
fn two_runs_are_one() {
    let first = json(&["simulate", OUTAGES]);
    assert_eq!(first["journal_hash"], json(&["simulate", OUTAGES, "--check"])["journal_hash"]);
    assert_ne!(first["journal_hash"], json(&["simulate", OUTAGES, "--seed", "12"])["journal_hash"]);
}

#[test]
fn journals_are_the_same_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let journal = |name: &str| {
        let out = folder.path().join(name);
        good(&["simulate", OUTAGES, "--latency", "20ms", "--jitter", "7ms", "--out", text(&out), "--journal"]);
        (std::fs::read(out.join("journal.jsonl")).unwrap(), std::fs::read(out.join("events.parquet")).unwrap())
    };
    assert!(journal("one") == journal("two"));
}

#[test]
fn threads_change_nothing() {
    let compare =
        |threads| good(&["compare", OUTAGES, "--policies", "first-fit,l2", "--seeds", "3", "--threads", threads, "-o", "json"]).stdout;
    let (one, many) = (compare("1"), compare("4"));
    let hashes = |output: &str| output.lines().filter(|line| line.contains("journal_hash")).map(String::from).collect::<Vec<_>>();
    assert_eq!(hashes(&one).len(), 6);
    assert_eq!(hashes(&one), hashes(&many));
    assert_eq!(masked(&one), masked(&many));
    let size = |threads| good(&["size", OUTAGES, "--seeds", "3", "--end", "600", "--threads", threads, "-o", "json"]).stdout;
    assert_eq!(size("1"), size("4"));
}

#[test]
fn policies_are_paired_by_seed() {
    let compared = json(&["compare", OUTAGES, "--policies", "first-fit,l2", "--seeds", "2", "--seed", "5"]);
    let alone = json(&["simulate", OUTAGES, "--policy", "l2", "--seed", "6"]);
    let run = &compared["policies"][1]["runs"][1];
    assert_eq!((&run["seed"], &run["journal_hash"]), (&6.into(), &alone["journal_hash"]));
    assert_eq!(compared["pairs"][0]["effects"][0]["seeds"], 2);
}
