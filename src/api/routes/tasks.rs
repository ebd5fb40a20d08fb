//! One task of a job.

use std::ops::Range;

use actors::{JobView, View};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{Amendment, Cores, JobId, Operation, Request, TaskKey, TaskSpec, TaskState};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{checked_move, job, movable, number_of, task_of};
use crate::api::body::{Migration, Taken, Task, TaskAction, TaskDeed, TaskPatch, WantedResources};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::{JsonOf, PathOf, QueryOf};
use crate::api::intake::could_ever_hold;
use crate::api::render;

/// Which instance.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstanceQuery {
    /// One instance of the task; absent: the whole task.
    index: Option<u32>,
}

/// Look at one task of a job
#[utoipa::path(get, path = "/v1/jobs/{job}/tasks/{task}", operation_id = "get_task", tag = "tasks",
    params(("job" = String, Path, description = "The job's id", example = "j12"), ("task" = String, Path, description = "The task's name"), InstanceQuery),
    responses((status = 200, description = "The task, or the one instance of it that was asked for", body = Task)))]
pub async fn get_task(
    State(desk): State<Desk>,
    PathOf((id, task)): PathOf<(String, String)>,
    QueryOf(query): QueryOf<InstanceQuery>,
) -> Result<Json<Task>, ApiError> {
    desk.door.view(|view| {
        let job = job(view, &id)?;
        let index = task_of(job, &task)?;
        let mut task = render::task(view, job, index);
        if query.index.is_some() {
            let number = number_of(job, index, query.index)?;
            (task.instance, task.instances) = (render::instance(view, job, index, number), Vec::new());
        }
        Ok(Json(task))
    })
}

/// Change a task
///
/// `resources` count for every instance of the task: for one that waits from its next placement on, for a container that runs as soon as its node
/// has room, without a stop; the event `task.resized` tells what it has then. A plain process keeps what it has, so that a task of which one runs
/// is refused. `priority` is the job's, and counts for all of it that waits.
#[utoipa::path(patch, path = "/v1/jobs/{job}/tasks/{task}", operation_id = "patch_task", tag = "tasks",
    params(("job" = String, Path, description = "The job's id", example = "j12"), ("task" = String, Path, description = "The task's name")),
    request_body = TaskPatch, responses((status = 202, description = "It is on its way", body = Taken)))]
pub async fn patch_task(
    State(desk): State<Desk>,
    PathOf((id, task)): PathOf<(String, String)>,
    JsonOf(patch): JsonOf<TaskPatch>,
) -> Result<(StatusCode, Json<Taken>), ApiError> {
    let find = |view: &View| {
        let job = job(view, &id)?;
        Ok((job.id, task_of(job, &task)?))
    };
    Ok((StatusCode::ACCEPTED, Json(amend(&desk, &patch, find).await?)))
}

/// Has a task changed that `find` finds.
pub async fn amend(
    desk: &Fittings,
    patch: &TaskPatch,
    find: impl FnOnce(&View) -> Result<(JobId, usize), ApiError>,
) -> Result<Taken, ApiError> {
    let (amendments, job, taken) = desk.door.view(|view| {
        let (id, index) = find(view)?;
        let job = view.job(id).ok_or_else(|| ApiError::UnknownJob(id.to_string()))?;
        let taken = Taken { id: job.id.to_string(), name: job.spec.name.clone(), state: job.state };
        Ok::<_, ApiError>((amendments(view, job, index, patch)?, job.id, taken))
    })?;
    for amendment in amendments {
        desk.ask(Request::Operate(Operation::Amend { job, amendment })).await?;
    }
    Ok(taken)
}

/// What a patch changes of a job. The resources first: where the FrontEnd refuses them, nothing has changed.
fn amendments(view: &View, job: &JobView, index: usize, patch: &TaskPatch) -> Result<Vec<Amendment>, ApiError> {
    let TaskPatch { priority, resources, replicas } = patch;
    if replicas.is_some() {
        return Err(ApiError::Unsupported {
            what: "the number of instances of a task is fixed when it is submitted".to_owned(),
            possible: "Submit another job for more, or stop single ones by their `index`; `priority` and `resources` can be changed.",
        });
    }
    let resources = resources.as_ref().map(|wanted| resized(view, job, index, wanted)).transpose()?;
    let amendments: Vec<Amendment> = resources.into_iter().chain(priority.map(Amendment::Priority)).collect();
    match amendments.is_empty() {
        true => Err(ApiError::field(".", "it asks for no change: give `priority` or `resources`")),
        false => Ok(amendments),
    }
}

