//! The earlier routes for containers that run.

use actors::{JobView, View};
use axum::extract::State;
use model::{Bytes, CoreWish, CpuSet, JobId, NodeId, Operation, Request, Size, TaskKey, TaskState};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{OK, Plain, named};
use crate::api::body::{Migration, TaskPatch, WantedResources};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::JsonOf;
use crate::api::routes::{amend, start_moves};
use crate::runtime::SwarmMembers;

/// The most moves or checkpoints of one request.
const MOST_MOVES: usize = 1000;

/// Containers of a node whose state shall be saved.
#[derive(Debug, Deserialize)]
pub struct Checkpoint {
    node: String,
    containers: Vec<String>,
}

/// A move.
#[derive(Debug, Deserialize)]
pub struct Move {
    #[serde(default)]
    job: Option<String>,
    container: String,
    from: String,
    to: String,
    #[serde(default, rename = "info")]
    _info: Option<IgnoredAny>,
}

/// What shall be otherwise with a container.
#[derive(Debug, Deserialize)]
pub struct Update {
    #[serde(default)]
    job: Option<String>,
    node: String,
    container_name: String,
    #[serde(default)]
    cpuset_cpus: Option<CpuSet>,
    #[serde(default)]
    mem_limit: Option<Bytes>,
}

/// Keep a checkpoint of each of these containers, which go on; all are checked before any is made
#[utoipa::path(post, path = "/RESTfulSwarm/GM/checkpoint_cons", operation_id = "gm_checkpoint_cons", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "[{node, containers[]}]"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_checkpoint_cons(State(desk): State<Desk>, body: Result<JsonOf<Vec<Checkpoint>>, ApiError>) -> Result<&'static str, Plain> {
    let JsonOf(checkpoints) = body?;
    let members = desk.door.status().swarm();
    let operations = desk.door.view(|view| {
        let mut operations = Vec::new();
        for (at, checkpoint) in checkpoints.iter().enumerate() {
            let (node, _) = named::node(view, &members, &format!("[{at}].node"), &checkpoint.node)?;
            for (index, container) in checkpoint.containers.iter().enumerate() {
                let field = format!("[{at}].containers[{index}]");
                let (job, task) = named::container(view, None, &field, container)?;
                is_there(job, task, node, &field, container)?;
                operations.extend(crate::api::routes::checkpoints(view, job, task, None)?);
            }
        }
        match operations.len() {
            1..=MOST_MOVES => Ok(operations),
            wanted => Err(ApiError::field(".", format!("there are {wanted} containers: from 1 to {MOST_MOVES}"))),
        }
    })?;
    for operation in operations {
        desk.ask(Request::Operate(operation)).await?;
    }
    Ok(OK)
}

/// Refuses a container that runs elsewhere.
fn is_there(job: &JobView, task: usize, node: NodeId, field: &str, container: &str) -> Result<(), ApiError> {
    let number = job.spec.body.instances_of(task).start;
    match job.tasks[number as usize].node == Some(node) {
        true => Ok(()),
        false => Err(ApiError::field(field, format!("container `{container}` is not there"))),
    }
}

/// Move a container
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_migrate", operation_id = "gm_request_migrate", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "{job, container, from, to, info}"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_request_migrate(State(desk): State<Desk>, body: Result<JsonOf<Move>, ApiError>) -> Result<&'static str, Plain> {
    let JsonOf(one) = body?;
    migrate(&desk, std::slice::from_ref(&one)).await?;
    Ok(OK)
}

/// Move several containers, all checked before any starts
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_group_migration", operation_id = "gm_request_group_migration", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "[{job, container, from, to, info}]"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_request_group_migration(
    State(desk): State<Desk>,
    body: Result<JsonOf<Vec<Move>>, ApiError>,
) -> Result<&'static str, Plain> {
    let JsonOf(moves) = body?;
    if !(1..=MOST_MOVES).contains(&moves.len()) {
        return Err(ApiError::field(".", format!("there are {} moves: from 1 to {MOST_MOVES}", moves.len())).into());
    }
    migrate(&desk, &moves).await?;
    Ok(OK)
}

