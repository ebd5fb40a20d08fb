//! A disk that is really full under a live system: it says so, refuses what is new, goes on with the rest, and has lost nothing afterwards.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::site::{Site, eventually};
use crate::support::small_disk::SmallDisk;

/// Submits a job with a large label; the status, and the body.
fn submit(site: &Site, name: &str) -> (u16, Value) {
    let job = json!({
        "name": name, "labels": { "ballast": "b".repeat(60_000) },
        "tasks": { "work": { "kind": "container", "command": ["true"], "resources": { "cores": 1, "memory": "16m" } } },
    });
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let mut answer = agent.post(site.url("/v1/jobs")).send_json(job).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
}

#[test]
fn a_full_disk_refuses_what_is_new_and_loses_nothing() {
    let site = Site::new();
    let Some(_disk) = SmallDisk::mount(&site.state(), "8m") else { return };
    let management = site.launch();
    let mut accepted = Vec::new();
    let problem = loop {
        let (status, body) = submit(&site, &format!("job-{}", accepted.len()));
        if status != 202 {
            assert_eq!(status, 507, "{body:#}");
            break body;
        }
        accepted.push(body["id"].as_str().unwrap().to_owned());
        assert!(accepted.len() < 500, "8 MB do not hold so much");
    };
    assert_eq!(problem["code"], "api-store-full", "{problem:#}");
    assert!(problem["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{problem:#}");
    assert!(accepted.len() > 10, "{} were taken", accepted.len());
    // What is known is still told, and the process lives.
    assert_eq!(site.job(accepted.last().unwrap())["id"], *accepted.last().unwrap());

    // With room again it takes jobs again, without a restart.
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(site.state()).status().unwrap();
    assert!(grown.success());
    eventually("it takes jobs again", || submit(&site, "after").0 == 202);

    management.kill();
    let management = site.launch();
    for (index, id) in accepted.iter().enumerate() {
        assert_eq!(site.job(id)["name"], format!("job-{index}"), "what was answered is there");
    }
    management.kill();
}

#[test]
fn an_end_that_cannot_be_recorded_takes_no_lease_from_others() {
    let site = Site::new().with("INTERVALS__LEASE_S", "3").with("INTERVALS__LEASE_MARGIN_S", "1");
    let Some(_disk) = SmallDisk::mount(&site.state(), "8m") else { return };
    let _management = site.launch();
    let Some(_worker) = site.worker("n1", "0-1") else { return };
    site.node("n1", "ready");
    let long = site.submit("long", "sleep 1000", json!({}));
    let short = site.submit("short", "sleep 4", json!({}));
    for job in [&long, &short] {
        site.until(job, "running");
    }
    std::fs::write(site.state().join("ballast"), vec![0; 8 << 20]).unwrap_err();
    // The end of the short one comes, and is refused again and again for longer than a lease.
    std::thread::sleep(Duration::from_secs(9));
    assert_eq!(site.job(&long)["tasks"]["work"]["attempt"], 1);
    std::fs::remove_file(site.state().join("ballast")).unwrap();
    site.until(&short, "succeeded");
    let task = &site.job(&long)["tasks"]["work"];
    assert_eq!((&task["state"], &task["attempt"]), (&json!("running"), &json!(1)), "{task:#}");
}
