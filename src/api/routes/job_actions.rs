//! Actions on whole jobs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{JobId, Operation, Request};

use super::job;
use crate::api::body::{Action, JobAction, Taken};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::{JsonOf, PathOf};

/// Stop a job, start it again, or retry what did not succeed of it, from its checkpoints where `restore` says so
#[utoipa::path(post, path = "/v1/jobs/{job}/actions", operation_id = "act_on_job", tag = "jobs",
    params(("job" = String, Path, description = "The job's id", example = "j12")), request_body = Action,
    responses((status = 202, description = "It is on its way", body = Taken)))]
pub async fn act_on_job(
    State(desk): State<Desk>,
    PathOf(id): PathOf<String>,
    JsonOf(Action { action }): JsonOf<Action>,
) -> Result<(StatusCode, Json<Taken>), ApiError> {
    let (id, taken) = found(&desk, &id)?;
    let request = match action {
        JobAction::Stop => Request::Operate(Operation::Stop(id)),
        // What was stopped begins again as what failed does.
        JobAction::Start | JobAction::Retry => Request::Retry(id),
        JobAction::Restore => Request::Restore(id),
    };
    desk.ask(request).await?;
    let state = desk.door.view(|view| view.job(id).map(|job| job.state));
    Ok((StatusCode::ACCEPTED, Json(Taken { state: state.unwrap_or(taken.state), ..taken })))
}

/// Stop what runs of a job, then forget it
#[utoipa::path(delete, path = "/v1/jobs/{job}", operation_id = "delete_job", tag = "jobs",
    params(("job" = String, Path, description = "The job's id", example = "j12")),
    responses((status = 202, description = "It is on its way", body = Taken)))]
pub async fn delete_job(State(desk): State<Desk>, PathOf(id): PathOf<String>) -> Result<(StatusCode, Json<Taken>), ApiError> {
    let (id, taken) = found(&desk, &id)?;
    desk.ask(Request::Delete(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(taken)))
}

fn found(desk: &Fittings, id: &str) -> Result<(JobId, Taken), ApiError> {
    desk.door.view(|view| {
        let job = job(view, id)?;
        Ok((job.id, Taken { id: job.id.to_string(), name: job.spec.name.clone(), state: job.state }))
    })
}
