//! The queue, as `GET /v1/queue` shows it.

use model::{Name, QueueOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Reason, Time};

/// What waits, in the order in which the policy would take it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// The policy in force.
    #[schema(example = "best-fit")]
    pub policy: String,
    /// Who is tried first.
    #[schema(value_type = String)]
    pub order: QueueOrder,
    /// Jobs of which something waits for a place.
    pub waiting_jobs: u64,
    /// Task instances that wait for a place.
    pub waiting_tasks: u64,
    /// The first of these jobs.
    pub jobs: Vec<QueuedJob>,
}

/// A job of which something waits for a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueuedJob {
    /// Its id.
    #[schema(example = "j12")]
    pub id: String,
    /// The user's name for it.
    #[schema(value_type = String)]
    pub name: Name,
    /// Its priority.
    pub priority: i32,
    /// When it was submitted.
    pub submitted_at: Time,
    /// How many of its instances wait for a place.
    pub waiting_tasks: u32,
    /// They are placed together or not at all.
    pub gang: bool,
    /// The task of the one that is tried first.
    #[schema(value_type = String)]
    pub task: Name,
    /// Its cores.
    pub cores: u32,
    /// Its memory.
    pub memory_bytes: u64,
    /// Why it waits.
    pub reason: Reason,
    /// The start that backfill has promised to the job, where another waits for the sake of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<Time>,
}
