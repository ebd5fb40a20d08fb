//! Actions on jobs, tasks and nodes.

use model::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words;

/// What to do with a whole job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobAction {
    /// Stop what runs; what waits never runs.
    Stop,
    /// Begin again what was stopped.
    Start,
    /// Try again what did not succeed.
    Retry,
    /// The same, but what has a checkpoint goes on from there.
    Restore,
}

/// An action on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The action.
    pub action: JobAction,
}

/// What to do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskDeed {
    /// Stop it; what waits for it never runs.
    Stop,
    /// Begin it again.
    Start,
    /// Keep a checkpoint of it; it goes on.
    Checkpoint,
    /// Move it to another node.
    Migrate,
}

/// An action on a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskAction {
    /// The action.
    pub action: TaskDeed,
    /// The node to move to, with `migrate` alone; absent: where the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Name>)]
    pub to: Option<Name>,
    /// Which instance; absent: all of them, or the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

/// A move of one task instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The job's id.
    #[schema(example = "j12")]
    pub job: String,
    /// The task.
    #[schema(value_type = words::Name)]
    pub task: Name,
    /// Which instance of it.
    #[serde(default)]
    pub index: u32,
    /// The node to move to; absent: where the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Name>)]
    pub to: Option<Name>,
}

/// Moves that are all checked before any starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMigration {
    /// The moves.
    #[schema(min_items = 1, max_items = 1000)]
    pub moves: Vec<Migration>,
}

/// What to do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeDeed {
    /// Empty it.
    Drain,
    /// Take it back.
    Undrain,
    /// Give it no new tasks.
    Cordon,
    /// Give it new tasks again.
    Uncordon,
}

/// An action on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeAction {
    /// The action.
    pub action: NodeDeed,
    /// With `drain` alone: move running tasks with their state where possible.
    #[serde(default)]
    pub migrate: bool,
}
