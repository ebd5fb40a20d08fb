//! Job documents from clients: bounded before anything is made of them, then read by `model`.

use std::collections::BTreeMap;

use actors::View;
use model::document::{NativeJob, SwarmJob};
use model::{JobSpec, Name, NodeState, TaskSpec};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{Checked, CheckedTask};
use super::error::ApiError;
use super::extract::{Text, parse};

/// The most task instances of one job.
pub const MOST_INSTANCES: u64 = 1000;
/// The most text that the placement rules of a job may come to, once for each of its tasks. With all else that a document may hold, the job is
/// then less than a frame of the links, over which it goes from actor to actor.
const MOST_RULES: usize = 2 << 20;

/// Formats of job documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// docs/formats/job.md
    #[default]
    Native,
    /// The earlier system's.
    SwarmJob,
}

/// Reads a job.
///
/// # Errors
/// Names the field that is wrong.
pub fn read(format: Format, text: &Text) -> Result<JobSpec, ApiError> {
    text.as_str()?;
    match format {
        Format::Native => {
            let document: NativeJob = parse(&text.0)?;
            bound(&document, text.0.len())?;
            Ok(JobSpec::try_from(document)?)
        }
        Format::SwarmJob => {
            let document: SwarmJob = parse(&text.0)?;
            few_enough("job_info.tasks", document.instances() as u64)?;
            Ok(JobSpec::try_from(document)?)
        }
    }
}

/// A small document must not become a large job: each task repeats the rules, and each instance has a record.
fn bound(document: &NativeJob, size: usize) -> Result<(), ApiError> {
    let instances = |count: Option<u32>, replicas: Option<u32>| u64::from(count.or(replicas).unwrap_or(1));
    few_enough("tasks", document.tasks.values().map(|task| instances(task.count, task.replicas)).sum())?;
    let tasks = document.tasks.len();
    if size * tasks > MOST_RULES {
        let rules = serde_json::to_vec(&document.placement).map_or(usize::MAX, |rules| rules.len());
        if rules.saturating_mul(tasks) > MOST_RULES {
            return Err(ApiError::field(
                "placement",
                format!("{rules} bytes of rules for each of {tasks} tasks: use fewer values, or labels"),
            ));
        }
    }
    Ok(())
}

fn few_enough(field: &str, instances: u64) -> Result<(), ApiError> {
    match instances {
        0..=MOST_INSTANCES => Ok(()),
        _ => Err(ApiError::field(field, format!("{instances} task instances: at most {MOST_INSTANCES} in one job"))),
    }
}

/// What is known of a job before it is taken: where each of its tasks could ever run.
pub fn check(spec: &JobSpec, view: &View) -> Checked {
    let could = |task: &TaskSpec| view.nodes().iter().filter(|node| node.state != NodeState::Left && could_hold(task, &node.spec)).count();
    let tasks: BTreeMap<Name, CheckedTask> =
        spec.body.tasks.iter().map(|task| (task.name.clone(), CheckedTask { count: task.count, nodes: could(task) as u32 })).collect();
    let placeable = tasks.values().all(|task| task.nodes > 0);
    let job = serde_json::to_value(NativeJob::from(spec)).unwrap_or_default();
    Checked { job, placeable, tasks }
}

/// Whether a node that has not left could ever hold an instance of the task; where there are none yet, one that comes may.
pub fn could_ever_hold(task: &TaskSpec, view: &View) -> bool {
    let mut nodes = view.nodes().iter().filter(|node| node.state != NodeState::Left).peekable();
    nodes.peek().is_none() || nodes.any(|node| could_hold(task, &node.spec))
}

/// Whether the node could ever hold an instance of the task, if it had the node for itself.
pub fn could_hold(task: &TaskSpec, node: &model::NodeSpec) -> bool {
    let (class, rules) = (&node.class, task.placement());
    let pinned = rules.pin.as_ref().is_none_or(|pin| pin.node == node.name && pin.cpuset.is_subset(&class.task_cpuset()));
    let allowed = rules.constraints.iter().all(|constraint| constraint.allows(&class.labels));
    pinned && allowed && task.cores <= class.task_cores() && task.memory <= class.task_memory()
}
