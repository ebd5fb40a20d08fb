//! A public event, as `GET /v1/events` sends it.

use model::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventBody {
    /// Its id; consumers that see one twice drop it.
    #[schema(example = "e48213")]
    pub id: String,
    /// Its number in the stream; numbers rise, and may skip.
    pub seq: u64,
    /// When it happened.
    pub time: Time,
    /// `job.state`, `task.state`, `task.checkpoint`, `task.resized`, `node.state`, `node.action` or `policy.changed`.
    #[serde(rename = "type")]
    #[schema(example = "task.state")]
    pub kind: String,
    /// Who the job belongs to.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<Name>,
    /// The job's id.
    pub job: Option<String>,
    /// The task.
    #[schema(value_type = Option<String>)]
    pub task: Option<Name>,
    /// Which instance of the task.
    pub index: Option<u32>,
    /// The node.
    #[schema(value_type = Option<String>)]
    pub node: Option<Name>,
    /// The attempt.
    pub attempt: Option<u16>,
    /// The placement's number.
    pub placement: Option<u16>,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: Option<String>,
    /// Why: a stable code.
    pub reason: Option<String>,
    /// What else there is to say: the exit code, the bytes of a checkpoint, the policy.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}
