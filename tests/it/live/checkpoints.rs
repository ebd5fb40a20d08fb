//! Checkpoints of containers over three real Dockers: kept, gone on from by a later attempt, here and on another node.

use std::process::Command;

use serde_json::{Value, json};

use super::fleet::Fleet;
use super::site::eventually;

impl Fleet {
    /// Runs a client command against the system; its exit code and what it says.
    fn client(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_management"));
        let said = command.args(arguments).args(["--server", &self.site.url("")]).output().unwrap();
        let words = [said.stdout, said.stderr].map(|words| String::from_utf8(words).unwrap()).concat();
        (said.status.code().unwrap(), words)
    }
}

#[test]
fn a_later_attempt_goes_on_from_a_checkpoint_on_any_node() {
    let Some(fleet) = Fleet::launch() else { return };
    let job = fleet.counter("saved");
    assert_eq!(fleet.client(&["restore", &job]).0, 3, "it runs");
    fleet.counts_on(&job, 1);
    let (code, words) = fleet.client(&["checkpoint", &job, "work"]);
    assert!(code == 0 && words.contains("has a checkpoint of") && words.contains("stood still"), "{words}");
    eprintln!("{}", words.trim());
    fleet.is_one_of_its_record(&job, 1);
    let made = fleet.runs_at(&job, None)["checkpoint"].clone();
    let node = made["node"].as_str().unwrap().to_owned();
    assert!(made["bytes"].as_u64() > Some(0) && made["downtime_ms"].as_u64() < Some(30_000), "{made:#}");
    // What it counted until then is told by the output of the placement that was checkpointed.
    let until: u64 = fleet.outputs(&job, 1)[0].lines().last().unwrap().parse().unwrap();

    // The worker of the node is a new one, and the container is of the past.
    fleet.stop(&job);
    for (attempt, away) in [(2, false), (3, true)] {
        let cordon = |cordoned: bool| {
            ureq::patch(fleet.site.url(&format!("/v1/nodes/{node}"))).send_json(json!({ "cordoned": cordoned })).unwrap();
        };
        cordon(away);
        let (code, words) = fleet.client(&["restore", &job]);
        assert_eq!(code, 0, "{words}");
        let record = fleet.runs_at(&job, None);
        assert_eq!((&record["attempt"], record["node"] != node.as_str()), (&attempt.into(), away), "{record:#}");
        eventually("it counts", || fleet.counted(&job, attempt).len() > 3);
        let numbers = fleet.counted(&job, attempt);
        assert!(numbers.iter().copied().eq(until + 1..=until + numbers.len() as u64), "from {until}: {numbers:?}");
        if away {
            // It can be moved and checkpointed as any other.
            assert_eq!(fleet.client(&["checkpoint", &job, "work", "-o", "json"]).0, 0);
            assert_ne!(fleet.runs_at(&job, None)["checkpoint"]["node"], node.as_str());
        }
        cordon(false);
        fleet.stop(&job);
    }
    fleet.is_clean();
    // A job that is forgotten cannot be restored, so what was kept of it is left over.
    ureq::delete(fleet.site.url(&format!("/v1/jobs/{job}"))).call().unwrap();
    let (code, words) = fleet.client(&["gc", "--dry-run"]);
    assert!(code == 0 && words.matches("would be removed").count() == 2, "of two nodes: {words}");
    let (code, words) = fleet.client(&["gc"]);
    assert!(code == 0 && words.matches("removed").count() == 2, "{words}");
    fleet.is_clean();
}

#[test]
fn the_earlier_client_has_containers_checkpointed() {
    let Some(fleet) = Fleet::launch() else { return };
    let job = fleet.counter("earlier");
    let node = fleet.node_of(&job);
    let url = fleet.site.earlier_url("/RESTfulSwarm/GM/checkpoint_cons");
    let of = |node: &str| json!([{ "node": node, "containers": ["work"] }]);
    let elsewhere = ["n1", "n2", "n3"].into_iter().find(|other| *other != node).unwrap();
    assert_eq!(Fleet::post_to(&url, &of(elsewhere)).0, 400);
    assert_eq!(Fleet::post_to(&url, &of(&node)), (200, "OK".into()));
    let made = || fleet.site.job(&job)["tasks"]["work"]["checkpoint"].clone();
    eventually("it has a checkpoint, and runs", || made()["downtime_ms"].is_u64());
    assert_eq!(made()["node"], Value::from(node));
    fleet.is_one_of_its_record(&job, 1);
    fleet.stop(&job);
    fleet.is_clean();
}
