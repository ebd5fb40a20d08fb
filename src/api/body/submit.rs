//! What a submission is answered with, and what may be asked to change of a task.

use std::collections::BTreeMap;

use model::{Bytes, JobState, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words;

/// The longest key of a submission.
const LONGEST_KEY: usize = 255;

/// The key of a submission, as a user gives it.
///
/// # Errors
/// What a key looks like, where this is none.
pub fn submission_key(text: &str) -> Result<String, String> {
    let fits = (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(format!("it has 1 to {LONGEST_KEY} visible ASCII characters")) }
}

/// A job that was taken, or an action on it that is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// The job's id.
    #[schema(example = "j12")]
    pub id: String,
    /// The user's name for it.
    #[schema(value_type = String)]
    pub name: Name,
    /// Where it stands now.
    #[schema(schema_with = words::job_state)]
    pub state: JobState,
}

/// A job that was looked at and not taken (`dry_run=true`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// The job as it was understood: a native document with every default written out.
    #[schema(value_type = Object)]
    pub job: serde_json::Value,
    /// Whether each task could ever run on some node that is known now, if it had the node for itself.
    pub placeable: bool,
    /// How many nodes could ever hold an instance, by task.
    #[schema(value_type = BTreeMap<String, CheckedTask>)]
    pub tasks: BTreeMap<Name, CheckedTask>,
}

/// Where a task could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckedTask {
    /// How many instances it has.
    pub count: u32,
    /// Nodes that could ever hold an instance of it.
    pub nodes: u32,
}

/// What is wanted of a task from now on. At least one of the fields is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub struct TaskPatch {
    /// The priority of its job, for all of it that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Its cores and memory, from the next placement on; a container that runs gets them where it is, as soon as its node has room. Until
    /// then it has what it has, and so it does where Docker refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<WantedResources>,
    /// How many instances of it; it cannot be changed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
}

/// Cores and memory that are wanted. At least one of them is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub struct WantedResources {
    /// Cores of each instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub cores: Option<u32>,
    /// Memory of each instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Bytes>)]
    pub memory: Option<Bytes>,
}
