//! Moves of running tasks: checked against what is known, then asked for.

use std::collections::BTreeSet;

use actors::{NodeView, View};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{Bytes, Cores, JobId, NodeId, Operation, Request, TaskKey, TaskState};

use super::{number_of, task_of};
use crate::api::body::{GroupMigration, Migration};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::{ApiError, shown};
use crate::api::extract::JsonOf;
use crate::api::intake::could_hold;
use crate::api::render::node_name;

/// The most moves of one group.
const MOST_MOVES: usize = 1000;

/// Move several task instances
///
/// All of them are checked before any starts: that each runs where it can be moved, and that there is room for all of them together.
#[utoipa::path(post, path = "/v1/jobs/actions/migrate", operation_id = "migrate_group", tag = "tasks", request_body = GroupMigration,
    responses((status = 202, description = "They are on their way", body = GroupMigration)))]
pub async fn migrate_group(
    State(desk): State<Desk>,
    JsonOf(group): JsonOf<GroupMigration>,
) -> Result<(StatusCode, Json<GroupMigration>), ApiError> {
    if !(1..=MOST_MOVES).contains(&group.moves.len()) {
        return Err(ApiError::field("moves", format!("there are {}: from 1 to {MOST_MOVES}", group.moves.len())));
    }
    start(&desk, &group.moves).await?;
    Ok((StatusCode::ACCEPTED, Json(group)))
}

/// Checks all moves, then asks for them.
pub async fn start(desk: &Fittings, moves: &[Migration]) -> Result<(), ApiError> {
    let operations = desk.door.view(|view| {
        let mut seen = BTreeSet::new();
        let mut operations = Vec::with_capacity(moves.len());
        let mut room = Room::of(view);
        for (index, migration) in moves.iter().enumerate() {
            let at = format!("moves[{index}].");
            let operation = checked_move(view, migration, &at)?;
            if let Operation::Migrate { task, .. } = &operation
                && !seen.insert(*task)
            {
                return Err(ApiError::field(format!("{at}task"), "it is moved twice"));
            }
            room.take(view, &operation)?;
            operations.push(operation);
        }
        Ok(operations)
    })?;
    for operation in operations {
        desk.ask(Request::Operate(operation)).await?;
    }
    Ok(())
}

/// What is free on each node for the moves of a group. Each holds its old place until it runs at the new one, so nothing is given back.
struct Room(Vec<(Cores, Bytes)>);

impl Room {
    fn of(view: &View) -> Self {
        let free = |node: &NodeView| {
            let class = &node.spec.class;
            (class.task_cores().saturating_sub(node.used_cores), class.task_memory().saturating_sub(node.used_memory))
        };
        Self(view.nodes().iter().map(|node| if node.is_schedulable() { free(node) } else { (Cores::ZERO, Bytes::ZERO) }).collect())
    }

    /// Takes room for a move from its target, or from any node that may have the task.
    fn take(&mut self, view: &View, operation: &Operation) -> Result<(), ApiError> {
        let Operation::Migrate { task, to } = operation else { return Ok(()) };
        let Some(job) = view.job(task.job) else { return Ok(()) };
        let spec = &job.spec.body.tasks[job.spec.body.task_of(task.instance)];
        let here = job.tasks[task.instance as usize].node;
        let target = |node: &NodeView| to.as_ref().map_or_else(|| could_hold(spec, &node.spec), |to| node.spec.name == *to);
        let mut places = view.nodes().iter().zip(&mut self.0).zip((0..).map(NodeId));
        let place = places.find(|((node, free), id)| here != Some(*id) && target(node) && free.0 >= spec.cores && free.1 >= spec.memory);
        let Some(((_, free), _)) = place else {
            let place = to.as_ref().map_or_else(|| "no other node has".to_owned(), |to| format!("node `{to}` has not"));
            let what = format!(
                "{place} {} and {} free for task `{}` of job {} beside the other moves",
                spec.cores, spec.memory, spec.name, job.id
            );
            return Err(ApiError::WrongState(what));
        };
        *free = (free.0 - spec.cores, free.1.saturating_sub(spec.memory));
        Ok(())
    }
}

/// Refuses what only engines do that can carry over the state of a running task.
pub fn movable(view: &View, node: Option<NodeId>, wanted: &str) -> Result<(), ApiError> {
    match node.and_then(|node| view.nodes().get(node.index())).filter(|node| !node.spec.class.moves_tasks()) {
        None => Ok(()),
        Some(node) => Err(ApiError::Unsupported {
            what: format!("the engine of node `{}` cannot {wanted} a running task", node.spec.name),
            possible: "Stop the task; retried, it begins anew where the policy puts it.",
        }),
    }
}

/// The operation of a move that can begin now: the instance runs, and its target could hold it.
///
/// # Errors
/// Names the field at fault, whose path begins with `at`.
pub fn checked_move(view: &View, migration: &Migration, at: &str) -> Result<Operation, ApiError> {
    let unknown = || ApiError::UnknownJob(shown(&migration.job));
    let job = JobId::parse(&migration.job).and_then(|id| view.job(id)).ok_or_else(unknown)?;
    let task = task_of(job, migration.task.as_str())?;
    let number = number_of(job, task, Some(migration.index))?;
    let instance = &job.tasks[number as usize];
    if instance.state != TaskState::Running {
        let what = format!(
            "instance {} of task `{}` of job {} is {}, so it cannot be moved",
            migration.index, migration.task, job.id, instance.state
        );
        return Err(ApiError::WrongState(what));
    }
    movable(view, instance.node, "move")?;
    if let Some(volume) = job.spec.body.tasks[task].volume_of_one_node() {
        let what = format!(
            "task `{}` may write to the volume `{}`, which its node alone has, so it cannot be moved",
            migration.task, volume.source
        );
        return Err(ApiError::WrongState(what));
    }
    if let Some(to) = &migration.to {
        let field = || format!("{at}to");
        let (_, node) = view.node_named(to.as_str()).ok_or_else(|| ApiError::UnknownNode(to.to_string()))?;
        let (spec, class) = (&job.spec.body.tasks[task], &node.spec.class);
        if !node.is_schedulable() {
            return Err(ApiError::WrongState(format!("node `{to}` takes no tasks now")));
        }
        if instance.node.and_then(|node| node_name(view, node)).is_some_and(|here| here == *to) {
            return Err(ApiError::field(field(), "the instance runs there already"));
        }
        if spec.cores > class.task_cores() || spec.memory > class.task_memory() {
            return Err(ApiError::field(field(), format!("node `{to}` could never hold the instance: it is too small")));
        }
        if !could_hold(spec, &node.spec) {
            return Err(ApiError::field(field(), format!("the placement of task `{}` does not allow node `{to}`", spec.name)));
        }
    }
    Ok(Operation::Migrate { task: TaskKey { job: job.id, instance: number }, to: migration.to.clone() })
}
