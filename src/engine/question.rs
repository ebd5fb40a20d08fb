//! What a worker is asked that nobody else keeps.

use model::{Bytes, JobId, NodeId, Run, TaskKey};
use serde::{Deserialize, Serialize};

/// What a worker is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// A part of an output.
    Log(LogQuery),
    /// What is left over there.
    Leftovers {
        /// The node.
        node: NodeId,
        /// What of it is to be removed first.
        remove: Vec<Leftover>,
    },
    /// How far the latest fetch is for an attempt that is to begin or to go on there.
    Fetch {
        /// The node.
        node: NodeId,
        /// The task instance.
        task: TaskKey,
        /// Its attempt.
        attempt: u16,
    },
}

impl Question {
    /// The node whose worker is asked.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Log(query) => query.node,
            Self::Leftovers { node, .. } | Self::Fetch { node, .. } => *node,
        }
    }
}

/// What a worker replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The part; absent: there is no such output.
    Log(Option<LogPart>),
    /// All that is left over.
    Leftovers(Vec<Leftover>),
    /// How far the latest fetch is; absent: there is none, or the run has begun.
    Fetch(Option<Fetch>),
}

/// How far a node is that fetches what a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// What is fetched.
    pub what: Fetched,
    /// How much is there.
    pub bytes: Bytes,
    /// Of so much; what a registry has not said yet is missing in it.
    pub total: Bytes,
}

/// What a node may have to fetch for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fetched {
    /// The image of its container, from a registry.
    Image,
    /// The checkpoint that it goes on from, from the node that has it.
    Checkpoint,
}

/// What a worker has of runs that it does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Leftover {
    /// A container, by its name.
    Container(String),
    /// Processes of a run, by the run's name.
    Processes(String),
    /// A folder that should have been deleted, below the worker's own.
    Folder(String),
    /// A checkpoint that is kept of a task instance. It is left over where nobody can ask for it any more, which the worker cannot know.
    Checkpoint(TaskKey),
    /// The shared folders of a job, which every node sees. They are left over in the same case.
    Shared(JobId),
}

/// Which part of which output of a run is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// Where the run is or was.
    pub node: NodeId,
    /// The task instance.
    pub task: TaskKey,
    /// Its run.
    pub run: Run,
    /// Its standard error instead of its standard output.
    pub stderr: bool,
    /// From which byte of all that was ever written.
    pub offset: u64,
    /// How many bytes at most.
    pub most: u32,
}

/// A part of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// Where the part begins: later than asked for, where the beginning was cut off.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether more may come: the run has not ended, or more lies behind the part.
    pub more: bool,
}
