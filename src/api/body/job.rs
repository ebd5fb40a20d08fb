//! A job with its tasks, as `GET /v1/jobs/{job}` shows it.

use indexmap::IndexMap;
use model::{CpuSet, JobState, Name, TaskState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KeptCheckpoint, Move, Time, words};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its id.
    #[schema(example = "j12")]
    pub id: String,
    /// The user's name for it.
    #[schema(value_type = String)]
    pub name: Name,
    /// Who it belongs to.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<Name>,
    /// The format of its document.
    #[schema(example = "native")]
    pub format: String,
    /// Where it stands.
    #[schema(schema_with = words::job_state)]
    pub state: JobState,
    /// Why, where it failed before it ran.
    pub reason: Option<String>,
    /// The site that it was given to; absent: this one.
    pub site: Option<String>,
    /// The engine that it was given to; absent: the workers' own.
    pub engine: Option<String>,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When a task of it first ran.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Its priority.
    pub priority: i32,
    /// The user's labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Its tasks by name.
    #[schema(value_type = std::collections::BTreeMap<String, Task>)]
    pub tasks: IndexMap<Name, Task>,
}

/// A task: its one instance, or a summary of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Cores of each instance.
    pub cores: u32,
    /// Memory of each instance.
    pub memory_bytes: u64,
    /// How many instances it has.
    pub count: u32,
    /// The tasks that have to succeed, or to run, before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub depends_on: Vec<Name>,
    /// The only instance, or what the instances have in common: the state says the least that is true of all.
    #[serde(flatten)]
    pub instance: Instance,
    /// The instances, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instance>,
}

/// One instance of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Which instance of the task.
    pub index: u32,
    /// Where it stands.
    #[schema(schema_with = words::task_state)]
    pub state: TaskState,
    /// Since when.
    pub since: Time,
    /// Its latest attempt, from 1; 0: none yet.
    pub attempt: u16,
    /// Where it is or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub node: Option<Name>,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Why it waits, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The tasks that it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub waiting_for: Vec<Name>,
    /// When its latest attempt ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When its latest attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Why it ended or is being stopped: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "exit")]
    pub cause: Option<String>,
    /// The exit code, where it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The latest move of its latest attempt.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "move")]
    pub moved: Option<Move>,
    /// The latest checkpoint that was kept of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<KeptCheckpoint>,
    /// Attempts before the latest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Attempt>,
}

/// What an instance holds of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Placement {
    /// The node.
    #[schema(value_type = String)]
    pub node: Name,
    /// Its cores.
    #[schema(value_type = String, example = "4-7")]
    pub cpuset: CpuSet,
    /// Its memory.
    pub memory_bytes: u64,
    /// The placement's number, from 1; a move makes a new one.
    pub number: u16,
}

/// What is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShortUnit {
    /// Cores.
    Cores,
    /// Bytes of memory.
    Bytes,
}

/// Why an instance waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The stable code.
    #[schema(example = "cores_short")]
    pub code: String,
    /// What is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_by: Option<u64>,
    /// What that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_unit: Option<ShortUnit>,
    /// The node that comes nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub nearest_node: Option<Name>,
    /// The job that it waits behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<String>,
    /// Since when it waits for this reason.
    pub since: Time,
    /// The reason as a sentence, for people.
    pub detail: String,
}

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Which attempt.
    pub attempt: u16,
    /// How it ended.
    #[schema(schema_with = words::task_state)]
    pub state: TaskState,
    /// Where it was.
    #[schema(value_type = Option<String>)]
    pub node: Option<Name>,
    /// When it ran.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Time,
    /// Why: a stable code.
    pub reason: Option<String>,
    /// The exit code, where it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}
