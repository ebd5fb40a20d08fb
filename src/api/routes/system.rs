//! How the system is.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::api::bearer;
use crate::api::body::{ActorBody, Actors, Health, WhoAmI};
use crate::api::desk::Desk;
use crate::api::error::ApiError;

/// The type of Prometheus's text in its newer form.
const SERIES: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn health(status: &str) -> Health {
    Health { status: status.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "system",
    responses((status = 200, description = "It lives", body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(health("ok"))
}

/// Whether recovery is done and the stores write
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "system",
    responses((status = 200, description = "It is", body = Health), (status = 503, description = "Not yet, or no longer", body = Health)))]
pub async fn readyz(State(desk): State<Desk>) -> (StatusCode, Json<Health>) {
    let status = desk.door.status();
    match (status.is_ready(), status.is_stopping()) {
        (true, _) => (StatusCode::OK, Json(health("ok"))),
        (false, true) => (StatusCode::SERVICE_UNAVAILABLE, Json(health("stopping"))),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, Json(health("recovering"))),
    }
}

/// The actors, their addresses and whether they are reached
#[utoipa::path(get, path = "/v1/actors", operation_id = "list_actors", tag = "system",
    responses((status = 200, description = "The actors", body = Actors)))]
pub async fn list_actors(State(desk): State<Desk>) -> Json<Actors> {
    let body = |actor: crate::runtime::ActorStatus| ActorBody {
        name: actor.name.to_owned(),
        address: actor.address,
        here: actor.here,
        reachable: actor.reachable,
    };
    Json(Actors { actors: desk.door.status().actors().into_iter().map(body).collect() })
}

/// What the bearer of the request may do
#[utoipa::path(get, path = "/v1/whoami", operation_id = "who_am_i", tag = "system",
    responses((status = 200, description = "The role", body = WhoAmI)))]
pub async fn who_am_i(State(desk): State<Desk>, headers: HeaderMap) -> Result<Json<WhoAmI>, ApiError> {
    Ok(Json(WhoAmI { role: bearer::role(&desk, &headers)? }))
}

/// Series for Prometheus
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "system",
    responses((status = 200, description = "The series", body = String, content_type = "application/openmetrics-text")))]
pub async fn metrics(State(desk): State<Desk>) -> Response {
    ([(CONTENT_TYPE, SERIES)], desk.metrics.text(&desk.door)).into_response()
}

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "system",
    responses((status = 200, description = "The document", body = serde_json::Value)))]
pub async fn openapi(State(desk): State<Desk>) -> Response {
    ([(CONTENT_TYPE, "application/json")], desk.document.clone()).into_response()
}
