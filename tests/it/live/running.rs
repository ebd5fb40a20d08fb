//! The ordinary way: up, workers, a job, its end; leaving; what is refused.

use rustix::process::Signal;
use serde_json::json;

use super::site::{Site, eventually, marks};

#[test]
fn jobs_run_as_processes_pinned_to_their_cores() {
    let site = Site::new();
    let management = site.launch();
    // One name begins with the other: neither may hear what is meant for the other.
    let (Some(_one), Some(_two)) = (site.worker("n1", "0"), site.worker("n13", "1")) else { return };
    site.node("n1", "ready");
    site.node("n13", "ready");
    let script = "echo $WHARFINGER_CORES; grep Cpus_allowed_list /proc/self/status; sleep 0.2";
    let jobs: Vec<String> = (0..6).map(|number| site.submit(&format!("j{number}"), script, json!({}))).collect();
    for id in &jobs {
        let job = site.until(id, "succeeded");
        let task = &job["tasks"]["work"];
        let cores = if task["node"] == "n1" { "0" } else { "1" };
        assert_eq!((task["attempt"].as_u64(), task["exit_code"].as_i64()), (Some(1), Some(0)), "{job:#}");
        let output = site.output(id);
        assert!(output.starts_with(&format!("{cores}\n")) && output.trim_end().ends_with(&format!("\t{cores}")), "{output}");
    }
    for name in ["n1", "n13"] {
        let folders = std::fs::read_dir(site.folder.path().join(name).join("runs")).unwrap().count();
        let placed = jobs.iter().filter(|id| site.job(id)["tasks"]["work"]["node"] == name).count();
        assert_eq!(folders, placed, "{name} ran what was placed on it");
    }
    let failed = site.submit("fails", "exit 3", json!({}));
    assert_eq!(site.until(&failed, "failed")["tasks"]["work"]["exit_code"], 3);
    assert_eq!(site.processes(), [] as [i32; 0]);
    management.signal(Signal::TERM);
    assert_eq!(management.end(), 0, "{}", site.logged("management"));
}

#[test]
fn a_worker_that_is_told_to_end_leaves_its_tasks_to_others() {
    let site = Site::new();
    let Some((_management, one)) = site.launch_with_worker() else { return };
    let (script, file) = site.marking("1.5");
    let job = site.submit("j", &script, json!({}));
    eventually("it began", || marks(&file) == "began\n");
    one.signal(Signal::TERM);
    assert_eq!(one.end(), 0, "{}", site.logged("n1"));
    eventually("n1 has left", || site.get("/v1/nodes/n1").is_none_or(|node| node["state"] == "left"));
    let _two = site.worker("n2", "1");
    let task = site.until(&job, "succeeded")["tasks"]["work"].clone();
    assert_eq!(task["node"], "n2", "{task:#}");
    assert_eq!(marks(&file), "began\nbegan\nended\n");
    let _again = site.worker("n1", "0");
    site.node("n1", "ready");
}

#[test]
fn a_name_has_one_worker() {
    let site = Site::new();
    let Some((_management, _one)) = site.launch_with_worker() else { return };
    let job = site.submit("j", "sleep 2", json!({}));
    site.until(&job, "running");
    let other = site.worker_in("n1", "0", "other").unwrap();
    eventually("it says that the core has two", || site.logged("other").contains("offers these cores too"));
    assert_eq!(other.end(), 4, "{}", site.logged("other"));
    assert!(site.logged("other").contains("worker-name-taken"), "{}", site.logged("other"));
    assert_eq!(site.until(&job, "succeeded")["tasks"]["work"]["attempt"], 1);
}

#[test]
fn a_worker_whose_engine_is_not_named_is_not_let_in() {
    let site = Site::new().with("ENGINES", "[docker]");
    let management = site.launch();
    let Some(worker) = site.worker("n1", "0") else { return };
    assert_eq!(worker.end(), 3, "{}", site.logged("n1"));
    assert!(site.logged("n1").contains("worker-engine-refused"), "{}", site.logged("n1"));
    assert_eq!(site.get("/v1/nodes").unwrap()["nodes"], json!([]));
    management.signal(Signal::TERM);
    assert_eq!(management.end(), 0, "{}", site.logged("management"));
}

#[test]
fn an_open_address_is_refused_with_the_fix() {
    let site = Site::new().with("FE__ADDRESS", "0.0.0.0");
    let output = site.up(&[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("without TLS and tokens") && said.contains("listen on 127.0.0.1"), "{said}");
    assert!(!site.state().exists(), "nothing was touched");
}
