//! One actor in each process, and links between them.

use serde_json::{Value, json};

use super::site::{Site, eventually, marks};
use crate::support::management;

#[test]
fn four_processes_are_one_system() {
    let site = Site::new();
    let _manager = site.actor("global-manager");
    eventually("the token is there", || site.state().join("join-token").exists());
    let mut others: Vec<_> = ["discovery", "job-manager", "front-end"].map(|name| site.actor(name)).into();
    site.ready();
    let Some(_worker) = site.worker("n1", "0") else { return };
    let (script, file) = site.marking("3");
    let job = site.submit("j", &script, json!({}));
    eventually("it began", || marks(&file) == "began\n");
    // Each of them may go and come back.
    for (index, name) in ["discovery", "job-manager", "front-end"].into_iter().enumerate() {
        others.remove(index).kill();
        others.insert(index, site.actor(name));
    }
    site.ready();
    assert_eq!(site.until(&job, "succeeded")["tasks"]["work"]["attempt"], 1);
    assert_eq!(marks(&file), "began\nended\n");
}

#[test]
fn what_waits_for_an_actor_that_is_away_is_bounded_and_what_was_answered_is_kept() {
    let site = Site::new();
    let _manager = site.actor("global-manager");
    eventually("the token is there", || site.state().join("join-token").exists());
    let _discovery = site.actor("discovery");
    let job_manager = site.actor("job-manager");
    let _front_end = site.actor("front-end");
    site.ready();
    job_manager.kill();
    let mut stress = management();
    stress.args(["stress", "steady", "--a", "5000", "--steps", "1", "--rate", "5000", "--connections", "32"]);
    let said = stress.args(["-o", "json", "--server", &site.url("")]).output().unwrap();
    let report: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let (accepted, refused) = (report["accepted"].as_u64().unwrap(), report["refused"]["api-busy"].as_u64().unwrap());
    // Those that come together may pass the bound together.
    assert!((4096..=4096 + 32).contains(&accepted) && accepted + refused == 5000, "{report:#}");
    let _back = site.actor("job-manager");
    let queued = format!("wharfinger_jobs{{state=\"queued\"}} {accepted}");
    eventually("all that were accepted are queued", || site.text("/metrics").is_some_and(|text| text.lines().any(|line| line == queued)));
}
