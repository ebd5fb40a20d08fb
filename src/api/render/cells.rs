//! Which task holds which core.

use actors::{JobView, NodeView, View};
use model::{CpuSet, JobId, Millis, NodeId, NodeState, TaskKey};

use crate::api::body::TASK_STATES;
use crate::api::body::cells::{Held, JobLabel, NodeCells, runs};

/// A node without what runs on it.
pub fn node_cells(id: NodeId, node: &NodeView, now: Millis) -> NodeCells {
    let class = &node.spec.class;
    let groups = |groups: &[CpuSet]| groups.iter().map(runs).collect();
    NodeCells {
        node: id.0,
        name: node.spec.name.to_string(),
        state: NodeState::WORDS.iter().position(|(known, _)| *known == node.state).unwrap_or_default() as u8,
        for_ms: now.since(node.since).0,
        cordoned: node.cordoned,
        suspect: node.suspect,
        cores: runs(&class.offered),
        numa: groups(&class.topology.numa),
        cache: groups(&class.topology.cache),
        memory_bytes: class.task_memory().0,
        labels: class.labels.clone().into_iter().collect(),
    }
}

/// A job that holds cores; none where it is forgotten.
pub fn job_label(view: &View, id: JobId, now: Millis) -> Option<JobLabel> {
    let JobView { spec, submitted, .. } = view.job(id)?;
    let class = spec.body.labels.get("class").map(String::as_str).or(spec.body.tenant.as_ref().map(|tenant| tenant.as_str()));
    Some(JobLabel {
        job: id.0,
        name: spec.name.to_string(),
        class: class.unwrap_or_default().to_owned(),
        priority: spec.body.priority,
        submitted_ms: now.since(*submitted).0,
        tasks: spec.body.tasks.iter().map(|task| (task.name.to_string(), task.count)).collect(),
    })
}

/// What an instance holds of a node.
pub fn held(view: &View, node: NodeId, key: TaskKey, cpuset: &CpuSet, now: Millis) -> Held {
    let job = view.job(key.job);
    let task = job.and_then(|job| job.tasks.get(key.instance as usize));
    let spec = job.filter(|_| task.is_some()).map(|job| &job.spec.body.tasks[job.spec.body.task_of(key.instance)]);
    let place = task.and_then(|task| TASK_STATES.iter().position(|known| *known == task.state));
    Held {
        node: node.0,
        job: key.job.0,
        instance: key.instance,
        state: place.unwrap_or_default() as u8,
        cores: runs(cpuset),
        for_ms: task.map_or(0, |task| now.since(task.since).0),
        started_ms: task.and_then(|task| task.started).map(|started| now.since(started).0),
        expected_ms: spec.and_then(|spec| spec.expected).map_or(0, |expected| expected.0),
    }
}
