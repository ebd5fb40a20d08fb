//! Ctrl-C: the run ends with a partial result that says so, and nothing of it is lost.

use super::*;

use std::time::{Duration, Instant};

#[test]
fn the_first_interrupt_ends_the_run_with_a_partial_result() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("endless.json");
    let job = r#"{"name": "j", "tasks": {"t": {"kind": "container", "resources": {"cores": 1}, "expected_s": 10}}}"#;
    let load = format!(r#"{{"process": {{"steady": {{"a": 5}}}}, "steps": 100000000, "mix": [{{"job": {job}}}]}}"#);
    std::fs::write(&scenario, format!(r#"{{"nodes": [{{"count": 9, "cores": 8, "memory": "8g"}}], "load": {{"processes": [{load}]}}}}"#))
        .unwrap();
    let out = folder.path().join("run");
    let mut child = command(&["simulate", text(&scenario), "--out", text(&out), "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its unfinished folder shows that it has begun, and listens.
    let began = Instant::now();
    while listed(folder.path()).len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20) && child.try_wait().unwrap().is_none(), "it did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted: the result is partial"));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written: Value = serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!((&printed["partial"], &printed["jobs"]), (&true.into(), &written["jobs"]));
    assert!(printed["jobs"]["completed"].as_u64().unwrap() > 0);
    assert_eq!(listed(folder.path()), ["endless.json", "run"], "nothing unfinished is left");
    good(&["why", "j-1", "--run", text(&out)]);
}
