//! What an actors file may say, and what is said of one that is wrong.

use model::{Millis, Policy, PolicyName};

use super::*;

const EARLIER: &str = r#"{"FE": {"address": "10.0.0.1"}, "JM": {"address": "10.0.0.2", "wait_time": 0.5,
    "scheduling_strategy": {"best-fit": 0, "first-fit": 1, "first-fit-decreasing": 0, "best-fit-decreasing": 0, "no-scheduler": 0}},
    "GM": {"address": "10.0.0.3"}, "DC": {"address": "10.0.0.4"}}"#;

fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse(&Source::new("a.json", text), variables).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> String {
    with(text, &[]).unwrap_err()
}

#[test]
fn the_earlier_shape_is_taken_as_it_is() {
    let config = with(EARLIER, &[]).unwrap();
    assert_eq!(config.places.front_end.to_string(), "10.0.0.1:5001");
    assert_eq!(config.places.job_manager.to_string(), "10.0.0.2:2990");
    assert_eq!((config.places.global_manager.port, config.places.workers.to_string()), (5000, "10.0.0.3:3100".into()));
    assert_eq!(config.places.discovery.to_string(), "10.0.0.4:4000");
    assert_eq!((config.intervals.round, config.policy), (Millis(500), Policy::from(PolicyName::FirstFit)));
    let config = with(&EARLIER.replace("\"first-fit\": 1", "\"best-fir-decreasing\": 1"), &[]).unwrap();
    assert_eq!(config.policy, Policy::from(PolicyName::BestFitDecreasing));
}

