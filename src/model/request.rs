//! What clients ask of the FrontEnd, and what it answers.

use serde::{Deserialize, Serialize};

use crate::{JobId, JobSpec, Millis, Name, Operation, Progress};

/// What a client asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Take a job.
    Submit(Box<Submission>),
    /// Try again what did not succeed of a job that has ended.
    Retry(JobId),
    /// The same, where a task has a checkpoint from there.
    Restore(JobId),
    /// Stop what runs of a job, then forget it.
    Delete(JobId),
    /// An operation on the cluster or a job.
    Operate(Operation),
    /// Make a token known. Its secret never reaches a machine.
    AddToken(Box<Token>),
    /// Take a token's power away.
    RevokeToken(Name),
}

/// A job that a client submits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Submission {
    /// The job.
    pub spec: JobSpec,
    /// When it was first submitted; now, but for a job of a saved state.
    pub submitted: Millis,
    /// What a saved state knows of its instances; empty for a new job.
    pub progress: Vec<Progress>,
    /// Names the submission, so that a repeated one makes no second job.
    pub key: Option<SubmitKey>,
}

impl Submission {
    /// A new job.
    #[must_use]
    pub fn new(spec: JobSpec, submitted: Millis) -> Self {
        Self { spec, submitted, progress: Vec::new(), key: None }
    }
}

/// The key of a submission and what was submitted under it, each as the first half of its BLAKE3 digest: many are remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitKey {
    /// The client's key.
    pub key: [u8; 16],
    /// The submitted document.
    pub document: [u8; 16],
}

/// A token as its owner keeps it: who may do what until when, and the hash of the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: Name,
    /// What it is for, in the words of who made it.
    pub note: String,
    /// What its bearer may do.
    pub role: Role,
    /// Hash of its secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub made: Millis,
    /// When it ends.
    pub expires: Millis,
    /// It ends with its first use.
    pub once: bool,
}

/// What a bearer may do: of the REST interface, where a later role includes the earlier ones, or at the gate, where it lets somebody in and
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Let a worker join.
    Join,
    /// Look at everything but secrets.
    Read,
    /// Submit and stop jobs.
    Submit,
    /// Operate nodes and running tasks.
    Operate,
    /// Everything.
    Admin,
    /// Let an actor that runs apart join, or a worker.
    Actor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Join, Self::Read, Self::Submit, Self::Operate, Self::Admin, Self::Actor];

    /// The word for it in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Operate => "operate",
            Self::Admin => "admin",
            Self::Actor => "actor",
        }
    }

    /// Whether it lets somebody in at the gate.
    #[must_use]
    pub fn joins(self) -> bool {
        matches!(self, Self::Join | Self::Actor)
    }

    /// Whether its bearer may do what needs a role of the REST interface.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        let rank = |role| match role {
            Self::Join | Self::Actor => None,
            Self::Read => Some(0),
            Self::Submit => Some(1),
            Self::Operate => Some(2),
            Self::Admin => Some(3),
        };
        rank(needed).is_some() && rank(self) >= rank(needed)
    }
}

/// What the FrontEnd answers once its record is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The job is taken, under this id.
    Accepted(JobId),
    /// This very submission was taken before, under this id.
    Known(JobId),
    /// The operation is on its way.
    Done,
    /// It is refused, and nothing has changed.
    Refused(Refusal),
}

/// An expected refusal of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key was used for another document.
    #[error("the key was used for job {0} with another document")]
    KeyConflict(JobId),
    /// There is no such job.
    #[error("there is no job {0}")]
    UnknownJob(JobId),
    /// There is no such node.
    #[error("there is no node `{0}`")]
    UnknownNode(Name),
    /// There is no such token.
    #[error("there is no token `{0}`")]
    UnknownToken(Name),
    /// The job's state does not allow it.
    #[error("the job is {state}, so it cannot be {wanted}")]
    WrongState {
        /// The state.
        state: &'static str,
        /// What was asked for, as a participle.
        wanted: &'static str,
    },
    /// The engine of the task's node cannot move it.
    #[error("the engine of node `{0}` cannot move a running task")]
    Unmovable(Name),
    /// No task of the job that could be tried again has a checkpoint on a node that is there.
    #[error("no task of job {0} that did not succeed has a checkpoint on a node that is there")]
    NoCheckpoint(JobId),
    /// Nothing that it would change waits.
    #[error("nothing that it would change waits for a place")]
    NothingWaits,
    /// An instance of the task has a place where it cannot get other cores or memory, or is on its way to or from one.
    #[error("an instance of the task has a place where its cores and memory stay as they are, for now or for good")]
    Placed,
    /// The label stays as the node's worker says it.
    #[error("a node's label `{0}` stays as its worker says it")]
    FixedLabel(&'static str),
    /// As many task instances wait or run as the cluster keeps.
    #[error("{open} task instances have not ended; the most is {most}")]
    QueueFull {
        /// How many have not ended.
        open: u64,
        /// How many may be there.
        most: u64,
    },
}
