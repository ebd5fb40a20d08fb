//! Addresses, paths, frames and what is said of refusals. Whole conversations are in tests/it/cli/live.rs.

use super::*;
use crate::api::body::Problem;

#[test]
fn addresses_have_a_scheme_a_host_and_a_port() {
    for (text, shown) in [
        ("127.0.0.1", "http://127.0.0.1:5001"),
        ("localhost:80", "http://localhost:80"),
        ("https://pier.example.org/", "https://pier.example.org:5001"),
        ("http://[::1]:7", "http://[::1]:7"),
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), shown, "{text}");
    }
    for text in ["", "ftp://pier", "http://u:p@pier", "http://pier/v1", "http://pier?x=1", "a b", "http://"] {
        let error = text.parse::<Address>().unwrap_err();
        assert_eq!(error.code(), "client-address", "{text}");
    }
    assert!("http://[::1]:7".parse::<Address>().unwrap().is_loopback() && !"10.0.0.1".parse::<Address>().unwrap().is_loopback());
}

#[test]
fn a_part_of_a_path_stays_one_part() {
    let target = |part: &str| Call::get(&["v1", "jobs", part]).target;
    assert_eq!(target("j1"), "/v1/jobs/j1");
    assert_eq!(target("../nodes"), "/v1/jobs/..%2Fnodes");
    assert_eq!(target(".."), "/v1/jobs/%2E%2E");
    assert_eq!(target("a?b#c d"), "/v1/jobs/a%3Fb%23c%20d");
    let call = Call::get(&["v1", "jobs"]).query("label", Some("team=a&b")).query("state", None::<&str>).query("limit", Some(3));
    assert_eq!(call.target, "/v1/jobs?label=team%3Da%26b&limit=3");
}

#[test]
fn a_token_never_goes_to_another_host_in_the_clear() {
    let options = |address: &str| ClientOptions { token: Some("wh_a_b".into()), ..ClientOptions::new(address.parse().unwrap()) };
    assert_eq!(Client::new(options("http://10.0.0.1:5001")).unwrap_err().code(), "client-plain-token");
    assert!(Client::new(options("https://10.0.0.1:5001")).is_ok() && Client::new(options("127.0.0.1:1")).is_ok());
    let spaced = ClientOptions { token: Some("wh_a b".into()), ..ClientOptions::new(Address::local()) };
    assert_eq!(Client::new(spaced).unwrap_err().code(), "client-token");
}

#[test]
fn frames_have_ids_kinds_and_data_of_several_lines() {
    let text = ": alive\n\nid: 7\nevent: task.state\ndata: {\"a\":\ndata: 1}\r\n\r\n: alive\n\ndata:x\n\ndata: cut off";
    let frames: Vec<Frame> = Frames::of(text.as_bytes()).map(Result::unwrap).collect();
    let frame = |id: Option<&str>, event: &str, data: &str| Frame { id: id.map(Into::into), event: event.into(), data: data.into() };
    assert_eq!(frames, [frame(Some("7"), "task.state", "{\"a\":\n1}"), frame(None, "", "x")]);
    assert!(Frames::of(std::io::repeat(b'x')).next().unwrap().is_err(), "an endless line ends");
}

#[test]
fn a_refusal_is_one_line_with_cause_fix_and_code() {
    let mut problem = Problem {
        kind: String::new(),
        title: "A field is wrong".into(),
        status: 400,
        code: "api-field".into(),
        detail: "`1e99g` is no amount\nof memory.".into(),
        fix: "Write it as in 64GiB.".into(),
        field: Some("tasks.a.resources.memory".into()),
        request_id: "r1".into(),
    };
    let shown = ClientError::Refused(Box::new(problem.clone())).to_string();
    assert_eq!(shown, "tasks.a.resources.memory: `1e99g` is no amount of memory. Write it as in 64GiB");
    (problem.field, problem.detail) = (Some(".".into()), "missing field `name`".into());
    assert_eq!(ClientError::Refused(Box::new(problem)).to_string(), "missing field `name`. Write it as in 64GiB");
}

#[test]
fn keys_differ() {
    assert_ne!(new_key(), new_key());
    assert_eq!(new_key().len(), 32);
}