#[test]
fn the_example_is_what_is_built_in() {
    let example = read(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/actors.json")), []).unwrap();
    let built_in = with("{}", &[]).unwrap();
    assert_eq!(format!("{example:?}"), format!("{built_in:?}"));
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_nearest_word() {
    let unknown = refusal("{\"GM\": {\n\"worker_prot\": 3}}");
    assert!(unknown.starts_with("a.json:2:16: GM.worker_prot: unknown field"), "{unknown}");
    assert!(unknown.ends_with("did you mean `worker_port`?"), "{unknown}");
    let two = EARLIER.replace("\"best-fit\": 0", "\"best-fit\": 1");
    assert!(refusal(&two).ends_with("JM.scheduling_strategy: 2 strategies are 1; exactly one is"), "{}", refusal(&two));
    let misspelt = EARLIER.replace("\"first-fit\": 1", "\"fist-fit\": 1");
    assert!(refusal(&misspelt).contains("unknown strategy `fist-fit`; did you mean `first-fit`?"), "{}", refusal(&misspelt));
    assert!(refusal(r#"{"FE": {"port": 70000}}"#).starts_with("a.json:1:17: FE.port: "));
    assert!(refusal(r#"{"FE": {"address": "http://x"}}"#).contains("FE.address: it is the name or the address of a host"));
    assert!(refusal(r#"{"intervals": {"lease_s": 0}}"#).contains("intervals.lease_s: it is 0"));
    assert!(
        refusal(r#"{"intervals": {"round_s": 1}, "JM": {"wait_time": 2}}"#).contains("intervals.round_s: it is 1.000 s, and JM.wait_time")
    );
    assert!(refusal(r#"{"limits": {"open_tasks": 0}}"#).contains("limits.open_tasks: it is 0"));
    assert!(refusal(r#"{"engines": ["podman"]}"#).contains("engines[0]: unknown variant `podman`"));
}

#[test]
fn the_environment_overrides_every_key() {
    let config = with(
        EARLIER,
        &[
            ("WHARFINGER_GM__WORKER_PORT", "3200"),
            ("WHARFINGER_FE__ADDRESS", "localhost"),
            ("WHARFINGER_JM__SCHEDULING_STRATEGY__FIRST_FIT", "0"),
            ("WHARFINGER_JM__SCHEDULING_STRATEGY__L2", "1"),
            ("WHARFINGER_SECURITY__ALLOWED_HOSTS", "[a.example,b.example]"),
            ("WHARFINGER_SECURITY__TOKENS_REQUIRED", "true"),
            ("WHARFINGER_JOURNAL", "j.jsonl"),
            ("WHARFINGER_RUN", "/somewhere/else"),
            ("HOME", "/root"),
        ],
    );
    let config = config.unwrap();
    assert_eq!((config.places.workers.port, config.places.front_end.host.as_str()), (3200, "localhost"));
    assert_eq!(config.policy, Policy::from(PolicyName::L2));
    assert_eq!(config.security.allowed_hosts, ["a.example", "b.example"]);
    assert!(config.security.tokens_required);
    assert_eq!(config.journal, Some("j.jsonl".into()));
}

#[test]
fn a_wrong_variable_is_named() {
    let wrong = |name, value| with("{}", &[(name, value)]).unwrap_err();
    assert_eq!(wrong("WHARFINGER_STROE__PATH", "x"), "WHARFINGER_STROE__PATH: unknown key `STROE`; did you mean `store`?");
    let unknown = wrong("WHARFINGER_GM__WORKER_PROT", "1");
    assert!(unknown.contains("WORKER_PROT") && unknown.ends_with("unknown key `worker_prot`; did you mean `worker_port`?"), "{unknown}");
    let value = wrong("WHARFINGER_GM__PORT", "many");
    assert!(value.starts_with("WHARFINGER_GM__PORT: "), "{value}");
    assert!(wrong("WHARFINGER_INTERVALS__LEASE_S", "0").starts_with("intervals.lease_s: it is 0"));
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    crate::sim::scenario::tests::check_schema::<Document>("actors.schema.json");
    crate::sim::scenario::tests::check_schema::<Vec<WorkerEntry>>("workers.schema.json");
}

fn workers(text: &str) -> Result<Workers, String> {
    workers::parse(&Source::new("w.json", text)).map_err(|error| error.to_string())
}

#[test]
fn the_earlier_workers_file_is_taken_and_its_commands_are_not_run() {
    let read = workers(
        r#"[{"address": "10.0.0.7", "user": "pi", "launch_worker": "cd x && python3 Worker.py &", "kill_worker": "pkill python3"},
            {"address": "10.0.0.8", "user": "pi"}]"#,
    )
    .unwrap();
    assert!(read.note.unwrap().starts_with("w.json: launch_worker and kill_worker are not run"));
    let [first, second] = &read.hosts[..] else { panic!("{:?}", read.hosts) };
    assert_eq!((first.place.to_string(), first.name.as_str(), first.user.as_deref().unwrap()), ("10.0.0.7:22".into(), "10.0.0.7", "pi"));
    assert!(first.words.is_empty() && first.key.is_none() && first.known_hosts.ends_with(".ssh/known_hosts"), "{first:?}");
    assert_eq!((second.folder.as_str(), second.stop_with_management), (".local/share/wharfinger", false));
}

#[test]
fn what_a_worker_is_told_comes_word_by_word() {
    let read = workers(
        r#"[{"address": "[fd00::7]:2222", "user": "w", "name": "pier-1", "cores": "0-3", "memory": "8GiB", "labels": {"disk": "a b"},
            "frequency": 0.5, "folder": "~/x/", "arguments": ["--drain", "5"], "timeout_s": 3}]"#,
    );
    let host = read.unwrap().hosts.remove(0);
    assert_eq!((host.place.to_string(), host.folder.as_str()), ("[fd00::7]:2222".into(), "x"));
    let words = ["0.5", "--cores", "0-3", "--memory", "8589934592b", "--label", "disk=a b", "--drain", "5"];
    assert_eq!(host.words, words);
}

#[test]
fn a_wrong_workers_file_is_refused_with_its_place() {
    let refusal = |more: &str| workers(&format!("[{{\"address\": \"a\", \"user\": \"u\", {more}}}]")).unwrap_err();
    let unknown = refusal(r#""know_hosts": "x""#);
    assert!(unknown.starts_with("w.json:1:") && unknown.ends_with("did you mean `known_hosts`?"), "{unknown}");
    assert!(refusal(r#""folder": "-x""#).contains("[0].folder: it is a folder"));
    assert!(refusal(r#""arguments": ["--token=x"]"#).contains("`--token` is said by the launch itself"));
    assert!(refusal(r#""arguments": ["a\nb"]"#).contains("control character"));
    assert!(refusal(r#""timeout_s": 0"#).contains("[0].timeout_s"));
    assert!(refusal(r#""manager": "10.0.0.1""#).contains("[0].manager"));
    for address in ["", "-oProxyCommand=x", "a b", "a:b", "a:0", "a;b", "$(x)"] {
        let text = format!(r#"[{{"address": "{address}", "user": "u"}}]"#);
        assert!(workers(&text).unwrap_err().contains("[0].address"), "{address}");
    }
    let twice = r#"[{"address": "a", "user": "u"}, {"address": "a:2222", "user": "u"}]"#;
    assert!(workers(twice).unwrap_err().contains("[1]: `a` is the name of entry 0 already"));
}
