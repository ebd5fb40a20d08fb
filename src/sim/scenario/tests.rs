//! Scenario files: what they become, and what is refused with which words.

use std::path::PathBuf;

use model::{Admission, Cores, JobId, NodeId, Policy, PolicyName, TaskKey};

use super::*;
use crate::sim::config::Timing;

fn scenario(text: &str) -> Result<Scenario, InputError> {
    let source = Source::new("s.json", text);
    source.parse::<Document>()?.resolve(&source, None)
}

/// A scenario with one line for each part, so that errors can be told by their lines: nodes on 2, load on 3, the rest on 4.
fn parts(nodes: &str, load: &str, rest: &str) -> Result<Config, InputError> {
    scenario(&format!("{{\n\"nodes\": [{nodes}],\n\"load\": {{{load}}}{}\n{rest}}}", if rest.is_empty() { "" } else { "," }))
        .and_then(|scenario| scenario.config(0))
}

const NODES: &str = r#"{"count": 2, "cores": 4, "memory": "8g"}"#;

fn one_job(name: &str, task: &str) -> String {
    format!(r#"{{"job": {{"name": "{name}", "tasks": {{"a": {{"kind": "container", {task}}}}}}}}}"#)
}

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_example_scenarios_resolve_and_bring_their_jobs() {
    for (file, nodes, jobs) in [("small", 3, 18), ("classes", 12, 0), ("backfill", 2, 5), ("outages", 20, 0), ("trace", 2, 6)] {
        let scenario = Scenario::read(&root(&format!("tests/scenarios/{file}.json"))).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.config(1).unwrap().nodes.len(), nodes, "{file}");
        let brought = scenario.input.open(1).unwrap().map(Result::unwrap).count();
        assert!(brought > 0 && (jobs == 0 || brought == jobs), "{file}: {brought}");
    }
}

#[test]
fn the_small_scenario_says_what_happens_when() {
    let config = Scenario::read(&root("tests/scenarios/small.json")).unwrap().config(7).unwrap();
    let seconds: Vec<_> = config.script.iter().map(|(at, _)| at.0 / 1000).collect();
    assert_eq!(seconds, [20, 30, 50, 60, 70, 90]);
    // The job arrives at 1 s, after the one that the process brings at 0 s.
    let task = TaskKey { job: JobId(1), instance: 0 };
    assert_eq!(config.script[0].1, Deed::Operate(Operation::Migrate { task, to: None }));
    assert_eq!((&config.script[1].1, &config.script[4].1), (&Deed::Fail(NodeId(2)), &Deed::Repair(NodeId(2))));
    let Deed::Operate(Operation::SetPolicy(policy)) = config.script[2].1 else { panic!("a switch") };
    assert_eq!(policy, Policy { admission: Admission::Easy, ..PolicyName::Priority.into() });
    assert_eq!((config.timing.lease, config.timing.round), (Millis(5000), Timing::default().round));
    assert_eq!((config.until, config.nodes[2].name.as_str()), (Some(Millis(300_000)), "node-2"));
    assert_eq!(config.nodes[0].class.cores, Cores(8));
}

