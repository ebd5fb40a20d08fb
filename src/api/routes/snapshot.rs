//! The present state as a simulator's starting state (docs/formats/state.md).
//!
//! What is on its way is not saved: a task whose start is under way counts as started now, and what ran on a node that is
//! away waits.

use std::sync::Arc;

use actors::{JobView, NodeView, TaskView, View};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::document::{SavedJob, SavedNode, SavedState};
use model::{CpuSet, Millis, NodeClass, NodeSpec, NodeState, Progress, TaskState, Topology};

use crate::api::desk::Desk;
use crate::api::error::ApiError;

/// Save the present state, for `simulate --state`
#[utoipa::path(get, path = "/v1/snapshot", operation_id = "get_snapshot", tag = "simulation",
    responses((status = 200, description = "The state (docs/formats/state.md)", body = serde_json::Value)))]
pub async fn get_snapshot(State(desk): State<Desk>) -> Result<Response, ApiError> {
    // A large state takes a while to write; the other requests go on meanwhile.
    let written = tokio::task::spawn_blocking(move || {
        let state = desk.door.view(|view| saved(view, desk.door.now()));
        let mut text = Vec::new();
        state.write(&mut text).map(|()| text)
    });
    let text = written.await.map_err(|_| ApiError::Stopping)?.expect("a state is written to memory");
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// The state that the view shows.
pub fn saved(view: &View, now: Millis) -> SavedState {
    let nodes = view.nodes().iter().filter(|node| node.state != NodeState::Left).map(|node| SavedNode {
        spec: plain(node),
        down: !is_up(node),
        cordoned: is_up(node) && (node.cordoned || node.state == NodeState::Draining),
    });
    let jobs = view.jobs().filter(|job| !job.is_over()).map(|job| SavedJob {
        spec: job.spec.clone(),
        // The clock of a view may be behind the stamp of a job that was just taken.
        submitted: job.submitted.min(now),
        progress: job.tasks.iter().enumerate().map(|(number, task)| progress(view, job, number as u32, task, now)).collect(),
    });
    let jobs = jobs.filter(|job| job.progress.iter().any(|progress| *progress != Progress::Succeeded));
    SavedState { time: now, nodes: nodes.collect(), jobs: jobs.collect() }
}

fn is_up(node: &NodeView) -> bool {
    matches!(node.state, NodeState::Ready | NodeState::Draining)
}

/// The node as a document can write it, where the cores that a host keeps are the lowest. A worker that offers others becomes a
/// node with only those, numbered from 0.
fn plain(node: &NodeView) -> Arc<NodeSpec> {
    let class = &node.spec.class;
    if !is_renumbered(class) {
        return Arc::clone(&node.spec);
    }
    let cores = class.task_cores();
    let class = NodeClass { cores, topology: Topology::flat(cores), offered: CpuSet::first(cores), ..NodeClass::clone(class) };
    Arc::new(NodeSpec { name: node.spec.name.clone(), class: Arc::new(class) })
}

fn is_renumbered(class: &NodeClass) -> bool {
    class.offered != NodeClass::above_host(class.cores, class.host_cores())
}

fn progress(view: &View, job: &JobView, number: u32, task: &TaskView, now: Millis) -> Progress {
    let spec = &job.spec.body.tasks[job.spec.body.task_of(number)];
    let held = task.held.as_ref().filter(|_| task.state.holds_cores());
    let node = task.node.and_then(|node| view.nodes().get(node.index())).filter(|node| is_up(node));
    match (task.state, node, held) {
        (TaskState::Succeeded, ..) => Progress::Succeeded,
        (_, Some(node), Some((cpuset, _))) if cpuset.count() == spec.cores => {
            let class = &node.spec.class;
            let rank = |core: u32| class.offered.iter().take_while(|offered| *offered < core).count() as u32;
            let cpuset = if is_renumbered(class) { cpuset.iter().map(rank).collect() } else { cpuset.clone() };
            let started = task.started.map_or(now, |started| started.min(now));
            // The user's estimate is the only end that is known; one that has passed says nothing.
            let ends = task.started.and(spec.expected).map(|expected| started.plus(expected)).filter(|ends| *ends >= now);
            // Attempts that the system took back do not count, so there may have been more than a task has.
            let attempt = task.run.attempt.clamp(1, spec.attempts);
            Progress::Running { node: node.spec.name.clone(), cpuset, attempt, started, ends }
        }
        _ => Progress::Waiting,
    }
}
