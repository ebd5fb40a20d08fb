//! Every route of the earlier system that is kept: on its port, with the answers that its documentation has.

use super::earlier::{SWARM, refused};
use super::site::{Answer, Site};
use crate::api::access::OPERATIONS;

/// The first task of the job, which runs on alpha.
const CONTAINER: &str = "job1533585500968-1533585495_task1";

/// A kept route: method, path, a request that is right and what it is answered with, a request that is wrong and what its refusal says.
/// Where nothing can be right or wrong, the text is empty.
struct Kept {
    method: &'static str,
    path: &'static str,
    template: &'static str,
    right: (String, u16, &'static str),
    wrong: (&'static str, String, &'static str),
}

fn kept(method: &'static str, path: &'static str, right: (&str, u16, &'static str), wrong: (&str, &'static str)) -> Kept {
    let fill = |text: &str| text.replace("CONTAINER", CONTAINER).replace('\'', "\"");
    Kept { method, path, template: path, right: (fill(right.0), right.1, right.2), wrong: (path, fill(wrong.0), wrong.1) }
}

/// The same for a GET, whose path says what is right and what is wrong.
fn got(template: &'static str, path: &'static str, wrong: &'static str, text: &'static str, refusal: &'static str) -> Kept {
    Kept { method: "GET", path, template, right: (String::new(), 200, text), wrong: (wrong, String::new(), refusal) }
}

/// The table, in its order.
fn table() -> Vec<Kept> {
    let on_alpha = SWARM.replace("\"node\": \"\"", "\"node\": \"alpha\"").replace("job1533585500968", "job2");
    let one = "{'job': 'job1533585500968-1533585495', 'container': 'CONTAINER', 'from': '10.0.0.0', 'to': '10.0.0.1', 'info': {}}";
    let elsewhere = one.replace("10.0.0.1'", "10.0.0.9'");
    let update =
        "{'job': 'j0', 'node': 'alpha', 'container_name': 'job1533585500968-1533585495_task2', 'cpuset_cpus': '', 'mem_limit': '20m'}";
    vec![
        kept("POST", "/RESTfulSwarm/FE/request_new_job", (SWARM, 200, "OK"), ("{}", "job_name")),
        got(
            "/RESTfulSwarm/FE/switch_scheduler/{name}",
            "/RESTfulSwarm/FE/switch_scheduler/best-fir-decreasing",
            "/RESTfulSwarm/FE/switch_scheduler/worst-fit",
            "OK",
            "name: unknown `worst-fit`",
        ),
        got("/RESTfulSwarm/GM/init", "/RESTfulSwarm/GM/init", "", "OK", ""),
        // A worker joins by itself, with a token: nobody is let in by what this request says.
        kept(
            "POST",
            "/RESTfulSwarm/GM/request_join",
            ("{'address': '10.0.0.9'}", 406, "hostname"),
            ("{'hostname': 'alpha'}", "member already"),
        ),
        kept(
            "POST",
            "/RESTfulSwarm/GM/request_new_task",
            ("{'container_name': 'c1', 'node': 'alpha', 'command': 'sleep 5', 'req_cores': 1, 'network': {'name': 'net'}}", 200, "OK"),
            ("{'container_name': 'c2', 'command': 'sleep 5', 'req_cores': 1}", "node: it is missing"),
        ),
        kept("POST", "/RESTfulSwarm/GM/request_new_job", (&on_alpha, 200, "OK"), (SWARM, "node: it is missing")),
        kept(
            "POST",
            "/RESTfulSwarm/GM/checkpoint_cons",
            ("[{'node': 'alpha', 'containers': ['CONTAINER']}]", 200, "OK"),
            ("[{'node': 'alpha', 'containers': ['none']}]", "[0].containers[0]"),
        ),
        kept("POST", "/RESTfulSwarm/GM/request_migrate", (one, 200, "OK"), (&elsewhere, "to: there is no node")),
        kept(
            "POST",
            "/RESTfulSwarm/GM/request_group_migration",
            (&format!("[{one}]"), 200, "OK"),
            (&format!("[{one}, {elsewhere}]"), "to: there is no node"),
        ),
        kept("POST", "/RESTfulSwarm/GM/request_leave", ("{'hostname': '10.0.0.1'}", 200, "OK"), ("{'hostname': 'omega'}", "hostname")),
        kept("POST", "/RESTfulSwarm/GM/request_update_container", (update, 200, "OK"), (&update.replace("20m", "-1m"), "mem_limit")),
        got("/RESTfulSwarm/GM/get_worker_list", "/RESTfulSwarm/GM/get_worker_list", "", "[{\"ID\":\"n0\"", ""),
        got(
            "/RESTfulSwarm/GM/{hostname}/describe_worker",
            "/RESTfulSwarm/GM/alpha/describe_worker",
            "/RESTfulSwarm/GM/omega/describe_worker",
            "{\"ID\":\"n0\"",
            "hostname: there is no node",
        ),
        got(
            "/RESTfulSwarm/GM/{hostname}/describe_manager",
            "/RESTfulSwarm/GM/n1/describe_manager",
            "/RESTfulSwarm/GM/omega/describe_manager",
            "{\"ID\":\"n1\"",
            "hostname: there is no node",
        ),
    ]
}

#[test]
fn every_kept_route_answers_on_its_port_as_documented() {
    let site = Site::open();
    let alpha = site.join(0, "alpha");
    site.join(1, "beta");
    let send = |port, method: &str, path: &str, body: &str| -> Answer {
        site.send_to(port, method, path, &[("content-type", "application/json")], body.as_bytes())
    };
    let table = table();
    for Kept { method, path, right: (body, status, text), wrong: (wrong_path, wrong, refusal), .. } in &table {
        let (here, other) = match path.starts_with("/RESTfulSwarm/FE/") {
            true => (site.front_end, site.global_manager),
            false => (site.global_manager, site.front_end),
        };
        if !refusal.is_empty() {
            refused(&send(here, method, wrong_path, wrong), refusal);
        }
        let answer = send(here, method, path, body);
        assert!(answer.status == *status && answer.text.starts_with(text), "{method} {path}: {answer:?}");
        assert_eq!(send(other, method, path, body).problem().1, "api-unknown-route", "{path} is served by one port");
        if path.ends_with("FE/request_new_job") {
            site.run(model::JobId(0), alpha);
            assert_eq!(send(here, method, path, &body.replace("sleep 5", "sleep 6")).status, 409, "same name, other body");
        }
    }
    let kept: Vec<(&str, &str)> = table.iter().map(|row| (row.method, row.template)).collect();
    let mut served = OPERATIONS.iter().filter(|row| row.path.starts_with("/RESTfulSwarm/")).map(|row| (row.method.as_str(), row.path));
    assert_eq!(kept.len(), served.clone().count());
    assert!(served.all(|row| kept.contains(&row)), "{kept:?}");
}
