//! What a worker and the control plane say to each other over a link. Types alone: both ends encode them in the same way.

use model::{Join, Name, NodeId, Report, ToAgent};
use serde::{Deserialize, Serialize};

use crate::question::{Question, Reply};

/// From a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// To the GlobalManager, first of all in a session; no order comes before it.
    Join(Box<Join>),
    /// To Discovery.
    Report(Report),
    /// To the GlobalManager: the reply to a question.
    Reply {
        /// Which question.
        id: u64,
        /// The reply.
        reply: Reply,
    },
    /// To the GlobalManager's carrier: where this worker gives away the images of runs that go on elsewhere.
    Images {
        /// Host and port.
        address: String,
    },
    /// To the GlobalManager's carrier: where this worker's Docker stands in the Swarm.
    Swarm(SwarmPlace),
    /// To the GlobalManager: it was told to end, and asks for its node to be emptied and let go.
    Leave,
}

/// To a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// From the GlobalManager, to the agent.
    Agent(ToAgent),
    /// From Discovery: reports up to this one are durable and need not be kept.
    Recorded {
        /// The epoch of the reports.
        epoch: u32,
        /// The last of them.
        seq: u64,
    },
    /// From Discovery: the lease is renewed, from the moment at which this heartbeat was sent.
    Renewed {
        /// The epoch of the heartbeat.
        epoch: u32,
        /// The heartbeat.
        seq: u64,
        /// How long the lease holds.
        lease_ms: u64,
    },
    /// From the GlobalManager's carrier: where a node gives away images, of which an order will speak.
    Source {
        /// The node.
        node: NodeId,
        /// Its worker.
        worker: Name,
        /// Host and port.
        address: String,
    },
    /// From the GlobalManager's carrier, to the Docker behind the worker.
    Swarm(SwarmAsk),
    /// From the GlobalManager: something that whoever asks it does not keep.
    Ask {
        /// Which question; the reply repeats it.
        id: u64,
        /// What is wanted.
        question: Question,
    },
}

/// Where a worker's Docker stands in the Swarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwarmPlace {
    /// That is not known yet.
    Unknown,
    /// It manages the Swarm.
    Manager {
        /// What the Swarm calls this node.
        node: String,
        /// Where others join.
        address: String,
        /// What they join with.
        token: Secret,
    },
    /// It is a member.
    Member {
        /// What the Swarm calls this node.
        node: String,
    },
    /// It is in none, and would join.
    Outside,
}

/// What is asked of the Docker behind a worker. Each can be asked again without harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwarmAsk {
    /// Join the Swarm.
    Join {
        /// Where.
        address: String,
        /// With what.
        token: Secret,
    },
    /// Forget a node that has left.
    Forget {
        /// What the Swarm calls it.
        node: String,
    },
    /// Make a network that spans the nodes.
    Network {
        /// What Docker calls it.
        name: String,
        /// Its addresses.
        subnet: Option<String>,
    },
}

/// What is never shown and never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// How the worker of a folder is, and the program that looked: what `worker start`, `stop` and `status` print as a line of JSON, for whoever
/// launches workers on other hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The release of the program.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// The process of the worker, where one lives.
    pub pid: Option<u32>,
    /// The digest of what that process runs, if it can be seen.
    pub running: Option<String>,
    /// Its lease holds: it has joined, and is heard.
    pub joined: bool,
    /// What stands last in its log.
    pub log: Option<String>,
    /// Why what was asked for did not come about.
    pub trouble: Option<String>,
}
