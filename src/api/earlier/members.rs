//! The earlier routes for members of the cluster.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::{Bytes, Cores, Operation, Request};
use serde::Deserialize;

use super::{OK, Plain, named};
use crate::api::desk::Desk;
use crate::api::error::{ApiError, shown};
use crate::api::extract::JsonOf;

/// A worker that asks to be let in.
#[derive(Debug, Deserialize)]
pub struct Joining {
    #[serde(default)]
    hostname: String,
    #[serde(default, rename = "CPUs")]
    _cpus: Option<Cores>,
    #[serde(default, rename = "MemFree")]
    _memory: Option<Bytes>,
}

/// A worker that leaves.
#[derive(Debug, Deserialize)]
pub struct Leaving {
    hostname: String,
}

/// Make the cluster: it is there as soon as this system runs, and its Docker Swarm as soon as a worker manages one
#[utoipa::path(get, path = "/RESTfulSwarm/GM/init", operation_id = "gm_init", tag = "earlier",
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain"),
        (status = 500, description = "Workers wait for a Swarm, and none manages one", body = String, content_type = "text/plain")))]
pub async fn gm_init(State(desk): State<Desk>) -> Response {
    let members = desk.door.status().swarm();
    if members.manager.is_some() || members.outside.is_empty() {
        return OK.into_response();
    }
    let waiting = members.outside.into_iter().collect::<Vec<_>>().join(", ");
    let text =
        format!("no worker manages a Docker Swarm, for which these wait: {waiting}. Start one with --engine docker --swarm manager.\n");
    (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
}

/// Ask to join: a worker of this system joins with a token instead
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_join", operation_id = "gm_request_join", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "{hostname, address, CPUs, MemFree}"),
    responses((status = 406, description = "No host name", body = String, content_type = "text/plain")))]
pub async fn gm_request_join(State(desk): State<Desk>, body: Result<JsonOf<Joining>, ApiError>) -> Result<Response, Plain> {
    let JsonOf(joining) = body?;
    if joining.hostname.is_empty() {
        return Ok((StatusCode::NOT_ACCEPTABLE, "hostname: it is missing\n").into_response());
    }
    let members = desk.door.status().swarm();
    let known = desk.door.view(|view| named::node(view, &members, "hostname", &joining.hostname).is_ok());
    if known {
        return Err(ApiError::field("hostname", format!("`{}` is a member already", shown(&joining.hostname))).into());
    }
    let what = "a worker is not let in by its word alone".to_owned();
    let possible = "Make a token with POST /v1/nodes and start `worker` with it: it joins by itself.";
    Err(ApiError::Unsupported { what, possible }.into())
}

/// Let a worker go: it is drained first, and its Docker leaves the Swarm
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_leave", operation_id = "gm_request_leave", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "{hostname}"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_request_leave(State(desk): State<Desk>, body: Result<JsonOf<Leaving>, ApiError>) -> Result<&'static str, Plain> {
    let JsonOf(Leaving { hostname }) = body?;
    let members = desk.door.status().swarm();
    let node = desk.door.view(|view| named::node(view, &members, "hostname", &hostname).map(|(_, node)| named::name(node)))?;
    desk.ask(Request::Operate(Operation::Remove { node, force: false })).await?;
    Ok(OK)
}
