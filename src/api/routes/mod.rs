//! The native routes.

mod cells;
mod events;
mod export;
mod gc;
mod history;
mod job_actions;
mod jobs;
mod logs;
mod migrations;
mod node_actions;
mod nodes;
mod policies;
mod progress;
mod queue;
mod snapshot;
mod submit;
mod system;
mod tasks;
mod tokens;
mod whatif;

use actors::{JobView, View};
use model::JobId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::Desk;
use super::error::{ApiError, shown};

pub use migrations::{checked_move, movable, start as start_moves};
pub use policies::switch;
pub use submit::{name_key, take};
pub use tasks::{amend, checkpoints};

/// All native routes.
pub fn native() -> OpenApiRouter<Desk> {
    health()
        .routes(routes!(submit::submit_job, jobs::list_jobs))
        .routes(routes!(jobs::get_job, job_actions::delete_job))
        .routes(routes!(jobs::why_job))
        .routes(routes!(job_actions::act_on_job))
        .routes(routes!(migrations::migrate_group))
        .routes(routes!(tasks::get_task, tasks::patch_task))
        .routes(routes!(tasks::act_on_task))
        .routes(routes!(logs::task_logs))
        .routes(routes!(progress::task_progress))
        .routes(routes!(nodes::list_nodes, node_actions::invite_worker))
        .routes(routes!(nodes::get_node, node_actions::patch_node, node_actions::delete_node))
        .routes(routes!(node_actions::act_on_node))
        .routes(routes!(policies::get_policies))
        .routes(routes!(policies::put_placement))
        .routes(routes!(events::follow_events))
        .routes(routes!(cells::follow_cells))
        .routes(routes!(queue::get_queue))
        .routes(routes!(history::get_history))
        .routes(routes!(tokens::list_tokens, tokens::make_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(system::list_actors))
        .routes(routes!(system::who_am_i))
        .routes(routes!(snapshot::get_snapshot))
        .routes(routes!(whatif::ask_whatif))
        .routes(routes!(gc::collect_garbage))
        .routes(routes!(export::export_history))
        .routes(routes!(system::metrics))
}

/// The routes that both ports have.
pub fn health() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(system::healthz)).routes(routes!(system::readyz)).routes(routes!(system::openapi))
}

/// The job of a path.
fn job<'a>(view: &'a View, text: &str) -> Result<&'a JobView, ApiError> {
    JobId::parse(text).and_then(|id| view.job(id)).ok_or_else(|| ApiError::UnknownJob(shown(text)))
}

/// The index of a task of the job.
fn task_of(job: &JobView, task: &str) -> Result<usize, ApiError> {
    let tasks = &job.spec.body.tasks;
    let unknown = || ApiError::UnknownTask { job: job.id, what: format!("task `{}`", shown(task)) };
    tasks.iter().position(|known| known.name.as_str() == task).ok_or_else(unknown)
}

/// The number of an instance among all of the job's; without an index, that of the only one.
fn number_of(job: &JobView, task: usize, index: Option<u32>) -> Result<u32, ApiError> {
    let range = job.spec.body.instances_of(task);
    let name = &job.spec.body.tasks[task].name;
    match index {
        None if range.len() == 1 => Ok(range.start),
        None => Err(ApiError::field("index", format!("task `{name}` has {} instances: say which", range.len()))),
        Some(index) if (index as usize) < range.len() => Ok(range.start + index),
        Some(index) => Err(ApiError::UnknownTask { job: job.id, what: format!("instance {index} of task `{name}`") }),
    }
}

/// The one instance of a path and its query: its job, and its number there.
fn instance_of<'a>(view: &'a View, id: &str, task: &str, index: Option<u32>) -> Result<(&'a JobView, u32), ApiError> {
    let job = job(view, id)?;
    Ok((job, number_of(job, task_of(job, task)?, index)?))
}
