//! Looking at jobs.

use axum::Json;
use axum::extract::State;
use model::{JobId, JobState};
use serde::Deserialize;
use utoipa::IntoParams;

use super::job;
use crate::api::body::{Job, JobList, Why, job_state};
use crate::api::cursor;
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::{PathOf, QueryOf};
use crate::api::render;

/// So many jobs are looked at for a page: the system stands still meanwhile.
const MOST_SEEN: usize = 20_000;

/// Which jobs are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// Only those in this state.
    #[param(schema_with = job_state, required = false)]
    state: Option<JobState>,
    /// Only those with this label, as `key` or `key=value`.
    label: Option<String>,
    /// Only those of this tenant.
    tenant: Option<String>,
    /// Only those of this name.
    name: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most (default 100).
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

impl JobQuery {
    fn wants(&self, job: &actors::JobView) -> bool {
        let body = &job.spec.body;
        let labelled = |label: &str| match label.split_once('=') {
            Some((key, value)) => body.labels.get(key).is_some_and(|known| known == value),
            None => body.labels.contains_key(label),
        };
        self.state.is_none_or(|state| job.state == state)
            && self.label.as_deref().is_none_or(labelled)
            && self.tenant.as_deref().is_none_or(|tenant| body.tenant.as_ref().is_some_and(|known| known.as_str() == tenant))
            && self.name.as_deref().is_none_or(|name| job.spec.name.as_str() == name)
    }
}

/// List jobs, latest first
#[utoipa::path(get, path = "/v1/jobs", operation_id = "list_jobs", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "A page of jobs", body = JobList)))]
pub async fn list_jobs(State(desk): State<Desk>, QueryOf(query): QueryOf<JobQuery>) -> Result<Json<JobList>, ApiError> {
    let before = cursor::read(query.cursor.as_deref())?.map(JobId);
    let limit = cursor::limit(query.limit)?;
    let list = desk.door.view(|view| {
        let mut list = JobList::default();
        for (seen, job) in view.jobs_before(before).enumerate() {
            if list.jobs.len() == limit || seen == MOST_SEEN {
                // The one that did not fit is the first of the next page.
                list.next_cursor = job.id.0.checked_add(1).map(cursor::write);
                break;
            }
            if query.wants(job) {
                list.jobs.push(render::summary(job));
            }
        }
        list
    });
    Ok(Json(list))
}

/// Look at a job with all its tasks
#[utoipa::path(get, path = "/v1/jobs/{job}", operation_id = "get_job", tag = "jobs",
    params(("job" = String, Path, description = "The job's id", example = "j12")),
    responses((status = 200, description = "The job", body = Job)))]
pub async fn get_job(State(desk): State<Desk>, PathOf(id): PathOf<String>) -> Result<Json<Job>, ApiError> {
    desk.door.view(|view| Ok(Json(render::job(view, job(view, &id)?))))
}

/// Say why tasks of a job wait
#[utoipa::path(get, path = "/v1/jobs/{job}/why", operation_id = "why_job", tag = "jobs",
    params(("job" = String, Path, description = "The job's id", example = "j12")),
    responses((status = 200, description = "The reasons", body = Why)))]
pub async fn why_job(State(desk): State<Desk>, PathOf(id): PathOf<String>) -> Result<Json<Why>, ApiError> {
    desk.door.view(|view| {
        let job = job(view, &id)?;
        Ok(Json(Why {
            id: job.id.to_string(),
            name: job.spec.name.clone(),
            state: job.state,
            reason: job.cause.map(render::reason_code),
            waiting: render::waiting(view, job),
        }))
    })
}
