//! Looking at the queue.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::body::Queue;
use crate::api::cursor;
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::QueryOf;
use crate::api::render;

/// How much of the queue is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// How many jobs at most (default 100).
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Look at what waits, in the order in which the policy would take it
#[utoipa::path(get, path = "/v1/queue", operation_id = "get_queue", tag = "jobs", params(QueueQuery),
    responses((status = 200, description = "The queue", body = Queue)))]
pub async fn get_queue(State(desk): State<Desk>, QueryOf(query): QueryOf<QueueQuery>) -> Result<Json<Queue>, ApiError> {
    let limit = cursor::limit(query.limit)?;
    Ok(Json(desk.door.view(|view| render::queue(view, limit))))
}
