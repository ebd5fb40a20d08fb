//! A tiny HTTP server with fixed answers, which remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Method and target, as in `GET /v1/jobs?limit=1`.
    pub line: String,
    /// Headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// An answer in JSON.
pub fn json(status: u16, body: &str) -> Answer {
    Answer { status, headers: vec![("content-type", "application/json".into())], body: body.into() }
}

/// A refusal as the API words it.
pub fn problem(status: u16, code: &str, detail: &str, fix: &str) -> Answer {
    let body = serde_json::json!({ "type": format!("docs/errors/{code}.md"), "title": "Refused", "status": status, "code": code,
        "detail": detail, "fix": fix, "request_id": "r-1" });
    json(status, &body.to_string())
}

type Answers = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A server that runs until the tests end.
pub struct Server {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn new(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, seen): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                thread::spawn(move || serve(stream, &*answers, &seen));
            }
        });
        Self { address, asked }
    }

    /// A server with one answer for each of these lines, and `404` for all others.
    pub fn of(answers: &[(&'static str, Answer)]) -> Self {
        let answers = answers.to_vec();
        Self::new(move |asked| {
            let known = answers.iter().find(|(line, _)| *line == asked.line);
            known.map_or_else(|| problem(404, "api-unknown-route", &format!("no answer to {}", asked.line), "Ask else"), |it| it.1.clone())
        })
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answers: &Answers, seen: &Mutex<Vec<Asked>>) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(asked) = read(&mut reader) {
        seen.lock().unwrap().push(asked.clone());
        let Answer { status, headers, body } = answers(&asked);
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {status} Such\r\n{headers}content-length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|count| *count > 0)?;
        Some(text.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = first.strip_suffix(" HTTP/1.1").unwrap().to_owned();
    Some(Asked { line, headers, body: String::from_utf8(body).unwrap() })
}
