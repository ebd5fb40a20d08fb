//! The earlier client's requests, answered as its documentation says.

use super::site::{Answer, Site};
use crate::runtime::SwarmMembers;
use model::Event;

/// A job as the earlier client sends it.
pub const SWARM: &str = r#"{"job_name": "job1533585500968-1533585495", "job_info": {
    "network": {"name": "harbour-net", "driver": "overlay", "subnet": "10.77.0.0/24"}, "tasks": {
    "job1533585500968-1533585495_task1": {"container_name": "job1533585500968-1533585495_task1", "node": "", "image": "busybox:latest",
        "detach": true, "command": "sleep 5", "req_cores": 2, "cpuset_cpus": "", "mem_limit": "10m", "ports": {"3000/tcp": 3000},
        "volumes": {}, "environment": {}, "deadline": 12, "status": "Ready"},
    "job1533585500968-1533585495_task2": {"container_name": "job1533585500968-1533585495_task2", "node": "", "image": "busybox:latest",
        "detach": true, "command": "sleep 3", "cpu_count": 1, "cpuset_cpus": "", "mem_limit": "30m", "ports": {},
        "volumes": {"/srv/shared/job1/task2": {"bind": "/mnt/data/", "mode": "rw"}}, "environment": {"LEVEL": "info"}, "status": "Ready"}}},
    "status": "Ready", "start_time": 0, "end_time": 0}"#;

/// A refusal in plain text that says this.
pub fn refused(answer: &Answer, says: &str) {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/plain") && answer.text.contains(says), "{says}: {answer:?}");
}

#[test]
fn a_job_name_is_the_key_of_a_swarm_job() {
    let site = Site::open();
    let submit = |body: &str| site.post("/RESTfulSwarm/FE/request_new_job", body);
    assert_eq!((submit(SWARM).status, submit(SWARM).text.as_str()), (200, "OK"));
    let jobs = site.get("/v1/jobs").json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "the second is the first");
    assert_eq!(jobs["jobs"][0]["name"], "job1533585500968-1533585495");
    assert_eq!(submit(&SWARM.replace("sleep 5", "sleep 6")).status, 409);
    refused(&submit(&SWARM.replace("\"10m\"", "\"-1m\"")), "mem_limit");
    refused(&submit(&SWARM.replace("\"req_cores\": 2", "\"req_cores\": 2, \"cpu_count\": 1")), "req_cores");
    assert_eq!(site.post("/v1/jobs?format=swarm-job", SWARM).json()["id"], "j0");
}

#[test]
fn a_get_switches_the_scheduler() {
    let site = Site::open();
    let switch = |name: &str| site.get(&format!("/RESTfulSwarm/FE/switch_scheduler/{name}"));
    for name in ["first-fit", "best-fit", "first-fit-decreasing", "best-fit-decreasing", "best-fir-decreasing", "no-scheduler"] {
        assert_eq!((switch(name).status, switch(name).text.as_str()), (200, "OK"), "{name}");
    }
    refused(&switch("worst"), "best-fit-decreasing");
    refused(&switch("l2"), "known are");
}

