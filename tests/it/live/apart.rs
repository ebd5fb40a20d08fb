//! One actor in each process, and links between them.

use serde_json::json;

use super::site::{Site, eventually, marks};

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
