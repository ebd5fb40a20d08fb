//! A site to test on: a FrontEnd behind a door, both ports on loopback, and a client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use actors::Limits;
use link::identity::Authority;
use model::{Bytes, Cores, CpuSet, Event, JobId, JobState, Name, NodeClass, NodeId, NodeSpec, NodeState, Run, TaskKey, TaskState};
use serde_json::Value;
use tokio::net::TcpListener;
use ureq::http::Response;

use crate::api::{ApiOptions, front_end_router, global_manager_router, serve};
use crate::runtime::trial::Trial;

/// A job of one task that asks for little.
pub const JOB: &str = r#"{"name": "tide", "tasks": {"run": {"kind": "container", "command": ["sleep", "1"], "resources": {"cores": 2, "memory": "1g"}, "expected_s": 60}}}"#;

/// A site.
pub struct Site {
    pub trial: Trial,
    pub options: ApiOptions,
    pub front_end: SocketAddr,
    pub global_manager: SocketAddr,
    runtime: tokio::runtime::Runtime,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code and the field of a problem.
    pub fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"].as_str().unwrap(), self.header("x-request-id"));
        (self.status, problem["code"].as_str().unwrap().to_owned(), problem["field"].as_str().unwrap_or_default().to_owned())
    }
}

impl Site {
    /// A site where everybody may do everything.
    pub fn open() -> Self {
        Self::with(Limits::default(), 64, |_| {})
    }

    pub fn with(limits: Limits, waiting: usize, change: impl FnOnce(&mut ApiOptions)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(&folder.path().join("keys")).unwrap().digest();
        let (trial, options, ports) = runtime.block_on(async {
            let mut options = ApiOptions { authority: Some(authority), ..ApiOptions::open(([127, 0, 0, 1], 0).into()) };
            change(&mut options);
            let trial = Trial::new(limits, waiting);
            let mut ports = Vec::new();
            for router in
                [front_end_router(trial.door.clone(), options.clone()), global_manager_router(trial.door.clone(), options.clone())]
            {
                let listener = TcpListener::bind(options.address).await.unwrap();
                ports.push(listener.local_addr().unwrap());
                tokio::spawn(serve(router, listener, options.tls.clone(), options.shutdown.clone()));
            }
            (trial, options, ports)
        });
        Self { trial, options, front_end: ports[0], global_manager: ports[1], runtime }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body)
    }

    /// An earlier route of the GlobalManager's port.
    pub fn manager(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/RESTfulSwarm/GM/{path}");
        self.send_to(self.global_manager, method, &path, &[("content-type", "application/json")], body.as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send_to(self.front_end, method, path, headers, body.as_bytes())
    }

    pub fn send_to(&self, port: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{port}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response: Response<ureq::Body> = match body {
            [] => agent.run(request.body(()).unwrap()).unwrap(),
            _ => agent.run(request.body(body).unwrap()).unwrap(),
        };
        let text = String::from_utf8_lossy(&response.body_mut().read_to_vec().unwrap()).into_owned();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// Sends bytes as they are, and reads until the other side is silent or closes.
    pub fn raw(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.front_end).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(800))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Submits the job; its id.
    pub fn submit(&self) -> JobId {
        let answer = self.post("/v1/jobs", JOB);
        assert_eq!(answer.status, 202, "{answer:?}");
        JobId(answer.json()["id"].as_str().unwrap()[1..].parse().unwrap())
    }

    /// A node of 4 cores and 8 GiB joins and is ready.
    pub fn join(&self, id: u32, name: &str) -> NodeId {
        let node = NodeId(id);
        let mut class = NodeClass::plain(named("small"), Cores(4), Bytes(8 << 30));
        class.labels.insert("ip".to_owned(), format!("10.0.0.{id}"));
        let spec = Arc::new(NodeSpec { name: named(name), class: Arc::new(class) });
        self.publish(Event::Joined { node, spec, epoch: 1 });
        self.publish(Event::Node { node, from: NodeState::Joining, to: NodeState::Ready });
        node
    }

    /// The first task instance of a job runs on two cores of a node.
    pub fn run(&self, job: JobId, node: NodeId) {
        let (task, run) = (TaskKey { job, instance: 0 }, Run { attempt: 1, placement: 1 });
        let cpuset: CpuSet = "1-2".parse().unwrap();
        self.publish(Event::Reserved { task, run, node, cpuset, memory: Bytes(1 << 30) });
        for (from, to) in [(TaskState::Ready, TaskState::Scheduled), (TaskState::Scheduled, TaskState::Running)] {
            self.publish(Event::Task { task, run, node: Some(node), from, to, cause: None });
        }
        self.publish(Event::Job { job, from: JobState::Queued, to: JobState::Running, cause: None });
    }

    /// The first task instance of a job ends well, and the job with it.
    pub fn end(&self, job: JobId, node: NodeId) {
        let (task, run) = (TaskKey { job, instance: 0 }, Run { attempt: 1, placement: 1 });
        let (from, to) = (TaskState::Running, TaskState::Succeeded);
        self.publish(Event::Task { task, run, node: Some(node), from, to, cause: None });
        self.publish(Event::Released { task, run, node, cores: Cores(2), memory: Bytes(1 << 30) });
        self.publish(Event::Job { job, from: JobState::Running, to: JobState::Succeeded, cause: None });
    }

    /// Asks the FrontEnd without HTTP.
    pub fn ask(&self, request: model::Request) {
        assert_eq!(self.runtime.block_on(self.trial.door.ask(request)), Ok(model::Answer::Done));
    }

    pub fn publish(&self, event: Event) -> u64 {
        self.trial.publish(self.trial.door.now(), event)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.options.shutdown.cancel();
    }
}

pub fn named(text: &str) -> Name {
    text.parse().unwrap()
}
