//! The earlier routes that bring jobs to the GlobalManager: their tasks say where they run.

use std::sync::Arc;

use actors::View;
use axum::extract::State;
use model::JobSpec;
use serde_json::{Map, Value, json};

use super::{OK, Plain, named};
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::{Text, parse};
use crate::api::intake::{self, Format};
use crate::api::routes::{name_key, take};
use crate::runtime::SwarmMembers;

/// Submit a swarm-job whose tasks name their nodes
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_new_job", operation_id = "gm_request_new_job", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "A swarm-job"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_request_new_job(State(desk): State<Desk>, text: Result<Text, ApiError>) -> Result<&'static str, Plain> {
    let text = text?;
    let spec = intake::read(Format::SwarmJob, &text)?;
    let members = desk.door.status().swarm();
    let spec = desk.door.view(|view| placed(view, &members, spec))?;
    let key = name_key(&spec);
    take(&desk, spec, Some(key), &text).await?;
    Ok(OK)
}

/// Submit one task with its node and network
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_new_task", operation_id = "gm_request_new_task", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "A task of a swarm-job, with `node` and `network`"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_request_new_task(State(desk): State<Desk>, text: Result<Text, ApiError>) -> Result<&'static str, Plain> {
    let text = text?;
    let mut task: Map<String, Value> = parse(&text.0)?;
    let Some(Value::String(name)) = task.get("container_name").cloned() else {
        return Err(ApiError::field("container_name", "it is missing: a text").into());
    };
    let network = task.remove("network").unwrap_or(Value::Null);
    let mut tasks = Map::new();
    tasks.insert(name.clone(), Value::Object(task));
    let job = json!({"job_name": name, "job_info": {"network": network, "tasks": tasks}});
    let text_of_job = Text(job.to_string().into_bytes().into());
    let members = desk.door.status().swarm();
    let spec = intake::read(Format::SwarmJob, &text_of_job).and_then(|spec| desk.door.view(|view| placed(view, &members, spec)));
    let spec = spec.map_err(|error| of_task(error, &name))?;
    let key = name_key(&spec);
    take(&desk, spec, Some(key), &text).await?;
    Ok(OK)
}

/// A refusal of the job that was made of one task, which names the field of the task.
fn of_task(error: ApiError, name: &str) -> ApiError {
    match error {
        ApiError::Field { field, cause } => {
            let field = field.strip_prefix(&format!("job_info.tasks.{name}.")).unwrap_or("container_name").to_owned();
            ApiError::Field { field, cause }
        }
        error => error,
    }
}

/// The job with the names of its nodes, which may have been written as ids or addresses.
fn placed(view: &View, members: &SwarmMembers, mut spec: JobSpec) -> Result<JobSpec, ApiError> {
    for task in &mut Arc::make_mut(&mut spec.body).tasks {
        let task = Arc::make_mut(task);
        let field = format!("job_info.tasks.{}.node", task.name);
        let Some(pin) = &mut task.rules.pin else { return Err(ApiError::field(field, "it is missing: the node of the task")) };
        pin.node = named::name(named::node(view, members, &field, pin.node.as_str())?.1);
    }
    Ok(spec)
}
