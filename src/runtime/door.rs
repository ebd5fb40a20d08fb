//! The door to the live system, for the API: requests go in and are answered once they are durable; the view is read; logs are fetched.

use std::sync::{Arc, PoisonError, RwLock};

use actors::{FrontEnd, View};
use engine::question::{Fetch, Leftover, LogPart, LogQuery, Question, Reply};
use model::{Answer, Millis, Name, NodeId, Request, TaskKey, Token};
use tokio::sync::{mpsc, oneshot, watch};

use super::status::Status;

/// A request with the place for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    /// What is asked for.
    pub request: Request,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Answer, Trouble>>,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// As many requests wait as may.
    #[error("too many requests wait for the FrontEnd, or for an actor that is away")]
    Busy,
    /// The store has no room: nothing was taken.
    #[error("the store is full: {0}")]
    StoreFull(String),
    /// The store does not write: nothing was taken.
    #[error("the store does not write: {0}")]
    Store(String),
    /// The system is stopping.
    #[error("the system is stopping")]
    Stopping,
}

/// Why a worker's answer is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// The node is away or does not answer in time.
    #[error("the node of the run does not answer")]
    Away,
    /// The node keeps no output of this run: it never started, was removed, or is simulated.
    #[error("the node keeps no output of this run")]
    None,
}

/// A question to a worker with the place for its answer.
#[derive(Debug)]
pub(super) struct WorkerAsked {
    /// What is wanted.
    pub question: Question,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Reply, Silence>>,
}

/// The door; cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    pub(super) requests: mpsc::Sender<Asked>,
    pub(super) questions: mpsc::Sender<WorkerAsked>,
    pub(super) front_end: Arc<RwLock<FrontEnd>>,
    pub(super) latest: watch::Receiver<u64>,
    pub(super) status: Arc<Status>,
}

impl Door {
    /// Asks the FrontEnd. The answer comes after its record is durable.
    ///
    /// # Errors
    /// Where nothing was taken: too many wait, the store does not write, or the system is stopping.
    pub async fn ask(&self, request: Request) -> Result<Answer, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(Asked { request, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Trouble::Busy,
            mpsc::error::TrySendError::Closed(_) => Trouble::Stopping,
        })?;
        answered.await.unwrap_or(Err(Trouble::Stopping))
    }

    /// Reads the view. The system stands still meanwhile, so `read` copies what it needs and comes back.
    pub fn view<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        let front_end = self.front_end.read().unwrap_or_else(PoisonError::into_inner);
        read(front_end.view().expect("a live FrontEnd keeps a view"))
    }

    /// The token of this id.
    #[must_use]
    pub fn token(&self, id: &str) -> Option<Token> {
        self.front_end.read().unwrap_or_else(PoisonError::into_inner).token(id).cloned()
    }

    /// All tokens; their hashes are of no use to a reader.
    #[must_use]
    pub fn tokens(&self) -> Vec<(Name, Token)> {
        let front_end = self.front_end.read().unwrap_or_else(PoisonError::into_inner);
        front_end.tokens().map(|token| (token.id.clone(), token.clone())).collect()
    }

    /// The number of the latest public event; changes wake who waits for more.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<u64> {
        self.latest.clone()
    }

    /// How the system is: readiness, actors, counters.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Reads a part of a run's output from its node.
    ///
    /// # Errors
    /// When the node does not answer, or has no such output.
    pub async fn log(&self, query: LogQuery) -> Result<LogPart, Silence> {
        match self.ask_worker(Question::Log(query)).await? {
            Reply::Log(part) => part.ok_or(Silence::None),
            Reply::Leftovers(_) | Reply::Fetch(_) => Err(Silence::Away),
        }
    }

    /// Has a node's worker remove what is named of what is left over there; what is left over then.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn leftovers(&self, node: NodeId, remove: Vec<Leftover>) -> Result<Vec<Leftover>, Silence> {
        match self.ask_worker(Question::Leftovers { node, remove }).await? {
            Reply::Leftovers(left) => Ok(left),
            Reply::Log(_) | Reply::Fetch(_) => Err(Silence::Away),
        }
    }

    /// How far a node is with the latest that it has to fetch for an attempt, until that runs; nothing where it has to fetch nothing.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn fetching(&self, node: NodeId, task: TaskKey, attempt: u16) -> Result<Option<Fetch>, Silence> {
        match self.ask_worker(Question::Fetch { node, task, attempt }).await {
            Ok(Reply::Fetch(fetch)) => Ok(fetch),
            // It has no worker that could fetch anything.
            Err(Silence::None) => Ok(None),
            Ok(Reply::Log(_) | Reply::Leftovers(_)) | Err(Silence::Away) => Err(Silence::Away),
        }
    }

    async fn ask_worker(&self, question: Question) -> Result<Reply, Silence> {
        let (answer, answered) = oneshot::channel();
        self.questions.try_send(WorkerAsked { question, answer }).map_err(|_| Silence::Away)?;
        answered.await.unwrap_or(Err(Silence::Away))
    }

    /// The system's time: milliseconds since the Unix epoch, never backwards.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.status.now()
    }
}
