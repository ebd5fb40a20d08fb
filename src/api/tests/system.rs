//! Health, metrics, actors, policies, tokens, state and history.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::question::Leftover;
use model::document::PolicyChoices;
use model::{Bytes, Cores, Event, JobId, Name, NodeClass, NodeId, NodeSpec, TaskKey};
use serde_json::json;

use super::site::{JOB, Site};
use crate::api::METRICS;
use crate::api::access::OPERATIONS;
use crate::sim::input::Source;
use crate::sim::state_file;

#[test]
fn the_system_says_how_it_is() {
    let site = Site::open();
    assert_eq!(site.get("/healthz").json()["status"], "ok");
    assert_eq!(site.get("/readyz").json()["status"], "ok");
    let actors = site.get("/v1/actors").json();
    assert_eq!(actors["actors"][0], serde_json::json!({"name": "front-end", "address": "127.0.0.1:5001", "here": true, "reachable": true}));
}

#[test]
fn what_is_left_over_is_said_and_removed_but_for_checkpoints_of_jobs_that_are_known() {
    let site = Site::open();
    // What has no engine has no worker: it is simulated in this very process.
    site.join(0, "simulated");
    site.submit();
    let checkpoint = |job: u32| Leftover::Checkpoint(TaskKey { job: JobId(job), instance: 0 });
    let gc = |body: &str| site.post("/v1/gc", body).json();
    assert_eq!(gc("{}"), json!({"leftovers": [], "silent": []}));
    let node = "alpha".parse::<Name>().unwrap();
    let plain = NodeClass::plain(node.clone(), Cores(4), Bytes(8 << 30));
    let class = Arc::new(NodeClass { labels: [("engine".to_owned(), "docker".to_owned())].into(), ..plain });
    let spec = Arc::new(NodeSpec { name: node.clone(), class });
    site.publish(Event::Joined { node: NodeId(1), spec, epoch: 1 });
    site.trial.leave(vec![Leftover::Container("wharfinger-1-2-9-0-1-1".into()), checkpoint(0), checkpoint(7)]);
    let said = |removed: bool| {
        json!({"leftovers": [
            {"node": node, "kind": "container", "name": "wharfinger-1-2-9-0-1-1", "removed": removed},
            {"node": node, "kind": "checkpoint", "name": "j7/0", "removed": removed},
        ], "silent": []})
    };
    assert_eq!(gc(r#"{"dry_run": true}"#), said(false));
    assert_eq!(gc("{}"), said(true));
    assert_eq!(gc("{}"), json!({"leftovers": [], "silent": []}));
    assert_eq!(site.post("/v1/gc", r#"{"dry": true}"#).problem().2, "dry");
}

#[test]
fn series_have_the_names_and_labels_of_the_list() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    site.run(job, node);
    for path in ["/v1/jobs/j0", "/v1/jobs/j1", "/v1/jobs/j2", "/nope", "/nope2"] {
        site.get(path);
    }
    site.end(job, node);
    site.get("/metrics");
    let text = site.get("/metrics").text;
    assert!(
        text.contains("\nwharfinger_tasks{state=\"succeeded\"} 1\n") && text.contains("\nwharfinger_tasks{state=\"running\"} 0\n"),
        "{text}"
    );
    assert!(text.contains("wharfinger_cores{kind=\"capacity\"} 4") && text.contains("wharfinger_jobs_submitted_total 1"), "{text}");
    assert!(text.contains(r#"wharfinger_http_requests_total{route="/v1/jobs/{job}",method="GET",status="404"} 2"#), "{text}");
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let (known, labels) =
            METRICS.iter().find(|(known, _)| *known == base || *known == name).unwrap_or_else(|| panic!("{line}: not in the list"));
        for label in line.split(['{', ',', '}']).filter_map(|part| part.split_once("=\"")).map(|(label, _)| label) {
            assert!(labels.contains(&label) || label == "le", "{line}: {label}");
        }
        let routes = line.split("route=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert!(routes.is_none_or(|route| route == "other" || OPERATIONS.iter().any(|row| row.path == route)), "{line}");
        seen.insert(*known);
    }
    assert_eq!(seen, METRICS.iter().map(|(name, _)| *name).collect(), "every name of the list is there");
}

#[test]
fn the_policy_is_written_as_in_scenarios() {
    let site = Site::open();
    let put = |body: &str| site.send("PUT", "/v1/policies/placement", &[("content-type", "application/json")], body);
    assert_eq!(site.get("/v1/policies").json()["placement"]["name"], "best-fit");
    assert_eq!(put("\"l2\"").json()["placement"]["fit"], "l2");
    let answer = put(r#"{"name": "priority", "admission": "easy", "preempt": true}"#);
    assert_eq!((answer.status, &answer.json()["placement"]["name"]), (202, &"priority+best-fit+easy+preempt".into()));
    site.publish(Event::PolicyChanged { policy: PolicyChoices::default().resolve() });
    assert_eq!(site.get("/v1/policies").json()["placement"]["order"], "arrival");
}

#[test]
fn a_token_is_shown_once_and_kept_as_a_hash() {
    let site = Site::open();
    let made = site.post("/v1/tokens", r#"{"role": "submit", "note": "ci", "expires_in_s": 60}"#);
    assert_eq!(made.status, 201);
    let (id, token) = (made.json()["id"].as_str().unwrap().to_owned(), made.json()["token"].as_str().unwrap().to_owned());
    assert!(token.starts_with(&format!("wh_{id}_")));
    let list = site.get("/v1/tokens");
    assert_eq!((&list.json()["tokens"][0]["role"], list.text.contains(&token[20..])), (&"submit".into(), false));
    let bearer = format!("Bearer {token}");
    assert_eq!(site.send("POST", "/v1/jobs", &[("content-type", "application/json"), ("authorization", &bearer)], JOB).status, 202);
    assert_eq!(site.send("GET", "/v1/tokens", &[("authorization", &bearer)], "").problem().1, "api-forbidden");
    assert_eq!(site.delete(&format!("/v1/tokens/{id}")).status, 204);
    assert_eq!(site.delete(&format!("/v1/tokens/{id}")).problem().1, "api-unknown-token");
    assert_eq!(site.delete("/v1/tokens/..%2f..").problem().1, "api-unknown-token");
    assert!(site.post("/v1/tokens", r#"{"role": "join"}"#).json()["token"].as_str().unwrap().starts_with("wh1."));
}

#[test]
fn the_state_is_one_that_a_simulation_takes() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    site.join(1, "beta");
    let job = site.submit();
    site.submit();
    site.run(job, node);
    site.publish(Event::Cordoned { node: model::NodeId(1), cordoned: true });
    let text = site.get("/v1/snapshot").text;
    let state = state_file::parse(&Source::new("snapshot.json", text.as_str())).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((state.nodes.len(), state.jobs.len(), state.nodes[1].cordoned), (2, 2, true));
    assert!(matches!(&state.jobs[0].progress[0], model::Progress::Running { cpuset, ends: Some(_), .. } if cpuset.to_string() == "1-2"));
    assert_eq!(state.jobs[1].progress[0], model::Progress::Waiting);
}

#[test]
fn the_history_is_a_native_trace() {
    let site = Site::open();
    assert!(site.get("/v1/export?format=native").text.starts_with("name,submit_s,duration_s,cores,memory,count"));
    let node = site.join(0, "alpha");
    let job = site.submit();
    site.submit();
    site.run(job, node);
    site.end(job, node);
    let answer = site.get("/v1/export?format=native");
    let rows: Vec<&str> = answer.text.lines().collect();
    assert_eq!((rows.len(), answer.header("content-type")), (2, "text/csv"));
    assert!(rows[1].starts_with("j0-tide,0.0,0.") && rows[1].contains(",2,1073741824,1,true,0,,60.0,3"), "{rows:?}");
    assert_eq!(site.get("/v1/export?format=swf").problem().2, "format");
}
