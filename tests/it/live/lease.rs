//! Leases: a worker that was held up, and one that lost its state. Nothing of them runs where the manager has given the cores away.

use rustix::process::Signal;
use serde_json::json;

use super::site::{Site, eventually, marks};

fn site() -> Site {
    Site::new().with("INTERVALS__LEASE_S", "2").with("INTERVALS__LEASE_MARGIN_S", "1")
}

#[test]
fn the_tasks_of_a_paused_worker_are_dead_before_its_node_is_given_up() {
    let site = site();
    let Some((_management, worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("4");
    let job = site.submit("j", &script, json!({ "attempts": 3 }));
    eventually("it began", || marks(&file) == "began\n");
    assert!(!site.processes().is_empty());
    worker.signal(Signal::STOP);
    eventually("it is suspect", || site.get("/v1/nodes/n1").is_some_and(|node| node["suspect"] == true && node["state"] == "ready"));
    site.node("n1", "unreachable");
    assert_eq!(site.processes(), [] as [i32; 0], "its guards ended them");
    worker.signal(Signal::CONT);
    let task = site.until(&job, "succeeded")["tasks"]["work"].clone();
    assert_eq!(task["attempt"], 2, "{task:#}");
    assert_eq!(marks(&file), "began\nbegan\nended\n");
    assert_eq!(site.get("/v1/nodes/n1").unwrap()["suspect"], false);
    assert_eq!(site.get("/v1/nodes/n1").unwrap()["epoch"], 2);
}

#[test]
fn a_wiped_worker_is_another_instance() {
    let site = site();
    let Some((_management, worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("4");
    let job = site.submit("j", &script, json!({ "attempts": 3 }));
    eventually("it began", || marks(&file) == "began\n");
    worker.kill();
    std::fs::remove_dir_all(site.folder.path().join("n1")).unwrap();
    // While the lease of the one before may hold it is turned away; somebody who starts it again and again gets it in.
    let mut again = site.worker("n1", "0").unwrap();
    eventually("it is let in", || {
        if again.0.try_wait().unwrap().is_some() {
            again = site.worker("n1", "0").unwrap();
        }
        site.get("/v1/nodes/n1").is_some_and(|node| node["epoch"] == 2)
    });
    let task = site.until(&job, "succeeded")["tasks"]["work"].clone();
    assert_eq!(task["attempt"], 2, "{task:#}");
    assert_eq!(marks(&file), "began\nbegan\nended\n");
}

#[test]
fn an_end_that_is_known_is_not_lost_with_the_lease() {
    // A worker that has dialled in vain for the time of a lease may wait for seconds before it dials again.
    let site = site().with("INTERVALS__LEASE_MARGIN_S", "8");
    let Some((management, _worker)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("1");
    let job = site.submit("j", &script, json!({ "attempts": 3, "at_most_once": true }));
    eventually("it began", || marks(&file) == "began\n");
    management.kill();
    eventually("it ended", || marks(&file) == "began\nended\n");
    eventually("the lease has run out", || site.logged("n1").contains("the lease has run out"));
    let _management = site.launch();
    let task = site.until(&job, "succeeded")["tasks"]["work"].clone();
    assert_eq!((&task["attempt"], marks(&file).as_str()), (&json!(1), "began\nended\n"), "{task:#}");
}