/// Other cores and memory of a task, where some node could ever give them.
fn resized(view: &View, job: &JobView, index: usize, wanted: &WantedResources) -> Result<Amendment, ApiError> {
    let task = &job.spec.body.tasks[index];
    let (cores, memory) = (wanted.cores.map_or(task.cores, Cores), wanted.memory.unwrap_or(task.memory));
    if (wanted.cores, wanted.memory) == (None, None) {
        return Err(ApiError::field("resources", "it asks for no change: give `cores` or `memory`"));
    }
    if cores == Cores::ZERO {
        return Err(ApiError::field("resources.cores", "it is 0: a task needs at least one whole core"));
    }
    if cores != task.cores && task.rules.pin.as_ref().is_some_and(|pin| !pin.cpuset.is_empty()) {
        return Err(ApiError::field("resources.cores", "the task is pinned to cores, so it takes as many as those"));
    }
    if !could_ever_hold(&TaskSpec { cores, memory, ..TaskSpec::clone(task) }, view) {
        return Err(ApiError::field("resources", "no node could ever hold an instance of the task"));
    }
    Ok(Amendment::Resources { task: index as u16, cores, memory })
}

/// Stop, move or checkpoint a task
///
/// A checkpoint is kept by the worker of its node, the latest of each instance; the task goes on. `restore` of an ended job begins from there. To
/// start one task alone is not possible.
#[utoipa::path(post, path = "/v1/jobs/{job}/tasks/{task}/actions", operation_id = "act_on_task", tag = "tasks",
    params(("job" = String, Path, description = "The job's id", example = "j12"), ("task" = String, Path, description = "The task's name")),
    request_body = TaskAction, responses((status = 202, description = "It is on its way", body = Taken)))]
pub async fn act_on_task(
    State(desk): State<Desk>,
    PathOf((id, task)): PathOf<(String, String)>,
    JsonOf(TaskAction { action, to, index }): JsonOf<TaskAction>,
) -> Result<(StatusCode, Json<Taken>), ApiError> {
    if to.is_some() && action != TaskDeed::Migrate {
        return Err(ApiError::field("to", "only `migrate` takes it"));
    }
    let (operations, taken) = desk.door.view(|view| {
        let job = job(view, &id)?;
        let at = task_of(job, &task)?;
        let name = job.spec.body.tasks[at].name.clone();
        let operations = match action {
            TaskDeed::Stop => stops(job, at, index)?,
            TaskDeed::Migrate => {
                let index = number_of(job, at, index)? - job.spec.body.instances_of(at).start;
                vec![checked_move(view, &Migration { job: job.id.to_string(), task: name, index, to }, "")?]
            }
            TaskDeed::Start => {
                let what = "one task of a job cannot be started alone".to_owned();
                let possible = "Start the job: POST /v1/jobs/{job}/actions; what has succeeded stays so.";
                return Err(ApiError::Unsupported { what, possible });
            }
            TaskDeed::Checkpoint => checkpoints(view, job, at, index)?,
        };
        Ok((operations, Taken { id: job.id.to_string(), name: job.spec.name.clone(), state: job.state }))
    })?;
    for operation in operations {
        desk.ask(Request::Operate(operation)).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(taken)))
}

/// The checkpoints of one instance, or of all of a task that run.
pub fn checkpoints(view: &View, job: &JobView, task: usize, index: Option<u32>) -> Result<Vec<Operation>, ApiError> {
    let name = &job.spec.body.tasks[task].name;
    let mut operations = Vec::new();
    for number in numbers(job, task, index)? {
        let instance = &job.tasks[number as usize];
        if instance.state == TaskState::Running {
            movable(view, instance.node, "checkpoint")?;
            operations.push(Operation::Checkpoint(key(job.id, number)));
        }
    }
    if operations.is_empty() {
        return Err(ApiError::WrongState(format!("task `{name}` of job {} does not run, so there is nothing to checkpoint", job.id)));
    }
    Ok(operations)
}

/// The stops of one instance, or of all of a task that have not ended.
fn stops(job: &JobView, task: usize, index: Option<u32>) -> Result<Vec<Operation>, ApiError> {
    let open: Vec<Operation> = numbers(job, task, index)?
        .filter(|number| !job.tasks[*number as usize].state.is_terminal())
        .map(|instance| Operation::StopTask(key(job.id, instance)))
        .collect();
    if open.is_empty() { Err(ApiError::WrongState("the task has ended, so it cannot be stopped".to_owned())) } else { Ok(open) }
}

/// One instance of a task, or all.
fn numbers(job: &JobView, task: usize, index: Option<u32>) -> Result<Range<u32>, ApiError> {
    Ok(match index {
        Some(_) => {
            let number = number_of(job, task, index)?;
            number..number + 1
        }
        None => job.spec.body.instances_of(task),
    })
}

fn key(job: JobId, instance: u32) -> TaskKey {
    TaskKey { job, instance }
}
