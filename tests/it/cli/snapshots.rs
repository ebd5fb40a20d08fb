//! A state that was saved is taken up where it was left.

use super::*;

const BACKFILL: &str = "tests/scenarios/backfill.json";

#[test]
fn a_snapshot_is_written_and_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let arguments = ["snapshot", BACKFILL, "--at", "20", "--state-out", text(&file)];
    let hidden = |output: String| output.replace(text(&file), "state.json");
    golden("snapshot.txt", &hidden(good(&arguments).stdout));
    golden("snapshot.json", &hidden(good(&[&arguments[..], &["-o", "json"]].concat()).stdout));
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    golden("state.json", &format!("{state:#}\n"));
    assert_eq!(listed(folder.path()), ["state.json"]);

    // What ran runs on: on the same cores, and it ends when it would have.
    let out = folder.path().join("run");
    let run = json(&["simulate", "--state", text(&file), "--policy", "first-fit+easy", "--out", text(&out), "--check"]);
    let whole = json(&["simulate", BACKFILL]);
    assert_eq!((&run["jobs"]["submitted"], &run["jobs"]["completed"]), (&5.into(), &5.into()));
    assert_eq!(whole["jobs"]["completed"], 5);
    for saved in state["jobs"].as_array().unwrap() {
        let name = saved["job"]["name"].as_str().unwrap();
        let why = json(&["why", name, "--run", text(&out)]);
        assert_eq!(why["submitted_s"], saved["submitted_s"], "{name}");
        for (instance, task) in saved["instances"].as_array().into_iter().flatten().zip(why["tasks"].as_array().unwrap()) {
            let attempt = &task["attempts"][0];
            assert_eq!((&attempt["cpuset"], &attempt["ended_s"]), (&instance["cpuset"], &instance["expected_end_s"]), "{name}");
        }
    }
}

#[test]
fn the_load_goes_on_after_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let scenario = "tests/scenarios/trace.json";
    for at in ["5", "12s", "30", "1m"] {
        let saved = json(&["snapshot", scenario, "--from", "10", "--scale-load", "1", "--at", at, "--state-out", text(&file)]);
        let from = format!("{}", saved["time_s"].as_f64().unwrap() + 10.0);
        let before = json(&["simulate", scenario, "--from", "10", "--scale-load", "1", "--end", at]);
        let after = json(&["simulate", scenario, "--state", text(&file), "--from", &from, "--scale-load", "1", "--limit", "100"]);
        let whole = json(&["simulate", scenario, "--from", "10", "--scale-load", "1", "--limit", "100"]);
        let done = |run: &Value| run["jobs"]["completed"].as_u64().unwrap();
        assert_eq!(done(&before) + done(&after), done(&whole), "at {at}");
        assert_eq!(saved["jobs"].as_u64().unwrap() + done(&before), before["jobs"]["submitted"].as_u64().unwrap(), "at {at}");
    }
}

#[test]
fn nodes_that_are_down_or_cordoned_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let saved = json(&["snapshot", "tests/scenarios/outages.json", "--at", "480", "--state-out", text(&file)]);
    let state: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(state["nodes"][0]["cordoned"], serde_json::json!(["node-0"]));
    assert_eq!(state["nodes"][0]["down"].as_array().map_or(0, Vec::len) as u64, saved["nodes_down"].as_u64().unwrap());
    let run = json(&["simulate", "--state", text(&file)]);
    assert_eq!(run["jobs"]["submitted"], saved["jobs"]);
    assert_eq!(run["jobs"]["waiting"], 0);
}
