//! Events over SSE: read, resumed, filtered, and gone.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use actors::Limits;

use super::site::Site;
use crate::api::body::EventBody;

/// A stream of events that is being read.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(site: &Site, query: &str, header: &str) -> Self {
        let mut stream = TcpStream::connect(site.front_end).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET /v1/events{query} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n").unwrap();
        let mut stream = Self(BufReader::new(stream));
        assert!(stream.line().starts_with("HTTP/1.1 200"));
        while !stream.line().is_empty() {}
        stream
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event.
    fn next(&mut self) -> EventBody {
        loop {
            let line = self.line();
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

#[test]
fn a_stream_begins_now_and_goes_on_where_it_broke_off() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    let mut live = Stream::open(&site, "", "");
    site.run(job, node);
    let first = live.next();
    assert_eq!((first.kind.as_str(), first.from.as_deref(), first.to.as_deref()), ("task.state", Some("ready"), Some("scheduled")));
    assert_eq!((first.job.as_deref(), first.index, first.attempt, first.placement), (Some("j0"), Some(0), Some(1), Some(1)));
    assert_eq!((first.task.as_ref().unwrap().as_str(), first.node.as_ref().unwrap().as_str()), ("run", "alpha"));
    assert_eq!((live.next().to.as_deref(), live.next().kind.as_str()), (Some("running"), "job.state"));
    drop(live);
    let mut again = Stream::open(&site, "", &format!("Last-Event-ID: {}\r\n", first.seq));
    assert_eq!(again.next().seq, first.seq + 1);
    let mut whole = Stream::open(&site, "?since=0", "");
    let joined = whole.next();
    assert_eq!((joined.kind.as_str(), joined.data["action"].as_str()), ("node.action", Some("joined")));
    let mut filtered = Stream::open(&site, "?since=0&type=job.state,policy.changed&job=j0", "");
    assert_eq!(filtered.next().to.as_deref(), Some("running"));
}

#[test]
fn events_that_are_gone_are_said_to_be() {
    let site = Site::with(Limits { events: 4, ..Limits::default() }, 8, |_| {});
    for id in 0..5 {
        site.join(id, &format!("n{id}"));
    }
    let answer = site.get("/v1/events?since=2");
    assert_eq!(answer.problem(), (410, "api-events-gone".into(), "since".into()));
    assert!(answer.json()["fix"].as_str().unwrap().contains("GET /v1/jobs"));
    assert_eq!(Stream::open(&site, "?since=6", "").next().seq, 7);
    assert_eq!(site.get("/v1/events?since=11").problem().2, "since");
    for (query, field) in [("since=x", "since"), ("type=job", "type"), ("job=12", "job"), ("from=1", "from")] {
        assert_eq!(site.get(&format!("/v1/events?{query}")).problem().2, field, "{query}");
    }
    let bad = site.send("GET", "/v1/events", &[("last-event-id", "abc")], "");
    assert_eq!(bad.problem().2, "Last-Event-ID");
}

#[test]
fn streams_end_when_the_system_stops() {
    let site = Site::open();
    let mut stream = Stream::open(&site, "", "");
    site.options.shutdown.cancel();
    while !stream.line().is_empty() {}
}
