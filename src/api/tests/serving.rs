//! Hosts, origins, methods, TLS, bounds, and what the API refuses to start with.

use std::net::SocketAddr;

use actors::Limits;
use model::Refusal;

use super::site::{JOB, Site};
use crate::api::{ApiOptions, Tls};
use crate::client::{Address, Call, Client, ClientOptions};
use crate::runtime::Trouble;

#[test]
fn another_host_or_origin_is_refused() {
    let site = Site::with(Limits::default(), 8, |options| options.allowed_hosts = vec!["quay.example".into()]);
    let port = site.front_end.port();
    let get = |host: &str| site.raw(&format!("GET /v1/jobs HTTP/1.1\r\n{host}Connection: close\r\n\r\n"));
    for host in ["localhost", "127.0.0.1", "[::1]:5001", "quay.example", "QUAY.example:80", "10.0.0.7"] {
        assert!(get(&format!("Host: {host}\r\n")).starts_with("HTTP/1.1 200"), "{host}");
    }
    for host in ["Host: evil.example\r\n", "Host: localhost.evil.example\r\n", "Host: localhost\r\nHost: localhost\r\n", "Host: \r\n", ""] {
        let answer = get(host);
        assert!(answer.starts_with("HTTP/1.1 421") || answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
    let post = |origin: &str, path: &str| site.send("POST", path, &[("content-type", "application/json"), ("origin", origin)], JOB);
    assert_eq!(post(&format!("http://127.0.0.1:{port}"), "/v1/jobs").status, 202);
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"] {
        assert_eq!(post(origin, "/v1/jobs").problem(), (403, "api-origin".into(), "Origin".into()), "{origin}");
    }
    let image = site.send("GET", "/RESTfulSwarm/FE/switch_scheduler/best-fit", &[("sec-fetch-site", "cross-site")], "");
    assert_eq!(image.problem().1, "api-origin", "a GET that changes something is no exception");
    assert_eq!(
        site.send("GET", "/v1/jobs", &[("origin", "http://evil.example")], "").status,
        200,
        "reading is safe: no CORS header lets a page see it"
    );
}

#[test]
fn paths_and_methods_that_are_not_there_are_problems() {
    let site = Site::open();
    for path in ["/nope", "/v1", "/v1/jobs/", "/v1/jobs/j0/nope", "/v1/artifacts", "/%ff"] {
        assert_eq!(site.get(path).problem().1, "api-unknown-route", "{path}");
    }
    let answer = site.send("PUT", "/v1/jobs", &[], "");
    assert_eq!((answer.problem().0, answer.header("allow")), (405, "POST, GET, HEAD"));
    for (method, path) in
        [("OPTIONS", "/v1/jobs"), ("DELETE", "/healthz"), ("BREW", "/v1/nodes"), ("POST", "/RESTfulSwarm/FE/switch_scheduler/best-fit")]
    {
        let answer = site.send(method, path, &[], "");
        assert!(answer.status == 405 && !answer.header("allow").is_empty(), "{method} {path}: {answer:?}");
    }
    let head = site.send("HEAD", "/v1/jobs", &[], "");
    assert_eq!((head.status, head.text.as_str(), head.header("x-content-type-options")), (200, "", "nosniff"));
}

#[test]
fn what_was_not_taken_is_said_with_its_reason() {
    let site = Site::with(Limits { open_tasks: 1, ..Limits::default() }, 8, |_| {});
    let answers = [
        (Trouble::Busy, 429, "api-busy"),
        (Trouble::StoreFull("no space left on device".into()), 507, "api-store-full"),
        (Trouble::Store("input/output error".into()), 503, "api-store"),
        (Trouble::Stopping, 503, "api-stopping"),
    ];
    for (trouble, status, code) in answers {
        site.trial.fail(Some(trouble));
        let answer = site.post("/v1/jobs", JOB);
        assert_eq!((answer.problem().0, answer.problem().1.as_str()), (status, code));
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    site.trial.fail(None);
    site.submit();
    let full = site.post("/v1/jobs", JOB);
    assert_eq!((full.problem().0, full.problem().1.as_str()), (429, "api-queue-full"), "{}", Refusal::QueueFull { open: 1, most: 1 });
    site.trial.stop();
    assert_eq!(site.post("/v1/jobs", JOB).problem().1, "api-stopping");
    assert_eq!((site.get("/v1/jobs").status, site.get("/readyz").status), (200, 503));
}

#[test]
fn strangers_need_tls_and_tokens() {
    let open: SocketAddr = "0.0.0.0:5001".parse().unwrap();
    let mut options = ApiOptions::open(open);
    let refused = options.check().unwrap_err();
    assert_eq!((refused.code(), refused.to_string().contains("TLS and tokens")), ("api-open-address", true));
    options.tokens_required = true;
    assert!(options.check().unwrap_err().to_string().ends_with("without TLS"));
    options.tls = Some(certificate().0);
    assert!(options.check().unwrap().is_none());
    let loopback = ApiOptions::open("127.0.0.1:5001".parse().unwrap());
    assert!(loopback.check().unwrap().unwrap().contains("no token is asked for"));
    assert!(ApiOptions { tokens_required: true, ..loopback }.check().unwrap().is_none());
    let missing = Tls::read("/nonexistent".as_ref(), "/nonexistent".as_ref()).unwrap_err();
    assert_eq!((missing.code(), missing.to_string().contains("/nonexistent")), ("api-tls", true));
}

/// A certificate for 127.0.0.1, and itself as an authority.
fn certificate() -> (Tls, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (Tls::read(&chain, &key).unwrap(), made.cert.pem())
}

#[test]
fn tls_carries_the_same_answers() {
    let (tls, pem) = certificate();
    let site = Site::with(Limits::default(), 8, |options| options.tls = Some(tls));
    let root = ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap();
    let config = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[root])).build();
    let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(config).build().into();
    let mut answer = agent.get(format!("https://localhost:{}/healthz", site.front_end.port())).call().unwrap();
    assert!(answer.body_mut().read_to_string().unwrap().contains("\"ok\""));
    assert!(!site.raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").contains("200 OK"), "plain text gets nothing");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, pem).unwrap();
    let address: Address = format!("https://localhost:{}", site.front_end.port()).parse().unwrap();
    let ask = |authorities| {
        let client = Client::new(ClientOptions { authorities, ..ClientOptions::new(address.clone()) }).unwrap();
        client.ask(&Call::get(&["healthz"])).map(drop)
    };
    assert_eq!(ask(Some(file.path().to_owned())), Ok(()));
    assert_eq!(ask(None).unwrap_err().code(), "client-untrusted", "who shows it is no stranger to the network, but to us");
}
