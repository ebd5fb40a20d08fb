//! Bad input on the earlier routes: each is refused by name, and the system goes on.

use super::earlier::{SWARM, refused};
use super::site::{Answer, Site};

/// Names that would be paths, cut short, another name to a reader, or none.
const BAD_NAMES: [&str; 6] = ["a/b", "../../etc", "..", "a\\u0000b", "caf\\u00e9", ""];
/// What is wrong with a task, and the field that says so.
const BAD_FIELDS: [(&str, &str); 9] = [
    (r#""req_cores": 1, "mem_limit": "-1m""#, "mem_limit"),
    (r#""req_cores": 1, "mem_limit": "1e99g""#, "mem_limit"),
    (r#""req_cores": 1, "mem_limit": [1]"#, "mem_limit"),
    (r#""req_cores": 1, "cpuset_cpus": "0-999999999""#, "cpuset_cpus"),
    (r#""req_cores": 2, "cpu_count": 3"#, "req_cores"),
    (r#""req_cores": 1.5"#, "req_cores"),
    (r#""req_cores": 0"#, "req_cores"),
    (r#""req_cores": 1, "command": "sh -c 'open"#, "command"),
    (r#""req_cores": 1, "ports": {"80/tcp": 70000}"#, "ports.80/tcp"),
];

fn job(name: &str, task: &str, fields: &str) -> String {
    format!(r#"{{"job_name": "{name}", "job_info": {{"tasks": {{"{task}": {{"node": "alpha", {fields}}}}}}}}}"#)
}

/// Nothing that was refused has left anything.
fn goes_on(site: &Site) {
    assert_eq!(site.get("/v1/jobs").json()["jobs"].as_array().unwrap().len(), 0);
    assert_eq!(site.post("/RESTfulSwarm/FE/request_new_job", SWARM).text, "OK");
    assert_eq!(site.manager("GET", "get_worker_list", "").json().as_array().unwrap().len(), 1);
}

#[test]
fn bad_jobs_and_tasks_name_their_field() {
    let site = Site::open();
    site.join(0, "alpha");
    let jobs: [&dyn Fn(&str) -> Answer; 2] =
        [&|body| site.post("/RESTfulSwarm/FE/request_new_job", body), &|body| site.manager("POST", "request_new_job", body)];
    let task = |name: &str, fields: &str| {
        site.manager("POST", "request_new_task", &format!(r#"{{"container_name": "{name}", "node": "alpha", {fields}}}"#))
    };
    for (fields, field) in BAD_FIELDS {
        let fields = if field == "command" { format!("{fields}\"") } else { fields.to_owned() };
        for send in jobs {
            refused(&send(&job("j", "t", &fields)), &format!("job_info.tasks.t.{field}: "));
        }
        let answer = task("c", &fields);
        assert!(answer.status == 400 && answer.text.starts_with(&format!("{field}: ")), "{fields}: {answer:?}");
    }
    for name in BAD_NAMES {
        for send in jobs {
            refused(&send(&job(name, "t", r#""req_cores": 1"#)), "job_name: ");
            refused(&send(&job("j", name, r#""req_cores": 1"#)), "job_info.tasks");
        }
        let answer = task(name, r#""req_cores": 1"#);
        assert!(answer.status == 400 && answer.text.starts_with("container_name: "), "{name}: {answer:?}");
        if !name.is_empty() {
            let elsewhere = job("j", "t", r#""req_cores": 1"#).replace("alpha", name);
            jobs.iter().for_each(|send| refused(&send(&elsewhere), "job_info.tasks.t.node: "));
        }
    }
    goes_on(&site);
}

#[test]
fn bad_names_of_what_is_there_name_their_field() {
    let site = Site::open();
    site.join(0, "alpha");
    for name in BAD_NAMES {
        for (route, body, field) in [
            ("checkpoint_cons", format!(r#"[{{"node": "{name}", "containers": []}}]"#), "[0].node: "),
            ("checkpoint_cons", format!(r#"[{{"node": "alpha", "containers": ["{name}"]}}]"#), "[0].containers[0]: "),
            ("request_migrate", format!(r#"{{"container": "{name}", "from": "alpha", "to": "alpha"}}"#), "container: "),
            ("request_group_migration", format!(r#"[{{"job": "{name}", "container": "c", "from": "a", "to": "b"}}]"#), "container: "),
            ("request_leave", format!(r#"{{"hostname": "{name}"}}"#), "hostname: "),
            ("request_update_container", format!(r#"{{"node": "{name}", "container_name": "c", "mem_limit": "1m"}}"#), "node: "),
            (
                "request_update_container",
                format!(r#"{{"node": "alpha", "container_name": "{name}", "mem_limit": "1m"}}"#),
                "container_name: ",
            ),
        ] {
            let answer = site.manager("POST", route, &body);
            assert!(answer.status == 400 && answer.text.starts_with(field), "{route} {body}: {answer:?}");
        }
    }
    for (field, value) in [("mem_limit", "\"-1m\""), ("mem_limit", "\"1e99g\""), ("cpuset_cpus", "\"0-999999999\""), ("cpuset_cpus", "3")] {
        let body = format!(r#"{{"node": "alpha", "container_name": "c", "{field}": {value}}}"#);
        let answer = site.manager("POST", "request_update_container", &body);
        assert!(answer.status == 400 && answer.text.starts_with(&format!("{field}: ")), "{body}: {answer:?}");
    }
    for name in ["a%2Fb", "..%2F..", "a%00b", "caf%C3%A9"] {
        refused(&site.get(&format!("/RESTfulSwarm/FE/switch_scheduler/{name}")), "name: unknown");
        refused(&site.manager("GET", &format!("{name}/describe_worker"), ""), "hostname: there is no node");
    }
    goes_on(&site);
}

#[test]
fn large_bodies_are_refused_on_every_earlier_route() {
    let site = Site::open();
    site.join(0, "alpha");
    let tasks = |count: usize| {
        let tasks: Vec<String> = (0..count).map(|n| format!(r#""t{n}": {{"node": "alpha", "req_cores": 1}}"#)).collect();
        format!(r#"{{"job_name": "j", "job_info": {{"tasks": {{{}}}}}}}"#, tasks.join(","))
    };
    let padded = format!("{SWARM}{}", " ".repeat(10 << 20));
    for body in [&padded, &tasks(100_000)] {
        for route in ["request_new_job", "request_new_task", "request_migrate", "request_join"] {
            let answer = site.manager("POST", route, body);
            assert!(answer.status == 413 && answer.text.contains("larger than 1048576 bytes"), "{route}: {answer:?}");
        }
        assert_eq!(site.post("/RESTfulSwarm/FE/request_new_job", body).status, 413);
    }
    refused(&site.post("/RESTfulSwarm/FE/request_new_job", &tasks(20_000)), "job_info.tasks: 20000 task instances: at most 1000");
    refused(&site.manager("POST", "request_new_job", &tasks(1001)), "job_info.tasks: 1001 task instances: at most 1000");
    let moves = vec![r#"{"container": "c", "from": "a", "to": "b"}"#; 1001].join(",");
    refused(&site.manager("POST", "request_group_migration", &format!("[{moves}]")), "1001 moves: from 1 to 1000");
    goes_on(&site);
}
