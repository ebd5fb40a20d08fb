//! Nodes: listed, looked at, cordoned, drained, let go, invited.

use link::token::JoinToken;
use model::{Event, NodeState};

use super::site::Site;
use crate::api::body::NodeList;
use crate::api::render::event;

#[test]
fn nodes_show_what_they_have_and_what_is_taken() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    site.join(1, "beta");
    let job = site.submit();
    site.run(job, node);
    let alpha = site.get("/v1/nodes/alpha").json();
    assert_eq!((&alpha["id"], &alpha["state"], &alpha["schedulable"]), (&"n0".into(), &"ready".into(), &true.into()));
    assert_eq!((&alpha["capacity"]["cores"], &alpha["allocated"]["cores"], &alpha["cpuset"]), (&4.into(), &2.into(), &"0-3".into()));
    assert_eq!(alpha["tasks"][0], serde_json::json!({"job": "j0", "task": "run", "index": 0, "attempt": 1, "cpuset": "1-2"}));
    let page: NodeList = serde_json::from_str(&site.get("/v1/nodes?limit=1").text).unwrap();
    let next: NodeList = serde_json::from_str(&site.get(&format!("/v1/nodes?cursor={}", page.next_cursor.unwrap())).text).unwrap();
    assert_eq!((page.nodes[0].name.as_str(), next.nodes[0].name.as_str(), next.next_cursor), ("alpha", "beta", None));
    site.publish(Event::Node { node, from: NodeState::Draining, to: NodeState::Left });
    assert_eq!(site.get("/v1/nodes/alpha").problem().1, "api-unknown-node");
    assert_eq!(site.get("/v1/nodes").json()["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(site.get("/v1/nodes?state=left").json()["nodes"][0]["name"], "alpha");
    assert_eq!(site.get("/v1/nodes/n1").json()["name"], "beta", "an id is as good as a name");
    for id in ["n0", "n01", "n2"] {
        assert_eq!(site.get(&format!("/v1/nodes/{id}")).problem().1, "api-unknown-node", "{id}");
    }
}

#[test]
fn nodes_take_actions() {
    let site = Site::open();
    site.join(0, "alpha");
    let json = [("content-type", "application/json")];
    let patch = |body: &str| site.send("PATCH", "/v1/nodes/alpha", &json, body);
    assert_eq!(patch(r#"{"cordoned": true}"#).json(), serde_json::json!({"node": "alpha", "action": "cordon"}));
    assert_eq!(patch("{}").problem().1, "api-field");
    assert_eq!(patch(r#"{"cordoned": 1}"#).problem().2, "cordoned");
    for action in ["drain", "undrain", "cordon", "uncordon"] {
        assert_eq!(site.post("/v1/nodes/alpha/actions", &format!(r#"{{"action": "{action}"}}"#)).status, 202, "{action}");
    }
    assert_eq!(site.post("/v1/nodes/alpha/actions", r#"{"action": "cordon", "migrate": true}"#).problem().2, "migrate");
    assert_eq!(site.post("/v1/nodes/omega/actions", r#"{"action": "drain"}"#).problem().1, "api-unknown-node");
    assert_eq!(site.delete("/v1/nodes/alpha?force=true").json(), serde_json::json!({"node": "alpha", "action": null}));
    assert_eq!(site.delete("/v1/nodes/alpha?force=1").problem().2, "force");
}

#[test]
fn a_node_has_the_labels_that_an_operator_gives_it() {
    let site = Site::open();
    let alpha = site.join(0, "alpha");
    let patch = |body: &str| site.send("PATCH", "/v1/nodes/alpha", &[("content-type", "application/json")], body);
    let both = patch(r#"{"labels": {"ip": "10.0.0.0", "zone": "north"}, "cordoned": true}"#);
    assert_eq!((both.status, both.json()), (202, serde_json::json!({"node": "alpha", "action": "cordon"})));
    let alone = patch(r#"{"labels": {"ip": "10.0.0.0"}}"#);
    assert_eq!((alone.status, alone.json()), (202, serde_json::json!({"node": "alpha", "action": null})));
    for (labels, field) in [
        ("{}", "labels.ip"),
        (r#"{"ip": "10.0.0.1"}"#, "labels.ip"),
        (r#"{"ip": "10.0.0.0", "engine": "docker"}"#, "labels.engine"),
        (r#"{"ip": "10.0.0.0", "": "x"}"#, "labels."),
        (r#"{"ip": "10.0.0.0", "a": "\u0007"}"#, "labels.a"),
        (r#"{"a": 1}"#, "labels.a"),
    ] {
        let refused = patch(&format!(r#"{{"labels": {labels}, "cordoned": false}}"#));
        assert_eq!((refused.status, refused.problem().2.as_str()), (400, field), "{labels}");
    }
    let many: model::Labels = (0..65).map(|index| (index.to_string(), String::new())).collect();
    assert_eq!(patch(&serde_json::json!({"labels": many}).to_string()).problem().2, "labels");
    let labels = model::Labels::from([("ip".into(), "10.0.0.0".into()), ("zone".into(), "north".into())]);
    let seq = site.publish(Event::Labelled { node: alpha, labels });
    assert_eq!(site.get("/v1/nodes/alpha").json()["labels"], serde_json::json!({"ip": "10.0.0.0", "zone": "north"}));
    let event = site.trial.door.view(|view| event(view, view.events_after(seq - 1).0.next().unwrap())).unwrap();
    assert_eq!((event.kind.as_str(), event.node.unwrap().as_str()), ("node.action", "alpha"));
    assert_eq!(event.data, serde_json::json!({"action": "label", "labels": {"ip": "10.0.0.0", "zone": "north"}}));
}

#[test]
fn an_invitation_is_a_token_that_pins_the_authority() {
    let site = Site::open();
    let answer = site.post("/v1/nodes", r#"{"note": "rack 3"}"#);
    assert_eq!(answer.status, 201);
    let token: JoinToken = answer.json()["token"].as_str().unwrap().parse().unwrap();
    assert_eq!(Some(token.digest), site.options.authority);
    let kept = site.trial.door.token(&token.id).unwrap();
    assert_eq!((kept.role, kept.hash), (model::Role::Join, token.hash().into()));
    assert_eq!(kept.expires.since(kept.made), model::Millis(3_600_000));
    assert_eq!(site.post("/v1/nodes", r#"{"expires_in_s": 0}"#).problem().2, "expires_in_s");
    let alone = Site::with(actors::Limits::default(), 8, |options| options.authority = None);
    assert_eq!(alone.post("/v1/nodes", "{}").problem().1, "api-unsupported");
}
