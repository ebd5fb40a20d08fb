//! Looking back.

use axum::Json;
use axum::extract::State;

use crate::api::body::History;
use crate::api::desk::Desk;
use crate::api::render;

/// Look back at how full the cluster was, what waited, and how long
///
/// A sample every five seconds for at least the last two hours, from the start of the server on.
#[utoipa::path(get, path = "/v1/history", operation_id = "get_history", tag = "system",
    responses((status = 200, description = "How it was", body = History)))]
pub async fn get_history(State(desk): State<Desk>) -> Json<History> {
    Json(desk.door.view(|view| render::history(view, desk.door.now())))
}
