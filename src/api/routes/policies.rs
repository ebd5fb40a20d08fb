//! Policies.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::document::PolicyDocument;
use model::{Operation, Policy, Request};

use crate::api::body::Policies;
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::JsonOf;

/// Show the policies in force
#[utoipa::path(get, path = "/v1/policies", operation_id = "get_policies", tag = "system",
    responses((status = 200, description = "The policies", body = Policies)))]
pub async fn get_policies(State(desk): State<Desk>) -> Json<Policies> {
    Json(Policies { placement: desk.door.view(|view| view.policy()).into() })
}

/// Place by another policy from the next round on; the queue is kept
#[utoipa::path(put, path = "/v1/policies/placement", operation_id = "put_placement", tag = "system",
    request_body(content = serde_json::Value, content_type = "application/json", description = "A policy, as scenarios write it"),
    responses((status = 202, description = "It is on its way", body = Policies)))]
pub async fn put_placement(
    State(desk): State<Desk>,
    JsonOf(document): JsonOf<PolicyDocument>,
) -> Result<(StatusCode, Json<Policies>), ApiError> {
    let policy = document.resolve();
    switch(&desk, policy).await?;
    Ok((StatusCode::ACCEPTED, Json(Policies { placement: policy.into() })))
}

/// Switches the policy.
pub async fn switch(desk: &Fittings, policy: Policy) -> Result<(), ApiError> {
    desk.ask(Request::Operate(Operation::SetPolicy(policy))).await.map(drop)
}
