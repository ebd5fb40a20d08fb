//! kill -9 of the worker, of management, of both: nothing is lost, nothing runs twice.

use serde_json::json;

use super::site::{Site, eventually, marks};

#[test]
fn a_worker_comes_back_to_its_running_task() {
    let site = Site::new();
    let Some((_management, worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("3");
    let job = site.submit("j", &script, json!({}));
    eventually("it began", || marks(&file) == "began\n");
    worker.kill();
    let _worker = site.worker("n1", "0");
    let task = site.until(&job, "succeeded")["tasks"]["work"].clone();
    assert_eq!((task["attempt"].as_u64(), task["history"].as_array().map_or(0, Vec::len)), (Some(1), 0), "{task:#}");
    assert_eq!(marks(&file), "began\nended\n");
    assert_eq!(site.get("/v1/nodes/n1").unwrap()["epoch"], 1, "it kept its epoch");
}

#[test]
fn a_task_that_ended_while_its_worker_was_away_is_reported_once() {
    let site = Site::new();
    let Some((_management, worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("1");
    let job = site.submit("j", &script, json!({}));
    eventually("it began", || marks(&file) == "began\n");
    worker.kill();
    eventually("it ended", || marks(&file) == "began\nended\n");
    let _worker = site.worker("n1", "0");
    assert_eq!(site.until(&job, "succeeded")["tasks"]["work"]["attempt"], 1);
}

#[test]
fn management_comes_back_and_has_lost_nothing() {
    let site = Site::new();
    let Some((mut management, _worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("4");
    let running = site.submit("running", &script, json!({}));
    eventually("it began", || marks(&file) == "began\n");
    let waiting: Vec<String> = (0..5).map(|number| site.submit(&format!("w{number}"), "true", json!({}))).collect();
    for _ in 0..2 {
        management.kill();
        management = site.launch();
        assert!(site.job(&running)["state"] == "running" || marks(&file).contains("ended"), "{:#}", site.job(&running));
    }
    for id in waiting.iter().chain([&running]) {
        assert_eq!(site.until(id, "succeeded")["tasks"]["work"]["attempt"], 1, "{id}");
    }
    assert_eq!(marks(&file), "began\nended\n");
    management.kill();
}

#[test]
fn both_come_back() {
    let site = Site::new();
    let Some((management, worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("3");
    let job = site.submit("j", &script, json!({}));
    eventually("it began", || marks(&file) == "began\n");
    management.kill();
    worker.kill();
    let (_management, _worker) = (site.launch(), site.worker("n1", "0"));
    assert_eq!(site.until(&job, "succeeded")["tasks"]["work"]["attempt"], 1);
    assert_eq!(marks(&file), "began\nended\n");
}
