//! A saved state of a running simulation: what its machines hold, as `simulate --state` takes it up again.
//!
//! What is on its way is not saved. A task whose start is under way counts as started now; one in the middle of a move starts
//! anew where it came from; what ran on a node that is down waits. A failed task of a job that goes on gets its attempts anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::document::{SavedJob, SavedNode, SavedState};
use model::{CpuSet, JobBody, Millis, NodeId, NodeSpec, NodeState, Progress, Run, TaskKey, TaskState};

use super::world::World;

/// Where an instance is.
struct Held {
    node: NodeId,
    cpuset: CpuSet,
    run: Run,
}

/// The state of a simulation on these nodes, at a time that its world has reached.
#[must_use]
pub fn snapshot(world: &World, nodes: &[Arc<NodeSpec>], at: Millis) -> SavedState {
    let (job_manager, global_manager) = world.machines();
    let mut down = vec![true; nodes.len()];
    let mut held: BTreeMap<TaskKey, Held> = BTreeMap::new();
    let mut times: HashMap<(TaskKey, Run), (Millis, Option<Millis>)> = HashMap::new();
    for (node, agent) in world.agents() {
        down[node.index()] = false;
        for (task, run, cpuset) in global_manager.holders(node) {
            // A task that moves holds two places; the earlier one is where it came from.
            let earlier = held.get(&task).is_some_and(|held| held.run < run);
            if !earlier {
                held.insert(task, Held { node, cpuset: cpuset.clone(), run });
            }
        }
        times.extend(agent.driver().under_way(at).map(|(task, run, elapsed, ends)| ((task, run), (at.since(elapsed), ends))));
    }
    let mut states: BTreeMap<TaskKey, TaskState> = BTreeMap::new();
    states.extend(job_manager.statuses().map(|status| (status.task, status.state)));
    let progress = |task: TaskKey, body: &JobBody| match (states.get(&task), held.get(&task)) {
        (Some(TaskState::Succeeded), _) => Progress::Succeeded,
        (Some(state), Some(held)) if state.holds_cores() => {
            let (started, ends) = times.get(&(task, held.run)).copied().unwrap_or((at, None));
            // Attempts that the system took back do not count, so there may have been more than a task has.
            let attempt = held.run.attempt.min(body.tasks[body.task_of(task.instance)].attempts);
            Progress::Running { node: nodes[held.node.index()].name.clone(), cpuset: held.cpuset.clone(), attempt, started, ends }
        }
        _ => Progress::Waiting,
    };
    let jobs = job_manager.live_jobs().map(|(job, spec, submitted)| {
        let instances = 0..spec.body.instances();
        let progress = instances.map(|instance| progress(TaskKey { job, instance }, &spec.body)).collect();
        SavedJob { spec: spec.clone(), submitted, progress }
    });
    let jobs = jobs.collect();
    let nodes = nodes.iter().zip(&down).zip((0..).map(NodeId)).map(|((spec, &down), node)| {
        let closed = !global_manager.free().is_open(node);
        let cordoned = !down && closed && matches!(global_manager.node_state(node), NodeState::Ready | NodeState::Draining);
        SavedNode { spec: Arc::clone(spec), down, cordoned }
    });
    SavedState { time: at, nodes: nodes.collect(), jobs }
}