#[test]
fn moves_follow_their_job_through_every_seed() {
    let job = one_job("late", r#""count": 3, "resources": {"cores": 1}"#).replace("{\"job\"", "{\"at_s\": 50, \"job\"");
    let load = format!(
        r#""jobs": [{job}], "processes": [{{"process": {{"bursty": {{"lambda": 0.1}}}}, "interval_s": 10, "steps": 4, "mix": [{}]}}]"#,
        one_job("t", r#""resources": {"cores": 1}"#)
    );
    let faults = r#""faults": {"migrate": [{"job": "late", "task": "a", "index": 2, "at_s": 60, "to": "node-1"}]}"#;
    let scenario = scenario(&format!("{{\"nodes\": [{NODES}], \"load\": {{{load}}}, {faults}}}")).unwrap();
    let mut numbers = std::collections::HashSet::new();
    for seed in 0..4 {
        let position = scenario.input.open(seed).unwrap().position(|job| job.unwrap().spec.name.as_str() == "late").unwrap();
        let Deed::Operate(Operation::Migrate { task, .. }) = &scenario.config(seed).unwrap().script[0].1 else { panic!("a move") };
        assert_eq!(*task, TaskKey { job: JobId(position as u32), instance: 2 });
        numbers.insert(task.job);
    }
    assert!(numbers.len() > 1, "the number differs from seed to seed");
}

#[test]
fn wrong_nodes_are_refused_with_their_field() {
    for (nodes, line) in [
        ("", "s.json:2:10: nodes: there is no node"),
        (r#"{"count": 0, "cores": 4, "memory": 1}"#, "s.json:2:21: nodes[0].count: it is 0"),
        (r#"{"count": 1, "cores": 0, "memory": 1}"#, "s.json:2:33: nodes[0].cores: it is 0: a node has from 1 to 4096 cores"),
        (r#"{"count": 1, "cores": -4, "memory": 1}"#, "s.json:2:33: nodes[0].cores: invalid value: integer `-4`"),
        (r#"{"count": 1, "cores": 4, "memory": "64QiB"}"#, "s.json:2:46: nodes[0].memory: `64QiB` is no amount of memory"),
        (r#"{"count": 1, "cores": NaN, "memory": 1}"#, "s.json:2:33: nodes[0].cores: expected value"),
        (r#"{"count": 1, "cores": 4, "memory": 1, "host_cores": 4}"#, "s.json:2:63: nodes[0].host_cores: the host keeps 4 of 4 cores"),
        (r#"{"count": 1, "cores": 4, "memory": 1, "topology": {"numa": 3}}"#, "s.json:2:61: nodes[0].topology: 4 cores do not divide"),
        (r#"{"count": 1, "cores": 4, "memory": 1, "label": {}}"#, "nodes[0].label: unknown field `label`"),
        (
            r#"{"count": 1, "cores": 4, "memory": 1}, {"count": 1, "cores": 4, "memory": 1}"#,
            "nodes[1].name: a class before has the name `node`",
        ),
        (r#"{"count": 99999999999, "cores": 4, "memory": 1}"#, "nodes: 10000001 nodes or more"),
    ] {
        let error = parts(nodes, "", "").unwrap_err().to_string();
        assert!(error.contains(line), "{nodes}\n{error}\n{line}");
    }
}

#[test]
fn wrong_loads_are_refused_with_their_field() {
    let process = |process: &str, rest: &str| {
        format!(r#""processes": [{{"process": {process}, {rest}, "mix": [{}]}}]"#, one_job("t", r#""resources": {"cores": 1}"#))
    };
    let jobs = |jobs: &[String]| format!(r#""jobs": [{}]"#, jobs.join(", "));
    let good = one_job("j", r#""resources": {"cores": 1}"#);
    for (load, line) in [
        (jobs(&[good.clone(), good.clone()]), "load.jobs[1].job.name: a job before has the name `j` too"),
        (jobs(&[one_job("j", r#""resources": {"cores": -1}"#)]), "load.jobs[0].job.tasks.a.resources.cores: invalid value"),
        (
            jobs(&[one_job("j", r#""resources": {"cores": 1}, "depends_on": [{"task": "a"}]"#)]),
            "load.jobs[0].job.tasks.a.depends_on: the tasks wait for each other in a circle",
        ),
        (
            jobs(&[one_job("j", r#""resources": {"cores": 1}, "simulate": {"failure_probability": 1.5}"#)]),
            "simulate.failure_probability: a probability lies between 0 and 1",
        ),
        (
            jobs(&[one_job("j", r#""resources": {"cores": 1}, "pin": {"node": "nod-1"}"#)]),
            "tasks.a.pin.node: unknown node `nod-1`; did you mean `node-1`?",
        ),
        (
            jobs(&[one_job("j", r#""resources": {"cores": 1}, "pin": {"node": "node-1", "cpuset": "4"}"#)]),
            "tasks.a.pin.cpuset: `4` are not all cores",
        ),
        (jobs(&[one_job("j", r#""resources": {"cores": 1, "memory": "1q"}"#)]), "tasks.a.resources.memory: `1q` is no amount"),
        (process(r#"{"bursty": {"lambda": 0}}"#, r#""steps": 1"#), "load.processes[0].process: lambda is 0"),
        (process(r#"{"stedy": {"a": 0}}"#, r#""steps": 1"#), "did you mean `steady`?"),
        (process(r#"{"steady": {"a": 1}}"#, r#""steps": 0"#), "load.processes[0].steps: it is 0"),
        (process(r#"{"steady": {"a": 1}}"#, r#""steps": 1, "interval_s": 0"#), "load.processes[0].interval_s: it is 0"),
        (process(r#"{"steady": {"a": 1}}"#, r#""steps": 18446744073709551615"#), "load.processes[0].steps: the last step would end after"),
        (r#""processes": [{"process": {"steady": {"a": 1}}, "steps": 1, "mix": []}]"#.into(), "load.processes[0].mix: it is empty"),
        (r#""trace": {"file": "x", "format": "swift"}"#.into(), "load.trace.format: unknown variant `swift`"),
    ] {
        let error = parts(NODES, &load, "").unwrap_err().to_string();
        assert!(error.starts_with("s.json:3:") && error.contains(line), "{error}\n{line}");
    }
}

#[test]
fn pinned_cores_that_overlap_within_a_job_are_refused() {
    let task = r#"{"kind": "container", "resources": {"cores": 2}, "pin": {"node": "node-0", "cpuset": "0-1"}}"#;
    let load = format!(r#""jobs": [{{"job": {{"name": "j", "tasks": {{"a": {task}, "b": {task}}}}}}}]"#);
    let error = parts(NODES, &load, "").unwrap_err().to_string();
    assert!(error.contains("load.jobs[0].job.tasks.b.pin.cpuset: `0-1` overlaps `0-1` of task `a`"), "{error}");
}

#[test]
fn the_rest_is_refused_with_its_field() {
    let job = format!(r#""jobs": [{}]"#, one_job("j", r#""resources": {"cores": 1}"#));
    let faults = |faults: &str| format!(r#""faults": {{{faults}}}"#);
    for (rest, code, line) in [
        (r#""policy": "bestfit""#.into(), "input-unknown", "s.json:4:11: policy: unknown policy `bestfit`"),
        (r#""polcy": "best-fit""#.into(), "input-unknown", "did you mean `policy`?"),
        (r#""switches": [{"at_s": -1, "policy": "l2"}]"#.into(), "input-value", "s.json:4:23: switches[0].at_s: -1 is no span of time"),
        (
            faults(r#""fail": [{"node": "node-9", "at_s": 1}]"#),
            "input-unknown",
            "faults.fail[0].node: unknown node `node-9`; did you mean `node-",
        ),
        (
            faults(r#""fail": [{"node": "node-0", "at_s": 5, "repair_s": 9}, {"node": "node-0", "at_s": 9}]"#),
            "input-contradiction",
            "faults.fail[1].at_s: node `node-0` fails at",
        ),
        (faults(r#""drain": [{"node": "node-0", "at_s": 5, "until_s": 5}]"#), "input-backwards", "faults.drain[0].until_s: it ends at"),
        (faults(r#""cordon": [{"node": "node-0", "at_s": 5, "until_s": 4}]"#), "input-backwards", "faults.cordon[0].until_s: it ends at"),
        (faults(r#""random": {"mttf_s": 0, "mttr_s": 1}"#), "input-value", "faults.random.mttf_s: it is 0"),
        (faults(r#""migrate": [{"job": "i", "task": "a", "at_s": 1}]"#), "input-unknown", "faults.migrate[0].job: unknown job `i`"),
        (faults(r#""migrate": [{"job": 7, "task": "a", "at_s": 1}]"#), "input-value", "faults.migrate[0].job: there is no job 7"),
        (faults(r#""migrate": [{"job": "j", "task": "b", "at_s": 1}]"#), "input-unknown", "faults.migrate[0].task: unknown task `b`"),
        (faults(r#""migrate": [{"job": 0, "task": "a", "index": 1, "at_s": 1}]"#), "input-value", "faults.migrate[0].index: it is 1, but"),
        (
            faults(r#""migrate": [{"job": 0, "task": "a", "to": "n", "at_s": 1}]"#),
            "input-unknown",
            "faults.migrate[0].to: unknown node `n`",
        ),
        (r#""timing": {"heartbeat_s": 0}"#.into(), "input-value", "s.json:4:27: timing.heartbeat_s: it is 0"),
        (r#""estimate_error": -0.1"#.into(), "input-value", "s.json:4:19: estimate_error: it is -0.1"),
        (r#""slice": {"from_s": 5, "until_s": 5}"#.into(), "input-backwards", "s.json:4:35: slice.until_s: it ends at"),
        (r#""slice": {"scale_load": 0}"#.into(), "input-value", "slice.scale_load: it is 0"),
        (r#""warmup_s": 10, "end": {"at_s": 10}"#.into(), "input-contradiction", "s.json:4:13: warmup_s: the warm-up lasts"),
        (r#""seed": 1.5"#.into(), "input-value", "s.json:4:9: seed: invalid type"),
    ] {
        let error = parts(NODES, &job, &rest).unwrap_err();
        assert!(error.to_string().contains(line), "{error}\n{line}");
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn a_move_before_its_job_runs_backwards() {
    let job = one_job("j", r#""resources": {"cores": 1}"#).replace("{\"job\"", "{\"at_s\": 5, \"job\"");
    let moved = r#""faults": {"migrate": [{"job": "j", "task": "a", "at_s": 4}]}"#;
    let error = parts(NODES, &format!(r#""jobs": [{job}]"#), moved).unwrap_err();
    assert_eq!(error.code(), "input-backwards");
    assert!(error.to_string().starts_with("s.json:4:58: faults.migrate[0].at_s: "), "{error}");
}

#[test]
fn broken_text_is_refused_with_its_line() {
    let error = scenario("{\n\"nodes\": [").unwrap_err();
    assert_eq!(error.code(), "input-malformed");
    assert!(error.to_string().starts_with("s.json:2:10: "), "{error}");
    assert!(scenario("{} {}").unwrap_err().to_string().starts_with("s.json:1:4: trailing"));
    assert!(scenario("[]").is_err());
}

#[test]
fn a_command_line_cluster_needs_no_file() {
    let document = Document { nodes: vec![ClassDocument::plain(0, Cores(4), model::Bytes(1))], ..Document::default() };
    let error = document.resolve(&Source::new("", ""), None).unwrap_err();
    assert_eq!(error.to_string(), "nodes[0].count: it is 0: a class has at least one node");
    let document = Document { nodes: vec![ClassDocument::plain(2, Cores(4), model::Bytes(1))], ..Document::default() };
    let config = document.resolve(&Source::new("", ""), None).unwrap().config(5).unwrap();
    assert_eq!((config.nodes[1].name.as_str(), config.seed), ("node-1", 5));
}

/// Compares a published schema with the types; with `WHARFINGER_BLESS=1` it writes the file instead.
pub(crate) fn check_schema<T: schemars::JsonSchema>(file: &str) {
    let path = root("docs/schema").join(file);
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(T)).unwrap() + "\n";
    if std::env::var_os("WHARFINGER_BLESS").is_some() {
        std::fs::write(&path, schema).unwrap();
        return;
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == schema, "docs/schema/{file} is not what the types say; regenerate it: WHARFINGER_BLESS=1 cargo test --lib schema");
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    check_schema::<Document>("scenario.schema.json");
    check_schema::<model::document::NativeJob>("job.schema.json");
}

/// The blocks of a language in a page of the documentation.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root("docs/formats").join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn a_swarm_job_is_a_job_too() {
    let text = r#"{"nodes": [{"count": 1, "cores": 4, "memory": "1g"}], "load": {"jobs": [{"at_s": 1, "swarm_job": {"job_name": "job1-2",
        "job_info": {"tasks": {"job1-2_t": {"req_cores": 2, "mem_limit": "10m", "command": "sleep 5"}}}, "status": "Ready"}}]}}"#;
    let source = Source::new("s.json", text);
    let scenario = source.parse::<Document>().expect("a document").resolve(&source, None).expect("a scenario");
    let jobs: Vec<_> = scenario.input.open(0).expect("jobs").map(|arrival| arrival.expect("a job").spec).collect();
    assert_eq!((jobs[0].name.as_str(), jobs[0].body.tasks[0].cores), ("job1-2", model::Cores(2)));
    let both = text.replace(r#""at_s": 1,"#, r#""job": {"name": "j", "tasks": {}},"#);
    let source = Source::new("s.json", both);
    let refusal = source.parse::<Document>().expect("a document").resolve(&source, None).expect_err("two jobs in one entry");
    assert!(refusal.to_string().contains("load.jobs[0]: give one of `job` and `swarm_job`"), "{refusal}");
}

#[test]
fn the_examples_of_the_documentation_are_right() {
    for text in blocks("scenario.md", "json") {
        scenario(&text).unwrap_or_else(|error| panic!("{error}"));
    }
    for text in blocks("job.md", "json") {
        model::document::native_job(&text).unwrap_or_else(|error| panic!("{error}"));
    }
    for text in blocks("state.md", "json") {
        crate::sim::state_file::parse(&Source::new("state.md", text)).unwrap_or_else(|error| panic!("{error}"));
    }
    for text in blocks("trace-native.md", "csv") {
        let (trace, _file) = crate::sim::trace::Trace::in_text(crate::sim::trace::TraceFormat::Native, &text);
        assert_eq!(trace.open().unwrap().map(Result::unwrap).count(), 2);
    }
}