#[test]
fn members_come_with_tokens_and_leave_by_name_or_id() {
    let site = Site::open();
    site.join(0, "alpha");
    assert_eq!(site.manager("GET", "init", "").text, "OK");
    let join = |body: &str| site.manager("POST", "request_join", body);
    assert_eq!(join(r#"{"address": "10.0.0.9"}"#).status, 406);
    refused(&join(r#"{"hostname": "alpha", "address": "10.0.0.0", "CPUs": 4, "MemFree": "22245426 kB"}"#), "member already");
    refused(&join(r#"{"hostname": "beta", "address": "10.0.0.9", "CPUs": 4, "MemFree": "21724.0m"}"#), "POST /v1/nodes");
    for name in ["alpha", "n0", "10.0.0.0"] {
        assert_eq!(site.manager("POST", "request_leave", &format!(r#"{{"hostname": "{name}"}}"#)).text, "OK", "{name}");
    }
    refused(&site.manager("POST", "request_leave", r#"{"hostname": "omega"}"#), "there is no node `omega`");
}

#[test]
fn workers_are_shown_as_docker_nodes() {
    let site = Site::open();
    site.join(0, "alpha");
    let list = site.manager("GET", "get_worker_list", "").json();
    let node = &list[0];
    assert_eq!((&node["ID"], &node["Description"]["Hostname"]), (&"n0".into(), &"alpha".into()));
    let resources = &node["Description"]["Resources"];
    assert_eq!((&resources["NanoCPUs"], &resources["MemoryBytes"]), (&4_000_000_000u64.into(), &(8u64 << 30).into()));
    assert_eq!((&node["Status"]["State"], &node["Status"]["Addr"]), (&"ready".into(), &"10.0.0.0".into()));
    assert_eq!(node["Spec"]["Availability"], "active");
    assert_eq!(&site.manager("GET", "alpha/describe_worker", "").json(), node);
    assert_eq!(&site.manager("GET", "n0/describe_manager", "").json(), node);
    refused(&site.manager("GET", "omega/describe_worker", ""), "omega");
    site.publish(Event::Cordoned { node: model::NodeId(0), cordoned: true });
    assert_eq!(site.manager("GET", "alpha/describe_worker", "").json()["Spec"]["Availability"], "pause");
}

#[test]
fn nodes_have_the_names_of_the_swarm_where_there_is_one() {
    let site = Site::open();
    for (number, name) in (0..).zip(["alpha", "beta"]) {
        site.join(number, name);
    }
    assert_eq!(site.manager("GET", "init", "").text, "OK", "nobody wants one");
    let outside = ["beta".to_owned()].into();
    site.trial.swarm(SwarmMembers { outside, ..SwarmMembers::default() });
    let refused_init = site.manager("GET", "init", "");
    assert_eq!(refused_init.status, 500);
    assert!(refused_init.text.contains("these wait: beta") && refused_init.text.contains("--swarm manager"), "{}", refused_init.text);
    let nodes = [("alpha", "x1"), ("beta", "x2")].map(|(name, id)| (name.to_owned(), id.to_owned())).into();
    site.trial.swarm(SwarmMembers { manager: Some("alpha".into()), nodes, ..SwarmMembers::default() });
    assert_eq!(site.manager("GET", "init", "").text, "OK");
    let list = site.manager("GET", "get_worker_list", "").json();
    let seen = [0, 1].map(|at| (list[at]["ID"].clone(), list[at]["Spec"]["Role"].clone()));
    assert_eq!(seen, [("x1".into(), "manager".into()), ("x2".into(), "worker".into())]);
    assert_eq!(site.manager("GET", "x2/describe_worker", "").json(), list[1]);
    assert_eq!(site.manager("POST", "request_leave", r#"{"hostname": "x2"}"#).text, "OK");
}

#[test]
fn jobs_of_the_global_manager_name_their_nodes() {
    let site = Site::open();
    site.join(0, "alpha");
    let job = |node: &str| SWARM.replace("\"node\": \"\"", &format!("\"node\": \"{node}\""));
    refused(&site.manager("POST", "request_new_job", SWARM), "node");
    refused(&site.manager("POST", "request_new_job", &job("omega")), "there is no node");
    assert_eq!(site.manager("POST", "request_new_job", &job("n0")).text, "OK");
    let task = r#"{"container_name": "c1", "node": "alpha", "image": "busybox", "command": "sleep 5", "req_cores": 1, "network": {"name": "net"}}"#;
    assert_eq!(site.manager("POST", "request_new_task", task).text, "OK");
    assert_eq!(site.get("/v1/jobs?name=c1").json()["jobs"][0]["tasks"]["total"], 1);
    refused(&site.manager("POST", "request_new_task", r#"{"node": "alpha"}"#), "container_name");
    refused(&site.manager("POST", "request_new_task", "[]"), "map");
}

#[test]
fn containers_are_moved_and_checkpointed() {
    let site = Site::open();
    let alpha = site.join(0, "alpha");
    site.join(1, "beta");
    assert_eq!(site.post("/RESTfulSwarm/FE/request_new_job", SWARM).status, 200);
    site.run(model::JobId(0), alpha);
    let container = "job1533585500968-1533585495_task1";
    let one = |from: &str, to: &str| format!(r#"{{"container": "{container}", "from": "{from}", "to": "{to}", "info": {{}}}}"#);
    assert_eq!(site.manager("POST", "request_migrate", &one("10.0.0.0", "10.0.0.1")).text, "OK");
    refused(&site.manager("POST", "request_migrate", &one("beta", "alpha")), "from");
    let group = format!("[{}, {}]", one("alpha", "beta"), one("alpha", "gamma"));
    refused(&site.manager("POST", "request_group_migration", &group), "gamma");
    assert_eq!(site.manager("POST", "request_group_migration", &format!("[{}]", one("n0", "n1"))).text, "OK");
    let checkpoint = format!(r#"[{{"node": "alpha", "containers": ["{container}"]}}]"#);
    assert_eq!(site.manager("POST", "checkpoint_cons", &checkpoint).text, "OK");
    refused(&site.manager("POST", "checkpoint_cons", &checkpoint.replace("alpha", "beta")), "is not there");
    refused(&site.manager("POST", "checkpoint_cons", "[]"), "there are 0 containers");
    refused(&site.manager("POST", "checkpoint_cons", r#"[{"node": "alpha", "containers": ["x"]}]"#), "containers[0]");
    let update = format!(
        r#"{{"job": "job1533585500968-1533585495", "node": "alpha", "container_name": "{container}", "cpuset_cpus": "0,1", "mem_limit": "20m"}}"#
    );
    refused(&site.manager("POST", "request_update_container", &update.replace("0,1", "0,4")), "its node offers the cores 0-3");
    assert_eq!(site.manager("POST", "request_update_container", &update).text, "OK", "where it runs");
    refused(&site.manager("POST", "request_update_container", &update.replace("\"20m\"", "\"1e99g\"")), "mem_limit");
}

#[test]
fn a_container_that_waits_is_updated() {
    let site = Site::open();
    site.join(0, "alpha");
    assert_eq!(site.post("/RESTfulSwarm/FE/request_new_job", SWARM).status, 200);
    let update = |change: &str| {
        let body = format!(r#"{{"node": "alpha", "container_name": "job1533585500968-1533585495_task1"{change}}}"#);
        site.manager("POST", "request_update_container", &body)
    };
    let wants = || {
        let job = site.trial.door.view(|view| view.job(model::JobId(0)).unwrap().spec.clone());
        (job.body.tasks[0].cores.0, job.body.tasks[0].memory.0 >> 20)
    };
    assert_eq!(update(r#", "cpuset_cpus": "0,2-3", "mem_limit": "20m""#).text, "OK");
    assert_eq!(wants(), (3, 20));
    assert_eq!(update(r#", "cpuset_cpus": "", "mem_limit": "30m""#).text, "OK");
    assert_eq!(wants(), (3, 30), "an empty set asks for no other number of cores");
    assert_eq!(update(r#", "cpuset_cpus": "1""#).text, "OK");
    assert_eq!(wants(), (1, 30));
    for nothing in ["", r#", "cpuset_cpus": """#] {
        refused(&update(nothing), "cpuset_cpus: it asks for no change");
    }
    assert_eq!(wants(), (1, 30));
}

#[test]
fn each_port_serves_its_own() {
    let site = Site::open();
    assert_eq!(site.send_to(site.global_manager, "GET", "/v1/jobs", &[], b"").problem().0, 404);
    assert_eq!(site.get("/RESTfulSwarm/GM/get_worker_list").problem().0, 404);
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(site.send_to(site.global_manager, "GET", path, &[], b"").status, 200, "{path}");
    }
}
