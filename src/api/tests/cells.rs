//! Cells: everything at first, then what changed; nothing is lost where the events are gone.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use actors::Limits;
use flate2::read::GzDecoder;
use model::{Event, PolicyName, TaskState};

use super::site::Site;
use crate::api::body::cells::{Frame, Freed, Held, JobLabel, NodeCells};

/// A stream of frames that is being read.
struct Stream(Box<dyn Read>);

/// The pieces of a chunked body, one after the other.
struct Chunks {
    stream: BufReader<TcpStream>,
    left: usize,
}

impl Chunks {
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut line = self.line();
            if line.is_empty() {
                line = self.line();
            }
            self.left = usize::from_str_radix(&line, 16).unwrap();
        }
        let most = into.len().min(self.left);
        let read = self.stream.read(&mut into[..most])?;
        self.left -= read;
        Ok(read)
    }
}

impl Stream {
    fn open(site: &Site, header: &str) -> Self {
        let mut stream = TcpStream::connect(site.front_end).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET /v1/cells HTTP/1.1\r\nHost: localhost\r\n{header}\r\n").unwrap();
        let mut chunks = Chunks { stream: BufReader::new(stream), left: 0 };
        let mut head = Vec::new();
        loop {
            let line = chunks.line();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
        let gzip = head.iter().any(|line| line == "content-encoding: gzip");
        assert_eq!(gzip, header.contains("gzip"), "{head:?}");
        Self(if gzip { Box::new(GzDecoder::new(chunks)) } else { Box::new(chunks) })
    }

    fn next(&mut self) -> Frame {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut body).unwrap();
        postcard::from_bytes(&body).unwrap()
    }

    /// The next frame in which something is told.
    fn next_with(&mut self, told: impl Fn(&Frame) -> bool) -> Frame {
        (0..20).map(|_| self.next()).find(told).expect("it is told within some frames")
    }
}

#[test]
fn a_reader_gets_everything_and_then_what_changes() {
    for header in ["", "Accept-Encoding: gzip\r\n"] {
        let site = Site::open();
        let node = site.join(0, "alpha");
        let job = site.submit();
        let mut stream = Stream::open(&site, header);
        let first = stream.next();
        assert!(first.anew && first.whole, "{first:?}");
        assert_eq!((first.nodes[0].name.as_str(), first.nodes[0].cores.as_slice()), ("alpha", &[(0, 4)][..]));
        assert_eq!((first.policy.as_str(), first.held.len()), ("best-fit", 0));

        site.run(job, node);
        let held = stream.next_with(|frame| !frame.held.is_empty());
        assert!(!held.anew && held.nodes.is_empty(), "only what changed: {held:?}");
        assert_eq!((held.held[0].node, held.held[0].job, held.held[0].cores.as_slice()), (0, 0, &[(1, 2)][..]));
        assert_eq!((held.held[0].state, held.held[0].expected_ms), (3, 60_000));
        assert_eq!((held.jobs[0].name.as_str(), held.jobs[0].tasks.as_slice()), ("tide", &[("run".to_owned(), 1)][..]));

        site.end(job, node);
        let freed = stream.next_with(|frame| !frame.freed.is_empty());
        assert_eq!(freed.freed, [Freed { node: 0, job: 0, instance: 0 }]);
        site.publish(Event::Cordoned { node, cordoned: true });
        site.publish(Event::PolicyChanged { policy: PolicyName::L2.into() });
        let closed = stream.next_with(|frame| !frame.nodes.is_empty());
        assert!(closed.nodes[0].cordoned && closed.policy == "l2", "{closed:?}");
    }
}

#[test]
fn what_waits_is_counted_and_changes_that_come_together_are_told_once() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    let task = model::TaskKey { job, instance: 0 };
    let ready = |from, to| Event::Task { task, run: model::Run::default(), node: None, from, to, cause: None };
    site.publish(ready(TaskState::Blocked, TaskState::Ready));
    let mut stream = Stream::open(&site, "");
    assert_eq!(stream.next().waiting, 1);
    site.run(job, node);
    site.end(job, node);
    let frame = stream.next_with(|frame| frame.waiting == 0);
    assert!(frame.held.is_empty() && frame.freed.len() == 1, "it came and went within a frame: {frame:?}");
}

#[test]
fn a_reader_whose_events_are_gone_is_told_everything_anew() {
    let site = Site::with(Limits { events: 4, ..Limits::default() }, 64, |_| {});
    let node = site.join(0, "alpha");
    let mut stream = Stream::open(&site, "");
    assert!(stream.next().anew);
    for cordoned in [true, false, true, false, true, false, true] {
        site.publish(Event::Cordoned { node, cordoned });
    }
    let again = stream.next_with(|frame| frame.anew);
    assert!(again.whole && again.nodes[0].cordoned, "{again:?}");
}

#[test]
fn a_quiet_stream_lives_and_a_bounded_one_ends() {
    let site = Site::open();
    let mut stream = Stream::open(&site, "");
    let (first, second) = (stream.next(), stream.next());
    assert!(first.anew && !second.anew && second.time >= first.time);
    let bounded = site.get("/v1/cells?frames=2");
    assert_eq!(bounded.status, 200);
    assert_eq!(site.get("/v1/cells?frames=0").problem().2, "frames");
}

#[test]
fn the_page_reads_the_frames_that_the_code_writes() {
    let first = Frame {
        anew: true,
        whole: true,
        seq: 900,
        time: 1_768_469_400_120,
        policy: "best-fit".into(),
        waiting: 12,
        placed: 70_000,
        nodes: vec![NodeCells {
            node: 3,
            name: "alpha".into(),
            state: 1,
            for_ms: 70_000,
            cordoned: true,
            suspect: false,
            cores: vec![(0, 4), (8, 4)],
            numa: vec![vec![(0, 4)], vec![(8, 4)]],
            cache: vec![vec![(0, 12)]],
            memory_bytes: 1 << 40,
            labels: vec![("zone".into(), "<b>north</b>".into())],
        }],
        jobs: vec![JobLabel {
            job: 300,
            name: "tide".into(),
            class: "batch".into(),
            priority: -7,
            submitted_ms: 90_000,
            tasks: vec![("run".into(), 2), ("end".into(), 1)],
        }],
        held: vec![
            Held { node: 3, job: 300, instance: 1, state: 3, cores: vec![(8, 2)], for_ms: 5, started_ms: Some(5), expected_ms: 60_000 },
            Held { node: 3, job: 300, instance: 2, state: 2, cores: vec![(10, 1)], ..Held::default() },
        ],
        freed: Vec::new(),
    };
    let freed = vec![Freed { node: 3, job: 300, instance: 1 }];
    let second = Frame { seq: 901, time: first.time + 100, policy: "l2".into(), freed, ..Frame::default() };
    let bytes = [first.packed(), second.packed()].concat();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/frames.bin");
    if std::env::var_os("WHARFINGER_BLESS").is_some() {
        std::fs::write(&file, &bytes).unwrap();
    }
    assert!(std::fs::read(&file).unwrap() == bytes, "web/tests/frames.bin is not what the code writes: WHARFINGER_BLESS=1");
}
