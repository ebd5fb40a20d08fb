//! State that is carried over: from one node to another, or to a later attempt; and what else a node fetches for a run.

use actors::MovePhase;
use model::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, words};

/// A move of an instance to another node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Move {
    /// From where.
    #[schema(value_type = String)]
    pub from: Name,
    /// To where.
    #[schema(value_type = String)]
    pub to: Name,
    /// How far it is.
    #[schema(schema_with = words::move_phase)]
    pub phase: MovePhase,
    /// When it began.
    pub since: Time,
    /// What is carried over: memory and changed files. Absent until it stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The most that it can have stood still: from the order of the checkpoint to the word that it runs again, wherever that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
}

/// A checkpoint that a later attempt can go on from: `restore` of its job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptCheckpoint {
    /// The node whose worker keeps it.
    #[schema(value_type = String)]
    pub node: Name,
    /// When it was made.
    pub made: Time,
    /// Its size: memory and changed files.
    pub bytes: u64,
    /// How long the attempt had run by then.
    pub elapsed_ms: u64,
    /// The most that the task can have stood still: from the order to the word that it runs again. Absent until it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
}

/// How far an instance is that is to begin, or to go on elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The latest that its node fetches for it, until it runs; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<Fetch>,
}

/// How far a node is with what it fetches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fetch {
    /// The node that fetches.
    #[schema(value_type = String)]
    pub node: Name,
    /// What.
    pub what: Fetched,
    /// How much of it is there.
    pub bytes: u64,
    /// How much it is; of an image, as far as its registry has said so yet.
    pub total_bytes: u64,
}

/// What a node may have to fetch for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fetched {
    /// The image of its container, from a registry.
    Image,
    /// The checkpoint that it goes on from, from the node that has it.
    Checkpoint,
}
