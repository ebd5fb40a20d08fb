//! Nodes.

use actors::{NodeView, View};
use model::{NodeId, NodeState};

use crate::api::body::{Amount, Holder, Node, NodeDetail, Time};

/// A node.
pub fn node(id: NodeId, node: &NodeView) -> Node {
    let class = &node.spec.class;
    Node {
        id: id.to_string(),
        name: node.spec.name.clone(),
        state: node.state,
        since: Time(node.since),
        cordoned: node.cordoned,
        suspect: node.suspect,
        schedulable: node.is_schedulable(),
        pressure: "none".to_owned(),
        epoch: node.epoch,
        labels: class.labels.clone(),
        capacity: Amount { cores: class.task_cores().0, memory_bytes: class.task_memory().0 },
        cpuset: class.task_cpuset(),
        allocated: Amount { cores: node.used_cores.0, memory_bytes: node.used_memory.0 },
    }
}

/// A node with what runs on it.
pub fn detail(view: &View, id: NodeId, of: &NodeView) -> NodeDetail {
    let holder = |(key, (run, cpuset)): (&model::TaskKey, &(model::Run, model::CpuSet))| {
        let body = view.job(key.job).map(|job| &job.spec.body).filter(|body| key.instance < body.instances());
        let task = body.map(|body| (body, body.task_of(key.instance)));
        Holder {
            job: key.job.to_string(),
            task: task.map(|(body, index)| body.tasks[index].name.clone()),
            index: task.map_or(key.instance, |(body, index)| key.instance - body.instances_of(index).start),
            attempt: run.attempt,
            cpuset: cpuset.clone(),
        }
    };
    NodeDetail { node: node(id, of), tasks: of.held.iter().map(holder).collect() }
}

/// The state's word.
pub fn node_word(state: NodeState) -> &'static str {
    NodeState::WORDS.iter().find(|(known, _)| *known == state).map_or("", |(_, word)| word)
}
