//! Taking jobs.

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{Answer, JobId, JobSpec, JobState, Request, Submission, SubmitKey};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::body::{Checked, Taken, submission_key};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::{QueryOf, Text};
use crate::api::intake::{self, Format};

/// How a job is submitted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmitQuery {
    /// The document's format.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// Look at the job and say where it could run, but do not take it.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
}

/// Submit a job
///
/// The job is durable when the answer comes. The same key with the same document answers the same job again; with another document it
/// is refused. Without the header, the `job_name` of a swarm-job is its key.
#[utoipa::path(post, path = "/v1/jobs", operation_id = "submit_job", tag = "jobs",
    params(SubmitQuery, ("Idempotency-Key" = Option<String>, Header, description = "Names the submission", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body(content = serde_json::Value, content_type = "application/json", description = "A job document (docs/formats/job.md)"),
    responses((status = 202, description = "The job is taken", body = Taken, headers(("Location" = String, description = "The job"))),
        (status = 200, description = "The job was looked at (`dry_run`)", body = Checked)))]
pub async fn submit_job(
    State(desk): State<Desk>,
    QueryOf(query): QueryOf<SubmitQuery>,
    headers: HeaderMap,
    text: Text,
) -> Result<Response, ApiError> {
    let key = key_of(&headers)?;
    let spec = intake::read(query.format, &text)?;
    if query.dry_run {
        let checked = desk.door.view(|view| intake::check(&spec, view));
        return Ok(Json(checked).into_response());
    }
    let key = match (key, query.format) {
        // The two kinds of keys must not meet.
        (Some(key), _) => Some(format!("key {key}")),
        (None, Format::SwarmJob) => Some(name_key(&spec)),
        (None, Format::Native) => None,
    };
    let taken = take(&desk, spec, key, &text).await?;
    let location = [(LOCATION, format!("/v1/jobs/{}", taken.id))];
    Ok((StatusCode::ACCEPTED, location, Json(taken)).into_response())
}

/// The key of a job that its name names.
pub fn name_key(spec: &JobSpec) -> String {
    format!("name {}", spec.name)
}

/// Takes a job: the answer comes once it is durable.
///
/// # Errors
/// When the key was used for another document, or nothing was taken.
pub async fn take(desk: &Fittings, spec: JobSpec, key: Option<String>, text: &Text) -> Result<Taken, ApiError> {
    let name = spec.name.clone();
    let key = key.map(|key| SubmitKey { key: half_digest(key.as_bytes()), document: half_digest(&text.0) });
    let submission = Submission { spec, submitted: desk.door.now(), progress: Vec::new(), key };
    match desk.ask(Request::Submit(Box::new(submission))).await? {
        Answer::Known(id) => Ok(Taken { id: id.to_string(), name, state: state_of(desk, id) }),
        Answer::Accepted(id) => Ok(Taken { id: id.to_string(), name, state: JobState::Accepted }),
        Answer::Done | Answer::Refused(_) => Err(ApiError::Store("the answer to a submission names no job".to_owned())),
    }
}

fn half_digest(bytes: &[u8]) -> [u8; 16] {
    let whole = blake3::hash(bytes);
    *whole.as_bytes().first_chunk().expect("a digest has 32 bytes")
}

fn state_of(desk: &Fittings, id: JobId) -> JobState {
    desk.door.view(|view| view.job(id).map_or(JobState::Accepted, |job| job.state))
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    submission_key(key.to_str().unwrap_or_default()).map(Some).map_err(|words| ApiError::field("Idempotency-Key", words))
}
