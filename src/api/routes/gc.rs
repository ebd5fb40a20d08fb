//! Removing what is left over on the nodes.

use std::collections::BTreeSet;

use actors::{NodeView, View};
use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt, stream};
use model::{Name, NodeId, NodeState, TaskKey};

use crate::api::body::{Gc, GcQuestion, LeftoverFound, LeftoverKind};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::JsonOf;
use crate::runtime::{Leftover, Silence};

/// How many workers look at a time.
const AT_A_TIME: usize = 32;

/// Remove what is left over on the nodes
///
/// Containers, processes and folders of runs that their worker does not have, and checkpoints and shared folders of jobs that are not known any more. Each is found by
/// the worker itself, and nothing is removed that it does not find. A system that works leaves nothing but those of such jobs.
#[utoipa::path(post, path = "/v1/gc", operation_id = "collect_garbage", tag = "system", request_body = GcQuestion,
    responses((status = 200, description = "What was left over", body = Gc)))]
pub async fn collect_garbage(State(desk): State<Desk>, JsonOf(GcQuestion { dry_run }): JsonOf<GcQuestion>) -> Result<Json<Gc>, ApiError> {
    let nodes = desk.door.view(reachable);
    let looks = nodes.into_iter().map(|(node, name)| {
        let desk = &desk;
        async move {
            let found = look(desk, node, dry_run).await;
            (name, found)
        }
    });
    // What is shared every node sees: it is told of the first.
    let mut seen = BTreeSet::new();
    let mut answer = Gc::default();
    let mut looked = stream::iter(looks).buffered(AT_A_TIME);
    while let Some((node, found)) = looked.next().await {
        match found {
            Ok(found) => answer
                .leftovers
                .extend(found.into_iter().map(|(one, removed)| shown(&node, one, removed)).filter(|one| is_new(one, &mut seen))),
            Err(_) => answer.silent.push(node),
        }
    }
    drop(looked);
    Ok(Json(answer))
}

/// The nodes that have a worker.
fn reachable(view: &View) -> Vec<(NodeId, Name)> {
    let has_worker = |node: &NodeView| node.state != NodeState::Left && node.spec.class.engine().is_some();
    let nodes = (0..).map(NodeId).zip(view.nodes());
    nodes.filter(|(_, node)| has_worker(node)).map(|(id, node)| (id, node.spec.name.clone())).collect()
}

/// What was left over on a node, and whether it is gone.
async fn look(desk: &Fittings, node: NodeId, dry_run: bool) -> Result<Vec<(Leftover, bool)>, Silence> {
    let found = desk.door.leftovers(node, Vec::new()).await?;
    // What a job may be restored from is left over only when nobody knows the job.
    let known = |one: &Leftover| match one {
        Leftover::Checkpoint(TaskKey { job, .. }) | Leftover::Shared(job) => desk.door.view(|view| view.job(*job).is_some()),
        Leftover::Container(_) | Leftover::Processes(_) | Leftover::Folder(_) => false,
    };
    let left: Vec<Leftover> = found.into_iter().filter(|one| !known(one)).collect();
    if dry_run || left.is_empty() {
        return Ok(left.into_iter().map(|one| (one, false)).collect());
    }
    let still: BTreeSet<Leftover> = desk.door.leftovers(node, left.clone()).await?.into_iter().collect();
    Ok(left.into_iter().map(|one| (one.clone(), !still.contains(&one))).collect())
}

fn is_new(one: &LeftoverFound, seen: &mut BTreeSet<String>) -> bool {
    one.kind != LeftoverKind::Shared || seen.insert(one.name.clone())
}

fn shown(node: &Name, one: Leftover, removed: bool) -> LeftoverFound {
    let (kind, name) = match one {
        Leftover::Container(name) => (LeftoverKind::Container, name),
        Leftover::Processes(run) => (LeftoverKind::Processes, run),
        Leftover::Folder(path) => (LeftoverKind::Folder, path),
        Leftover::Checkpoint(task) => (LeftoverKind::Checkpoint, task.to_string()),
        Leftover::Shared(job) => (LeftoverKind::Shared, job.to_string()),
    };
    LeftoverFound { node: node.clone(), kind, name, removed }
}
