//! What the log says of public events, with the ids of job, task, attempt and node as fields. What ends badly is said by default, the
//! way of each task where `RUST_LOG` asks for `debug`: a busy system has thousands of those a second.

use model::{Event, JobState, NodeState, TaskState};
use tracing::field::{debug, display};
use tracing::{debug, info, warn};

/// Says it.
pub(super) fn say(event: &Event) {
    match event {
        Event::Job { job, from, to, cause } => {
            let cause = cause.as_ref().map(debug);
            match to {
                JobState::Failed | JobState::Stopped => info!(%job, ?from, ?to, cause, "job"),
                _ => debug!(%job, ?from, ?to, cause, "job"),
            }
        }
        Event::Task { task, run, node, from, to, cause } => {
            let (job, task, attempt, node) = (task.job, task.instance, run.attempt, node.map(display));
            let cause = cause.as_ref().map(debug);
            match to {
                TaskState::Lost => warn!(%job, task, attempt, node, ?from, ?to, cause, "task"),
                TaskState::Failed => info!(%job, task, attempt, node, ?from, ?to, cause, "task"),
                _ => debug!(%job, task, attempt, node, ?from, ?to, cause, "task"),
            }
        }
        Event::Node { node, from, to } => match to {
            NodeState::Unreachable => warn!(%node, ?from, ?to, "node"),
            _ => info!(%node, ?from, ?to, "node"),
        },
        Event::Joined { node, spec, epoch } => info!(%node, name = %spec.name, epoch, "a node joined"),
        Event::Cordoned { node, cordoned } => info!(%node, cordoned, "node"),
        Event::Suspected { node, suspect } => info!(%node, suspect, "node"),
        Event::Labelled { node, labels } => info!(%node, ?labels, "node"),
        Event::Prepared { task, run, node } => {
            info!(%task, attempt = run.attempt, placement = run.placement, %node, "a node is ready for it, and it is checkpointed");
        }
        Event::Checkpointed { task, run, node, image, kept } => {
            let size = image.size;
            info!(%task, attempt = run.attempt, placement = run.placement, %node, %size, kept, "it stands still: its image is made");
        }
        Event::Resized { task, run, node, cpuset, memory, settled: true, .. } => {
            info!(%task, attempt = run.attempt, placement = run.placement, %node, %cpuset, %memory, "it has these cores and this memory");
        }
        Event::PolicyChanged { policy } => info!(%policy, "the policy was set"),
        // Why tasks wait is asked for, and what is held follows from where they are.
        Event::Reserved { .. } | Event::Released { .. } | Event::Resized { .. } | Event::Shaped { .. } | Event::Waiting { .. } => {}
    }
}
