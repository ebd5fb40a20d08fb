//! Outputs of runs.

use std::convert::Infallible;
use std::time::Duration;

use actors::View;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::TaskKey;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use super::instance_of;
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::{PathOf, QueryOf};
use crate::runtime::{LogPart, LogQuery};

/// Where the part begins, where the next one does, and whether there may be one.
const OFFSET: HeaderName = HeaderName::from_static("x-log-offset");
const NEXT: HeaderName = HeaderName::from_static("x-log-next-offset");
const MORE: HeaderName = HeaderName::from_static("x-log-more");
/// The largest part.
const MOST_BYTES: u32 = 1 << 20;
/// The part that is sent where no size is asked for, and at once of a followed log.
const SOME_BYTES: u32 = 64 << 10;
/// How long a follower waits before it looks for more.
const PAUSE: Duration = Duration::from_millis(300);

/// An output of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// What is said.
    #[default]
    Stdout,
    /// What is complained.
    Stderr,
}

/// Which output, and how much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogsQuery {
    /// Which output (default stdout).
    #[serde(default)]
    #[param(inline, required = false)]
    stream: Output,
    /// Which attempt (default: the latest).
    #[param(minimum = 1)]
    attempt: Option<u16>,
    /// Which instance of the task (default: the only one).
    index: Option<u32>,
    /// From which byte on.
    #[serde(default)]
    #[param(required = false)]
    offset: u64,
    /// Go on until the run has ended.
    #[serde(default)]
    #[param(required = false)]
    follow: bool,
    /// How many bytes at most (default 65536); a followed log has no limit.
    #[param(minimum = 1, maximum = 1_048_576)]
    limit: Option<u32>,
}

/// Read what a task wrote
#[utoipa::path(get, path = "/v1/jobs/{job}/tasks/{task}/logs", operation_id = "task_logs", tag = "tasks",
    params(("job" = String, Path, description = "The job's id", example = "j12"), ("task" = String, Path, description = "The task's name"), LogsQuery),
    responses((status = 200, description = "A part of the output", body = String, content_type = "text/plain", headers(
        ("x-log-offset" = u64, description = "Where the part begins: later than asked for, where the beginning was cut off"),
        ("x-log-next-offset" = u64, description = "Where the next part begins; not of a followed log"),
        ("x-log-more" = bool, description = "Whether more may come")))))]
pub async fn task_logs(
    State(desk): State<Desk>,
    PathOf((id, task)): PathOf<(String, String)>,
    QueryOf(asked): QueryOf<LogsQuery>,
) -> Result<Response, ApiError> {
    let most = match asked.limit {
        None => SOME_BYTES,
        Some(limit @ 1..=MOST_BYTES) => limit,
        Some(limit) => return Err(ApiError::field("limit", format!("it is {limit}: from 1 to {MOST_BYTES}"))),
    };
    let most = if asked.follow { SOME_BYTES } else { most };
    let query = desk.door.view(|view| run_of(view, &id, &task, &asked, most))?;
    let place = if asked.follow { Some(desk.stream()?) } else { None };
    let part = desk.door.log(query.clone()).await?;
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain")),
        (OFFSET, HeaderValue::from(part.offset)),
        (MORE, HeaderValue::from_static(if part.more { "true" } else { "false" })),
    ];
    let Some(place) = place else {
        let next = HeaderValue::from(part.offset + part.bytes.len() as u64);
        return Ok((head, [(NEXT, next)], part.bytes).into_response());
    };
    let follower = Follower { desk, query, first: Some(part), over: false, _place: place };
    Ok((head, Body::from_stream(stream::unfold(follower, Follower::next))).into_response())
}

/// The run that is meant, and where it was.
fn run_of(view: &View, id: &str, task: &str, asked: &LogsQuery, most: u32) -> Result<LogQuery, ApiError> {
    let (job, number) = instance_of(view, id, task, asked.index)?;
    let it = &job.tasks[number as usize];
    let latest = (it.run, it.node);
    let found = match asked.attempt {
        None => Some(latest),
        Some(attempt) if attempt == it.run.attempt => Some(latest),
        Some(attempt) => it.past.iter().rev().find(|past| past.run.attempt == attempt).map(|past| (past.run, past.node)),
    };
    let (run, node) = found.and_then(|(run, node)| Some((run, node?))).ok_or_else(|| {
        ApiError::NoLog(match asked.attempt {
            None => "the task has not been started".to_owned(),
            Some(attempt) => format!("nothing is known of attempt {attempt} of the task"),
        })
    })?;
    let stderr = asked.stream == Output::Stderr;
    Ok(LogQuery { node, task: TaskKey { job: job.id, instance: number }, run, stderr, offset: asked.offset, most })
}

/// Somebody who reads an output while it is written.
struct Follower {
    desk: Desk,
    query: LogQuery,
    first: Option<LogPart>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next bytes; an output whose node goes away ends there.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        while !self.over {
            let part = match self.first.take() {
                Some(first) => first,
                None => self.desk.door.log(self.query.clone()).await.ok()?,
            };
            self.over = !part.more;
            self.query.offset = part.offset + part.bytes.len() as u64;
            if !part.bytes.is_empty() {
                return Some((Ok(part.bytes.into()), self));
            }
            tokio::select! {
                () = self.desk.options.shutdown.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        None
    }
}
