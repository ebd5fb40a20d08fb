//! For tests of the API: a door behind which a FrontEnd is stepped alone, by a task of its own.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use actors::{FrontEnd, Limits};
use engine::question::{Fetch, Leftover, LogPart, Question, Reply};
use model::{Event, Millis, Outbox, Policy, PolicyName, ToFrontEnd};
use tokio::sync::{mpsc, watch};

use super::clock::Clock;
use super::door::{Asked, Door, Trouble, WorkerAsked};
use super::status::{ActorStatus, Status};
use super::swarm::SwarmMembers;

/// A FrontEnd, its door, and what a test changes behind it.
#[derive(Debug)]
pub struct Trial {
    /// The door.
    pub door: Door,
    latest: watch::Sender<u64>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    trouble: Mutex<Option<Trouble>>,
    log: Mutex<Option<(Vec<u8>, bool)>>,
    left: Mutex<Vec<Leftover>>,
    fetch: Mutex<Option<Fetch>>,
}

impl Trial {
    /// A FrontEnd that keeps so much, behind a door that so many requests may wait at.
    pub fn new(limits: Limits, waiting: usize) -> Self {
        let front_end = Arc::new(RwLock::new(FrontEnd::with_view(limits, Policy::from(PolicyName::BestFit))));
        let (requests, asked) = mpsc::channel(waiting);
        let (questions, questions_asked) = mpsc::channel(waiting);
        let (latest, seen) = watch::channel(0);
        let status = Arc::new(Status::new(Clock::system(Millis::ZERO)));
        let here = ActorStatus { name: "front-end", address: "127.0.0.1:5001".into(), here: true, reachable: true };
        status.actors.lock().unwrap().push(here);
        status.set_ready(true);
        let door = Door { requests, questions, front_end, latest: seen, status };
        let shared = Arc::new(Shared::default());
        tokio::spawn(answer(asked, door.front_end.clone(), door.status.clone(), shared.clone()));
        tokio::spawn(answer_workers(questions_asked, shared.clone()));
        Self { door, latest, shared }
    }

    /// Something happened.
    pub fn publish(&self, time: Millis, event: Event) -> u64 {
        let seq = self.door.front_end.write().unwrap_or_else(PoisonError::into_inner).publish(time, event).seq;
        self.latest.send_replace(seq);
        seq
    }

    /// Workers are in a Docker Swarm.
    pub fn swarm(&self, members: SwarmMembers) {
        self.door.status.set_swarm(members);
    }

    /// From now on no request is taken, for this reason.
    pub fn fail(&self, trouble: Option<Trouble>) {
        *self.shared.trouble.lock().unwrap() = trouble;
    }

    /// What every run has written so far, and whether it may write more.
    pub fn write_log(&self, bytes: &[u8], more: bool) {
        *self.shared.log.lock().unwrap() = Some((bytes.to_vec(), more));
    }

    /// This is left over on every node.
    pub fn leave(&self, left: Vec<Leftover>) {
        *self.shared.left.lock().unwrap() = left;
    }

    /// So far is every node with whatever it is asked about.
    pub fn fetches(&self, fetch: Option<Fetch>) {
        *self.shared.fetch.lock().unwrap() = fetch;
    }

    /// The system stops.
    pub fn stop(&self) {
        self.door.status.set_stopping();
    }
}

async fn answer(mut asked: mpsc::Receiver<Asked>, front_end: Arc<RwLock<FrontEnd>>, status: Arc<Status>, shared: Arc<Shared>) {
    while let Some(Asked { request, answer }) = asked.recv().await {
        if let Some(trouble) = shared.trouble.lock().unwrap().clone() {
            let _ = answer.send(Err(trouble));
            continue;
        }
        let mut out = Outbox::default();
        let stepped = front_end.write().unwrap().step(status.now(), ToFrontEnd::Request(request), &mut out);
        let _ = answer.send(Ok(stepped));
    }
}

async fn answer_workers(mut asked: mpsc::Receiver<WorkerAsked>, shared: Arc<Shared>) {
    while let Some(WorkerAsked { question, answer }) = asked.recv().await {
        let query = match question {
            Question::Log(query) => query,
            // What was named is removed.
            Question::Leftovers { remove, .. } => {
                let mut left = shared.left.lock().unwrap();
                left.retain(|one| !remove.contains(one));
                let _ = answer.send(Ok(Reply::Leftovers(left.clone())));
                continue;
            }
            Question::Fetch { .. } => {
                let fetch = *shared.fetch.lock().unwrap();
                let _ = answer.send(Ok(Reply::Fetch(fetch)));
                continue;
            }
        };
        let log = shared.log.lock().unwrap().clone();
        let part = log.map(|(bytes, more)| {
            let from = (query.offset as usize).min(bytes.len());
            let to = (from + query.most as usize).min(bytes.len());
            LogPart { offset: from as u64, bytes: bytes[from..to].to_vec(), more: more || to < bytes.len() }
        });
        let _ = answer.send(Ok(Reply::Log(part)));
    }
}
