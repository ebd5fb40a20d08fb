//! Schemas of words that `model` defines; it knows no OpenAPI.

use actors::MovePhase;
use model::{JobState, NodeState, Role, TaskState};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

/// Every state of a task.
pub const TASK_STATES: [TaskState; 11] = [
    TaskState::Blocked,
    TaskState::Ready,
    TaskState::Scheduled,
    TaskState::Running,
    TaskState::Migrating,
    TaskState::Stopping,
    TaskState::Lost,
    TaskState::Succeeded,
    TaskState::Failed,
    TaskState::Stopped,
    TaskState::Skipped,
];
/// Every state of a job.
pub const JOB_STATES: [JobState; 8] = [
    JobState::Accepted,
    JobState::Queued,
    JobState::Deploying,
    JobState::Running,
    JobState::Stopping,
    JobState::Succeeded,
    JobState::Failed,
    JobState::Stopped,
];

/// Types that stand for those of `model` of the same name, which have a schema in its documents: it takes the place of theirs.
macro_rules! of_model {
    ($($name:ident),*) => {$(
        pub(super) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )*};
}
of_model!(Bytes, Name);

/// The schema that a type of `model` has until its own is put in.
pub(in crate::api) fn placeholder() -> serde_json::Value {
    serde_json::json!({"type": "object"})
}

fn words(words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

pub(super) fn task_state() -> RefOr<Schema> {
    words(TASK_STATES.map(TaskState::word))
}

pub(super) fn move_phase() -> RefOr<Schema> {
    words(MovePhase::ALL.map(MovePhase::word))
}

pub(in crate::api) fn job_state() -> RefOr<Schema> {
    words(JOB_STATES.map(JobState::word))
}

pub(in crate::api) fn node_state() -> RefOr<Schema> {
    words(NodeState::WORDS.map(|(_, word)| word))
}

pub(super) fn role() -> RefOr<Schema> {
    words(Role::ALL.map(Role::word))
}
