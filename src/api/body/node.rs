//! Nodes.

use std::collections::BTreeMap;

use model::{CpuSet, Name, NodeState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NodeDeed, Time, words};

/// Cores and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// Whole cores.
    pub cores: u32,
    /// Memory.
    pub memory_bytes: u64,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its id.
    #[schema(example = "n2")]
    pub id: String,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Name,
    /// Where it stands.
    #[schema(schema_with = words::node_state)]
    pub state: NodeState,
    /// Since when.
    pub since: Time,
    /// It gets no new tasks.
    pub cordoned: bool,
    /// Heartbeats of it are missing; its lease holds, and so do its tasks.
    pub suspect: bool,
    /// It is ready, not cordoned and not suspect.
    pub schedulable: bool,
    /// The pressure on it; nothing measures it yet.
    #[schema(example = "none")]
    pub pressure: String,
    /// Rises when it joins with no memory of its tasks.
    pub epoch: u32,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What tasks may have of it.
    pub capacity: Amount,
    /// The cores that tasks may have.
    #[schema(value_type = String, example = "0-7")]
    pub cpuset: CpuSet,
    /// What tasks hold of it.
    pub allocated: Amount,
}

/// The nodes, by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// The nodes that have not left.
    pub nodes: Vec<Node>,
    /// Where the next page begins; absent: this is the last.
    pub next_cursor: Option<String>,
}

/// A node with what runs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeDetail {
    /// The node.
    #[serde(flatten)]
    pub node: Node,
    /// What holds cores on it.
    pub tasks: Vec<Holder>,
}

/// A task instance that holds cores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    /// The job's id.
    #[schema(example = "j12")]
    pub job: String,
    /// The task; absent where the job is forgotten.
    #[schema(value_type = Option<String>)]
    pub task: Option<Name>,
    /// Which instance of the task.
    pub index: u32,
    /// Its attempt.
    pub attempt: u16,
    /// Its cores.
    #[schema(value_type = String, example = "4-7")]
    pub cpuset: CpuSet,
}

/// What shall be otherwise with a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub struct NodePatch {
    /// It gets no new tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cordoned: Option<bool>,
    /// All labels that it has from now on, until its worker joins with nothing running and says its own again. `engine`, `ip` and
    /// `address` stay as its worker says them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// An action on a node that is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeTaken {
    /// The node.
    #[schema(value_type = String)]
    pub node: Name,
    /// The action; absent: it leaves, or has other labels.
    pub action: Option<NodeDeed>,
}
