//! Saved states: what is written reads back, and what cannot run is refused.

use model::{CpuSet, Name, Progress};

use super::*;
use crate::sim::input::Fault;
use crate::sim::scenario::Document;

const STATE: &str = r#"{"format": "wharfinger-state", "version": 1, "time_s": 100,
"nodes": [
{"class": "big", "cores": 8, "memory": "16g", "topology": {"numa": 2, "smt": 2}, "host_cores": 2, "labels": {"zone": ""}, "names": ["b0", "b1"], "cordoned": ["b1"]},
{"class": "node", "cores": 4, "memory": "8g", "names": ["n0", "n1"], "down": ["n1"]}],
"jobs": [
{"job": {"name": "one", "tasks": {"a": {"kind": "container", "count": 3, "resources": {"cores": 2, "memory": "6g"}, "expected_s": 60}}}, "submitted_s": 40.5,
 "instances": [
{"task": "a", "index": 0, "state": "succeeded"},
{"task": "a", "index": 1, "state": "running", "node": "b0", "cpuset": "2-3", "attempt": 2, "started_s": 60, "expected_end_s": 130},
{"task": "a", "index": 2, "state": "running", "node": "b0", "cpuset": "4,6"}]},
{"job": {"name": "two", "tasks": {"a": {"kind": "service", "replicas": 2, "resources": {"cores": 1}}}}, "submitted_s": 99}]}"#;

fn state(text: &str) -> Result<SavedState, InputError> {
    parse(&Source::new("st.json", text))
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_state_says_what_runs_where() {
    let state = state(STATE).unwrap();
    assert_eq!(state.time, Millis(100_000));
    let cpuset: CpuSet = "2-3".parse().unwrap();
    let running = Progress::Running { node: name("b0"), cpuset, attempt: 2, started: Millis(60_000), ends: Some(Millis(130_000)) };
    assert_eq!(state.jobs[0].progress[..2], [Progress::Succeeded, running]);
    assert_eq!(state.jobs[1].progress, [Progress::Waiting, Progress::Waiting]);
    assert_eq!(arrivals(&state)[0].submitted, Millis(40_500));
    let cordon = Operation::Cordon { node: name("b1"), cordoned: true };
    assert_eq!(deeds(&state), [(state.time, Deed::Operate(cordon)), (state.time, Deed::Fail(NodeId(3)))]);
}

#[test]
fn what_is_written_reads_back_the_same() {
    let first = state(STATE).unwrap();
    let mut text = Vec::new();
    first.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(state(&text).unwrap(), first);
    assert!(!text.contains("null") && text.lines().count() < 12, "{text}");
}

#[test]
fn a_scenario_begins_at_the_state() {
    let state = state(STATE).unwrap();
    let source = Source::new(
        "s.json",
        r#"{"load": {"jobs": [{"at_s": 5, "job": {"name": "new", "tasks": {"a": {"kind": "container", "resources": {"cores": 1}}}}}]},
            "faults": {"fail": [{"node": "n0", "at_s": 7}]}, "end": {"at_s": 50}}"#,
    );
    let scenario = source.parse::<Document>().unwrap().resolve(&source, Some(&state)).unwrap();
    let config = scenario.config(1).unwrap();
    assert_eq!((config.start, config.until, config.nodes.len()), (Millis(100_000), Some(Millis(150_000)), 4));
    assert_eq!(config.script.last().unwrap(), &(Millis(107_000), Deed::Fail(NodeId(2))));
    let jobs: Vec<_> = scenario.input.open(1).unwrap().map(|job| job.map(|job| (job.spec.name.to_string(), job.at.0)).unwrap()).collect();
    assert_eq!(jobs, [("one".into(), 100_000), ("two".into(), 100_000), ("new".into(), 105_000)]);
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    for (from, to, place) in [
        ("wharfinger-state", "state", "st.json:1:12: format: it is no saved state"),
        ("\"version\": 1", "\"version\": 2", "st.json:1:43: version: it is 2"),
        ("\"node\": \"b0\", \"cpuset\": \"4,6\"", "\"cpuset\": \"4,6\"", "jobs[0].instances[2].node: it is missing"),
        ("\"4,6\"", "\"3,6\"", "st.json:10:71: jobs[0].instances[2].cpuset: `3,6` overlaps what runs on node `b0`"),
        ("\"4,6\"", "\"4\"", "instances[2].cpuset: `4` are 1 core, but the task has 2 cores"),
        ("\"4,6\"", "\"0,6\"", "instances[2].cpuset: `0,6` are not all cores that node `b0` has for tasks (`2-7`)"),
        ("\"6g\"", "\"9g\"", "instances[2].node: with it, tasks hold 18 GiB on node `b0`, which has 16 GiB"),
        ("\"b0\", \"cpuset\": \"4,6\"", "\"n1\", \"cpuset\": \"0-1\"", "instances[2].node: node `n1` is down"),
        ("\"expected_s\": 60", "\"ports\": {\"80\": 80}", "instances[2].node: host port 80/tcp of node `b0` is held"),
        ("\"index\": 2", "\"index\": 3", "instances[2].index: it is 3, but the task has 3 instances"),
        ("\"index\": 2", "\"index\": 1", "instances[2].index: this instance is named before"),
        ("\"task\": \"a\", \"index\": 2", "\"task\": \"ab\", \"index\": 2", "instances[2].task: unknown task `ab`"),
        ("\"attempt\": 2", "\"attempt\": 4", "instances[1].attempt: it is 4"),
        ("\"started_s\": 60", "\"started_s\": 101", "instances[1].started_s: it starts at"),
        ("\"expected_end_s\": 130", "\"expected_end_s\": 99", "instances[1].expected_end_s: it ends before"),
        ("\"submitted_s\": 99", "\"submitted_s\": 199", "jobs[1].submitted_s: it is submitted at"),
        ("\"cordoned\": [\"b1\"]", "\"cordoned\": [\"c1\"]", "nodes[0].cordoned[0]: unknown node of this class `c1`"),
        ("\"names\": [\"n0\", \"n1\"]", "\"names\": [\"b0\", \"n1\"]", "nodes: two nodes have the name `b0`"),
        ("\"smt\": 2", "\"smt\": 3", "nodes[0].topology: 8 cores do not divide"),
    ] {
        assert!(STATE.contains(from), "{from}");
        let error = state(&STATE.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(place), "{error}\n{place}");
    }
}

#[test]
fn an_ended_job_is_no_part_of_a_state() {
    let done = STATE.replace(r#""resources": {"cores": 1}}}}, "submitted_s": 99}"#,
        r#""resources": {"cores": 1}}}}, "submitted_s": 99, "instances": [{"task": "a", "state": "succeeded"}, {"task": "a", "index": 1, "state": "succeeded"}]}"#);
    assert!(matches!(state(&done).unwrap_err().fault, Fault::Contradiction(_)));
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    crate::sim::scenario::tests::check_schema::<StateDocument>("state.schema.json");
}
