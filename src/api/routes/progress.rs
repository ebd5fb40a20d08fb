//! How far tasks are that have yet to run.

use actors::{MovePhase, TaskView, View};
use axum::Json;
use axum::extract::State;
use model::{Name, NodeId, TaskKey, TaskState};
use serde::Deserialize;
use utoipa::IntoParams;

use super::instance_of;
use crate::api::body::{Fetch, Fetched, Progress};
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::{PathOf, QueryOf};
use crate::runtime;

/// Which instance.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProgressQuery {
    /// Which instance of the task (default: the only one).
    index: Option<u32>,
}

/// Look how far a task is that is to begin, or to go on elsewhere
///
/// Its node is asked what it fetches for it: an image from a registry, or its checkpoint from another node. The answer is of the moment; nothing keeps it.
/// What the target of a move pulls while the task still runs is not told.
#[utoipa::path(get, path = "/v1/jobs/{job}/tasks/{task}/progress", operation_id = "task_progress", tag = "tasks",
    params(("job" = String, Path, description = "The job's id", example = "j12"), ("task" = String, Path, description = "The task's name"), ProgressQuery),
    responses((status = 200, description = "How far it is", body = Progress)))]
pub async fn task_progress(
    State(desk): State<Desk>,
    PathOf((id, task)): PathOf<(String, String)>,
    QueryOf(query): QueryOf<ProgressQuery>,
) -> Result<Json<Progress>, ApiError> {
    let asked = desk.door.view(|view| {
        let (job, number) = instance_of(view, &id, &task, query.index)?;
        let it = &job.tasks[number as usize];
        Ok::<_, ApiError>(fetching(view, it).map(|(node, name)| (node, name, TaskKey { job: job.id, instance: number }, it.run.attempt)))
    })?;
    let Some((node, name, task, attempt)) = asked else { return Ok(Json(Progress::default())) };
    let fetch = desk.door.fetching(node, task, attempt).await?;
    Ok(Json(Progress { fetch: fetch.map(|fetch| shown(name, fetch)) }))
}

/// The node that may have to fetch something before the instance runs there.
fn fetching(view: &View, it: &TaskView) -> Option<(NodeId, Name)> {
    let node = match it.state {
        TaskState::Scheduled => it.node,
        TaskState::Migrating => it.moved.as_ref().filter(|moved| moved.phase == MovePhase::Restoring).map(|moved| moved.to),
        _ => None,
    }?;
    Some((node, view.nodes().get(node.index())?.spec.name.clone()))
}

fn shown(node: Name, runtime::Fetch { what, bytes, total }: runtime::Fetch) -> Fetch {
    let what = match what {
        runtime::Fetched::Image => Fetched::Image,
        runtime::Fetched::Checkpoint => Fetched::Checkpoint,
    };
    Fetch { node, what, bytes: bytes.0, total_bytes: total.0 }
}