async fn migrate(desk: &Fittings, moves: &[Move]) -> Result<(), ApiError> {
    let members = desk.door.status().swarm();
    let migrations: Vec<Migration> =
        desk.door.view(|view| moves.iter().map(|one| migration(view, &members, one)).collect::<Result<_, _>>())?;
    start_moves(desk, &migrations).await
}

fn migration(view: &View, members: &SwarmMembers, one: &Move) -> Result<Migration, ApiError> {
    let (job, task) = named::container(view, one.job.as_deref(), "container", &one.container)?;
    let (from, _) = named::node(view, members, "from", &one.from)?;
    let (_, to) = named::node(view, members, "to", &one.to)?;
    is_there(job, task, from, "from", &one.container)?;
    let task = job.spec.body.tasks[task].name.clone();
    Ok(Migration { job: job.id.to_string(), task, index: 0, to: Some(named::name(to)) })
}

/// Change the cores and the memory of a container, now if it runs and as soon as its node has room
#[utoipa::path(post, path = "/RESTfulSwarm/GM/request_update_container", operation_id = "gm_request_update_container", tag = "earlier",
    request_body(content = serde_json::Value, content_type = "application/json", description = "{job, node, container_name, cpuset_cpus, mem_limit}"),
    responses((status = 200, description = "`OK`", body = String, content_type = "text/plain")))]
pub async fn gm_request_update_container(State(desk): State<Desk>, body: Result<JsonOf<Update>, ApiError>) -> Result<&'static str, Plain> {
    let JsonOf(update) = body?;
    // An empty set leaves the choice to the scheduler, as in a job.
    let cpuset = update.cpuset_cpus.filter(|cpuset| !cpuset.is_empty());
    let cores = cpuset.as_ref().map(|cpuset| cpuset.count().0);
    if cores.is_none() && update.mem_limit.is_none() {
        return Err(ApiError::field("cpuset_cpus", "it asks for no change: give `cpuset_cpus` or `mem_limit`").into());
    }
    let patch = TaskPatch { resources: Some(WantedResources { cores, memory: update.mem_limit }), ..TaskPatch::default() };
    let members = desk.door.status().swarm();
    let find = |view: &View| {
        named::node(view, &members, "node", &update.node)?;
        let (job, task) = named::container(view, update.job.as_deref(), "container_name", &update.container_name)?;
        if let Some(cpuset) = &cpuset {
            lie_there(view, job, task, cpuset)?;
        }
        Ok((job.id, task))
    };
    let (job, task) = desk.door.view(find)?;
    amend(&desk, &patch, find).await?;
    if let Some(cpuset) = cpuset {
        take_these(&desk, job, task, cpuset).await?;
    }
    Ok(OK)
}

/// Refuses cores that the node of a running container does not have.
fn lie_there(view: &View, job: &JobView, task: usize, cpuset: &CpuSet) -> Result<(), ApiError> {
    let node = job.tasks[job.spec.body.instances_of(task).start as usize].node;
    let class = node.and_then(|node| view.nodes().get(node.index())).map(|node| &node.spec.class);
    match class.map(|class| class.task_cpuset()).filter(|offered| !cpuset.is_subset(offered)) {
        Some(offered) => Err(ApiError::field("cpuset_cpus", format!("its node offers the cores {offered}"))),
        None => Ok(()),
    }
}

/// A container that runs gets these very cores and not as many others.
async fn take_these(desk: &Fittings, job: JobId, task: usize, cpuset: CpuSet) -> Result<(), ApiError> {
    let running = desk.door.view(|view| {
        let job = view.job(job)?;
        let instance = job.spec.body.instances_of(task).start;
        let memory = job.spec.body.tasks[task].memory;
        (job.tasks[instance as usize].state == TaskState::Running).then_some((TaskKey { job: job.id, instance }, memory))
    });
    let Some((task, memory)) = running else { return Ok(()) };
    let size = Size { cores: CoreWish::These(cpuset), memory };
    desk.ask(Request::Operate(Operation::Resize { task, size })).await.map(drop)
}
