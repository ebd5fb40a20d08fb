//! The earlier routes of the FrontEnd.

use axum::extract::State;
use model::{Policy, PolicyName};

use super::{OK, Plain};
use crate::api::desk::Desk;
use crate::api::error::{ApiError, shown};
use crate::api::extract::{PathOf, Text};
use crate::api::intake::{self, Format};
use crate::api::routes::{name_key, switch, take};

/// The policies that the earlier system had.
const KNOWN: [PolicyName; 5] =
    [PolicyName::FirstFit, PolicyName::BestFit, PolicyName::FirstFitDecreasing, PolicyName::BestFitDecreasing, PolicyName::NoScheduler];

/// Submit a swarm-job: its name is its key
#[utoipa::path(post, path = "/RESTfulSwarm/FE/request_new_job", operation_id = "fe_request_new_job", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "A swarm-job"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn fe_request_new_job(State(desk): State<Desk>, text: Result<Text, ApiError>) -> Result<&'static str, Plain> {
    let text = text?;
    let spec = intake::read(Format::SwarmJob, &text)?;
    let key = name_key(&spec);
    take(&desk, spec, Some(key), &text).await?;
    Ok(OK)
}

/// Place by another policy; the queue is kept
#[utoipa::path(get, path = "/RESTfulSwarm/FE/switch_scheduler/{name}", operation_id = "fe_switch_scheduler", tag = "earlier",
    params(("name" = String, Path, pattern = "^(no-scheduler|(first|best)-fit(-decreasing)?|best-fir-decreasing)$",
        description = "first-fit, best-fit, first-fit-decreasing, best-fit-decreasing (also as the earlier code spelled it) or no-scheduler")),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn fe_switch_scheduler(State(desk): State<Desk>, PathOf(name): PathOf<String>) -> Result<&'static str, Plain> {
    // The earlier code spelled one of them so.
    let word = if name == "best-fir-decreasing" { "best-fit-decreasing" } else { &name };
    let policy = KNOWN.into_iter().find(|known| known.word() == word).ok_or_else(|| {
        let known: Vec<&str> = KNOWN.iter().map(|known| known.word()).collect();
        ApiError::field("name", format!("unknown `{}`; known are {}", shown(&name), known.join(", ")))
    })?;
    switch(&desk, Policy::from(policy)).await?;
    Ok(OK)
}
