//! What the earlier requests name: nodes by id, host name or address, tasks by the names of their containers.

use actors::{JobView, NodeView, View};
use model::{Name, NodeClass, NodeId, NodeState};

use crate::api::error::{ApiError, shown};
use crate::runtime::SwarmMembers;

/// Labels that may hold a node's address.
const ADDRESSES: [&str; 2] = ["ip", NodeClass::ADDRESS];

/// The node of a host name, an id, of ours or the Swarm's, or an address.
pub fn node<'a>(view: &'a View, members: &SwarmMembers, field: &str, text: &str) -> Result<(NodeId, &'a NodeView), ApiError> {
    let here = |(_, node): &(NodeId, &NodeView)| node.state != NodeState::Left;
    let by_address = || view.nodes().iter().enumerate().map(|(id, node)| (NodeId(id as u32), node)).find(|(_, node)| address(node) == text);
    let in_swarm = || members.nodes.iter().find(|(_, id)| *id == text).and_then(|(worker, _)| view.node_named(worker));
    let found = view
        .node_named(text)
        .filter(here)
        .or_else(|| in_swarm().filter(here))
        .or_else(|| view.node_by_id(text).filter(here))
        .or_else(|| by_address().filter(here));
    found.ok_or_else(|| ApiError::field(field, format!("there is no node `{}`", shown(text))))
}

/// The node's address, where a label says it.
pub fn address(node: &NodeView) -> &str {
    ADDRESSES.iter().find_map(|label| node.spec.class.labels.get(*label)).map_or("", String::as_str)
}

/// The job that has not ended with the task of this container, and the task's index; the latest where several have one.
pub fn container<'a>(view: &'a View, job: Option<&str>, field: &str, container: &str) -> Result<(&'a JobView, usize), ApiError> {
    let is_meant = |known: &&JobView| job.is_none_or(|job| known.spec.name.as_str() == job || known.id.to_string() == job);
    let tasks = |job: &'a JobView| job.spec.body.tasks.iter().position(|task| task.name.as_str() == container).map(|task| (job, task));
    let found = view.jobs_before(None).filter(|job| !job.is_over()).filter(is_meant).find_map(tasks);
    found.ok_or_else(|| ApiError::field(field, format!("no job that has not ended has a container `{}`", shown(container))))
}

/// The name of the node.
pub fn name(node: &NodeView) -> Name {
    node.spec.name.clone()
}
