//! Bad input: each is refused by name, and the system goes on.

use super::site::{JOB, Site};
use crate::api::{Port, document};

fn task(rest: &str) -> String {
    format!(r#"{{"name": "j", "tasks": {{"a": {{"kind": "container", "resources": {{"cores": 1}}{rest}}}}}}}"#)
}

#[test]
fn each_bad_document_names_its_field() {
    let site = Site::open();
    let swarm = |rest: &str| format!(r#"{{"job_name": "j", "job_info": {{"tasks": {{"t": {{{rest}}}}}}}}}"#);
    let many: String = (0..1001).map(|n| format!(r#"{}"t{n}": {{"req_cores": 1}}"#, if n > 0 { "," } else { "" })).collect();
    let bodies = [
        ("native", "{".to_owned(), "."),
        ("native", "[]".to_owned(), "."),
        ("native", "nonsense".to_owned(), "."),
        ("native", format!("{JOB} x"), "."),
        ("native", r#"{"name": 5, "tasks": {}}"#.to_owned(), "name"),
        ("native", r#"{"name": "j", "tasks": {}}"#.to_owned(), "tasks"),
        ("native", JOB.replace("\"name\"", "\"colour\": 1, \"name\""), "colour"),
        ("native", task(r#", "count": 100000"#), "tasks"),
        ("native", task(r#", "count": 4294967296"#), "tasks.a.count"),
        ("native", task(r#", "resources": 1"#), "tasks.a"),
        ("native", task(r#", "pin": {"node": "n", "cpuset": "0-999999999"}"#), "tasks.a.pin.cpuset"),
        (
            "native",
            r#"{"name": "j", "tasks": {"a": {"kind": "container", "resources": {"cores": 1, "memory": "-1m"}}}}"#.to_owned(),
            "tasks.a.resources.memory",
        ),
        (
            "native",
            r#"{"name": "j", "tasks": {"a": {"kind": "container", "resources": {"cores": 1, "memory": "1e99g"}}}}"#.to_owned(),
            "tasks.a.resources.memory",
        ),
        ("swarm-job", swarm(r#""req_cores": 2, "cpu_count": 3"#), "job_info.tasks.t.req_cores"),
        ("swarm-job", swarm(r#""req_cores": 1, "mem_limit": "-1m""#), "job_info.tasks.t.mem_limit"),
        ("swarm-job", swarm(r#""req_cores": 1, "mem_limit": "1e99g""#), "job_info.tasks.t.mem_limit"),
        ("swarm-job", swarm(r#""req_cores": 1, "cpuset_cpus": "0-999999999""#), "job_info.tasks.t.cpuset_cpus"),
        ("swarm-job", format!(r#"{{"job_name": "j", "job_info": {{"tasks": {{{many}}}}}}}"#), "job_info.tasks"),
    ];
    for (format, body, field) in bodies {
        let shown: String = body.chars().take(100).collect();
        let (status, code, at) = site.post(&format!("/v1/jobs?format={format}"), &body).problem();
        assert_eq!((status, code.as_str()), (400, "api-field"), "{shown}");
        assert!(at == field || at.starts_with(&format!("{field}.")), "{shown}: {at}");
    }
    for name in ["a/b", "..", "a\\u0000b", "\\u00e9", "", "-rf", "<img>"] {
        let body = JOB.replace("tide", name);
        assert_eq!(site.post("/v1/jobs", &body).problem().2, "name", "{name}");
        let body = JOB.replace("\"run\"", &format!("\"{name}\""));
        assert!(site.post("/v1/jobs", &body).problem().2.starts_with("tasks"), "{name}");
    }
    assert_eq!(site.post("/v1/jobs?format=application", JOB).problem().2, "format");
    assert_eq!(site.post("/v1/jobs?dry_run=perhaps", JOB).problem().2, "dry_run");
    assert_eq!(site.post("/v1/jobs", JOB).status, 202, "the system goes on");
}

/// Earlier routes whose bodies are lists.
const LISTS: [&str; 2] = ["/RESTfulSwarm/GM/checkpoint_cons", "/RESTfulSwarm/GM/request_group_migration"];

#[test]
fn no_body_is_an_array_where_an_object_is_meant() {
    let site = Site::open();
    site.join(0, "alpha");
    site.submit();
    let mut bodies = 0;
    for port in [Port::FrontEnd, Port::GlobalManager] {
        let to = if port == Port::FrontEnd { site.front_end } else { site.global_manager };
        for (path, methods) in document(port)["paths"].as_object().unwrap() {
            for (method, _) in methods.as_object().unwrap().iter().filter(|(_, operation)| operation.get("requestBody").is_some()) {
                bodies += 1;
                let filled = path.replace("{job}", "j0").replace("{task}", "run").replace("{node}", "alpha");
                // The fields in order, as the code that serde derives would take them.
                for array in ["[]", r#"["stop"]"#, r#"["alpha", ["c"]]"#, r#"["drain", true]"#, r#"["read", "note", 60]"#] {
                    let (body, at) = if LISTS.contains(&path.as_str()) { (format!("[{array}]"), "[0]") } else { (array.to_owned(), ".") };
                    let answer =
                        site.send_to(to, &method.to_uppercase(), &filled, &[("content-type", "application/json")], body.as_bytes());
                    let said = match path.starts_with("/RESTfulSwarm/") {
                        true => (answer.status, answer.text.split(": ").next().unwrap().to_owned()),
                        false => (answer.problem().0, answer.problem().2),
                    };
                    assert_eq!(said, (400, at.to_owned()), "{method} {path} {body}: {answer:?}");
                    assert!(answer.text.contains("invalid type: sequence"), "{method} {path} {body}: {answer:?}");
                }
            }
        }
    }
    assert_eq!(bodies, 21, "operations with a body");
    assert_eq!(site.post("/v1/jobs", JOB).status, 202, "the system goes on");
}

#[test]
fn a_body_is_bounded_and_json() {
    let site = Site::open();
    let padded = |size: usize| format!("{JOB}{}", " ".repeat(size - JOB.len()));
    assert_eq!(site.post("/v1/jobs", &padded(1 << 20)).status, 202);
    assert_eq!(site.post("/v1/jobs", &padded((1 << 20) + 1)).problem().0, 413);
    assert_eq!(site.post("/v1/jobs", &padded(10 << 20)).problem().1, "api-too-large");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x"] {
        let answer = site.send("POST", "/v1/jobs", &[("content-type", kind)], JOB);
        assert_eq!(answer.problem(), (415, "api-content-type".into(), "Content-Type".into()), "{kind}");
    }
    assert_eq!(site.send("POST", "/v1/jobs", &[("content-type", "application/json; charset=utf-8")], JOB).status, 202);
    assert_eq!(site.send("POST", "/v1/jobs", &[], JOB).problem().0, 415);
    let broken = site.send_to(site.front_end, "POST", "/v1/jobs", &[("content-type", "application/json")], b"{\"name\": \"\xff\"}");
    assert_eq!(broken.problem().0, 400);
}

#[test]
fn a_small_document_makes_no_large_job() {
    let site = Site::open();
    let values = format!("[\"{}\"]", "v".repeat(400_000));
    let tasks: Vec<String> = (0..200).map(|n| format!(r#""t{n}": {{"kind": "container", "resources": {{"cores": 1}}}}"#)).collect();
    let rules = format!(r#""placement": {{"constraints": [{{"label": "l", "op": "in", "values": {values}}}]}}"#);
    let body = format!(r#"{{"name": "j", {rules}, "tasks": {{{}}}}}"#, tasks.join(","));
    assert_eq!(site.post("/v1/jobs", &body).problem().2, "placement");
}

#[test]
fn tokens_and_policies_are_checked() {
    let site = Site::open();
    for (body, field) in [
        (r#"{"role": "king"}"#, "role"),
        ("{}", "."),
        (r#"{"role": "read", "expires_in_s": 99999999999}"#, "expires_in_s"),
        (r#"{"role": "read", "secret": "s"}"#, "secret"),
    ] {
        assert_eq!(site.post("/v1/tokens", body).problem().2, field, "{body}");
    }
    let long = format!(r#"{{"role": "read", "note": "{}"}}"#, "n".repeat(201));
    assert_eq!(site.post("/v1/tokens", &long).problem().2, "note");
    let put = |body: &str| site.send("PUT", "/v1/policies/placement", &[("content-type", "application/json")], body);
    assert_eq!(put(r#"{"admission": "eazy"}"#).problem().2, "admission");
    assert_eq!(put("7").problem().0, 400);
    assert_eq!(put(r#""best""#).problem().0, 400);
}
