//! The history of ended jobs as a native trace (docs/formats/trace-native.md), so that what ran can be simulated.
//!
//! A row is a task of a job; its instances that ran are its count, and the mean of their run times is its duration, so that the
//! core-seconds are those of the history.

use actors::{JobView, TaskView, View};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::{LONGEST_NAME, Millis, TaskSpec};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::QueryOf;

/// Formats of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryFormat {
    /// docs/formats/trace-native.md
    #[default]
    Native,
}

/// How the history is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// The format.
    #[serde(default)]
    #[param(inline, required = false)]
    format: HistoryFormat,
}

/// A row of the trace.
#[derive(Debug, Default, Serialize)]
struct Row {
    #[serde(skip)]
    submitted: Millis,
    name: String,
    submit_s: f64,
    duration_s: f64,
    cores: u32,
    memory: u64,
    count: u32,
    gang: bool,
    priority: i32,
    deadline_s: Option<f64>,
    expected_s: Option<f64>,
    attempts: u16,
    start_delay_s: Option<f64>,
}

/// Export what has run, as a trace that `simulate` takes
#[utoipa::path(get, path = "/v1/export", operation_id = "export_history", tag = "simulation", params(ExportQuery),
    responses((status = 200, description = "CSV (docs/formats/trace-native.md), sorted by submission", body = String, content_type = "text/csv")))]
pub async fn export_history(State(desk): State<Desk>, QueryOf(ExportQuery { format }): QueryOf<ExportQuery>) -> Result<Response, ApiError> {
    let HistoryFormat::Native = format;
    let written = tokio::task::spawn_blocking(move || text(desk.door.view(rows)));
    let text = written.await.map_err(|_| ApiError::Stopping)?.expect("rows are written to memory");
    Ok(([(CONTENT_TYPE, "text/csv")], text).into_response())
}

fn text(rows: Vec<Row>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &rows {
        writer.serialize(row)?;
    }
    if rows.is_empty() {
        // What begins with no row still says its columns, which come with a first one.
        writer.serialize(Row::default())?;
    }
    let mut text = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    if rows.is_empty() {
        let head = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |end| end + 1);
        text.truncate(head);
    }
    Ok(text)
}

/// The rows, in the order of submission, which the first begins at 0.
fn rows(view: &View) -> Vec<Row> {
    let mut rows: Vec<Row> = view.jobs().filter(|job| job.is_over()).flat_map(rows_of).collect();
    rows.sort_by_key(|row| row.submitted);
    let first = rows.first().map_or(Millis::ZERO, |row| row.submitted);
    for row in &mut rows {
        row.submit_s = row.submitted.since(first).as_secs();
    }
    rows
}

fn rows_of(job: &JobView) -> impl Iterator<Item = Row> + '_ {
    let body = &job.spec.body;
    body.tasks.iter().enumerate().filter_map(move |(index, task)| {
        let range = body.instances_of(index);
        let instances = &job.tasks[range.start as usize..range.end as usize];
        let spans: Vec<Millis> = instances.iter().filter_map(span).collect();
        let count = spans.len() as u32;
        let duration = mean(spans)?;
        Some(Row {
            submitted: job.submitted,
            name: name(job, index, task),
            submit_s: 0.0,
            duration_s: duration.as_secs(),
            cores: task.cores.0,
            memory: task.memory.0,
            count,
            gang: body.gang,
            priority: body.priority,
            deadline_s: body.deadline.map(Millis::as_secs),
            expected_s: task.expected.map(Millis::as_secs),
            attempts: task.attempts,
            start_delay_s: mean(instances.iter().filter_map(delay)).map(Millis::as_secs),
        })
    })
}

/// How long the latest attempt ran.
fn span(task: &TaskView) -> Option<Millis> {
    Some(task.ended?.since(task.started?))
}

/// From the order that began the latest attempt until it ran.
fn delay(task: &TaskView) -> Option<Millis> {
    Some(task.started?.since(task.placed?))
}

/// The mean of some; nothing of none.
fn mean(spans: impl IntoIterator<Item = Millis>) -> Option<Millis> {
    let (total, count) = spans.into_iter().fold((0, 0), |(total, count), span| (total + span.0, count + 1_u64));
    Some(Millis(total.checked_div(count)?))
}

/// A name that no other row has: the id makes it so.
fn name(job: &JobView, index: usize, task: &TaskSpec) -> String {
    let mut name = match job.spec.body.tasks.len() {
        1 => format!("{}-{}", job.id, job.spec.name),
        _ => format!("{}-{index}-{}-{}", job.id, job.spec.name, task.name),
    };
    name.truncate(LONGEST_NAME);
    name
}
