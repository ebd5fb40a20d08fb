//! Many jobs at once, and what waits of one.

use std::collections::BTreeMap;

use model::{JobState, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Reason, Time, words};

/// A page of jobs, latest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<JobSummary>,
    /// Where the next page begins; absent: this is the last. A page may be empty and still have a next one.
    pub next_cursor: Option<String>,
}

/// A job without its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobSummary {
    /// Its id.
    #[schema(example = "j12")]
    pub id: String,
    /// The user's name for it.
    #[schema(value_type = String)]
    pub name: Name,
    /// Who it belongs to.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<Name>,
    /// Where it stands.
    #[schema(schema_with = words::job_state)]
    pub state: JobState,
    /// Why, where it failed before it ran.
    pub reason: Option<String>,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When a task of it first ran.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Its priority.
    pub priority: i32,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// Its task instances by state.
    pub tasks: TaskCounts,
}

/// Task instances by state; states that none is in are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskCounts {
    /// All of them.
    pub total: u32,
    /// By state.
    pub by_state: BTreeMap<String, u32>,
}

/// What waits of a job, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The job's id.
    #[schema(example = "j12")]
    pub id: String,
    /// The user's name for it.
    #[schema(value_type = String)]
    pub name: Name,
    /// Where it stands.
    #[schema(schema_with = words::job_state)]
    pub state: JobState,
    /// Why, where it failed before it ran.
    pub reason: Option<String>,
    /// The instances that wait.
    pub waiting: Vec<WaitingTask>,
}

/// A task instance that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaitingTask {
    /// The task.
    #[schema(value_type = String)]
    pub task: Name,
    /// Which instance of it.
    pub index: u32,
    /// Why it waits.
    pub reason: Reason,
    /// The tasks that it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub waiting_for: Vec<Name>,
}
