//! Nodes as Docker shows them, because the earlier clients read them so.

use std::collections::BTreeMap;

use actors::{NodeView, View};
use axum::Json;
use axum::extract::State;
use model::{NodeId, NodeState};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Plain, named};
use crate::api::body::Time;
use crate::api::desk::{Desk, Fittings};
use crate::api::extract::PathOf;
use crate::runtime::SwarmMembers;

/// A core, in Docker's unit.
const NANO: u64 = 1_000_000_000;

/// A node object of Docker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DockerNode {
    #[serde(rename = "ID")]
    id: String,
    version: DockerVersion,
    updated_at: Time,
    spec: DockerSpec,
    description: DockerDescription,
    status: DockerStatus,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DockerVersion {
    index: u32,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DockerSpec {
    labels: BTreeMap<String, String>,
    role: &'static str,
    availability: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DockerDescription {
    hostname: String,
    resources: DockerResources,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DockerResources {
    #[serde(rename = "NanoCPUs")]
    nano_cpus: u64,
    memory_bytes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DockerStatus {
    state: &'static str,
    addr: String,
}

fn docker(members: &SwarmMembers, id: NodeId, node: &NodeView) -> DockerNode {
    let class = &node.spec.class;
    let availability = match node.state {
        NodeState::Draining | NodeState::Left => "drain",
        _ if node.cordoned => "pause",
        _ => "active",
    };
    let state = match node.state {
        NodeState::Joining => "unknown",
        NodeState::Ready | NodeState::Draining if node.suspect => "unknown",
        NodeState::Ready | NodeState::Draining => "ready",
        NodeState::Unreachable | NodeState::Left => "down",
    };
    let role = if members.manager.as_deref() == Some(node.spec.name.as_str()) { "manager" } else { "worker" };
    let resources = DockerResources { nano_cpus: u64::from(class.task_cores().0) * NANO, memory_bytes: class.task_memory().0 };
    DockerNode {
        id: members.nodes.get(node.spec.name.as_str()).cloned().unwrap_or_else(|| id.to_string()),
        version: DockerVersion { index: node.epoch },
        updated_at: Time(node.since),
        spec: DockerSpec { labels: class.labels.clone(), role, availability },
        description: DockerDescription { hostname: node.spec.name.to_string(), resources },
        status: DockerStatus { state, addr: named::address(node).to_owned() },
    }
}

fn described(desk: &Fittings, hostname: &str) -> Result<Json<DockerNode>, Plain> {
    let members = desk.door.status().swarm();
    let find = |view: &View| named::node(view, &members, "hostname", hostname).map(|(id, node)| docker(&members, id, node));
    Ok(Json(desk.door.view(find)?))
}

/// List the workers as Docker node objects
#[utoipa::path(get, path = "/RESTfulSwarm/GM/get_worker_list", operation_id = "gm_get_worker_list", tag = "earlier",
    responses((status = 200, description = "The workers", body = Vec<DockerNode>)))]
pub async fn gm_get_worker_list(State(desk): State<Desk>) -> Json<Vec<DockerNode>> {
    let here = |(_, node): &(usize, &NodeView)| node.state != NodeState::Left;
    let members = desk.door.status().swarm();
    let list = |view: &View| {
        let nodes = view.nodes().iter().enumerate().filter(here);
        nodes.map(|(id, node)| docker(&members, NodeId(id as u32), node)).collect()
    };
    Json(desk.door.view(list))
}

/// Describe a worker as a Docker node object
#[utoipa::path(get, path = "/RESTfulSwarm/GM/{hostname}/describe_worker", operation_id = "gm_describe_worker", tag = "earlier",
    params(("hostname" = String, Path, description = "The worker's name or id")),
    responses((status = 200, description = "The worker", body = DockerNode)))]
pub async fn gm_describe_worker(State(desk): State<Desk>, PathOf(hostname): PathOf<String>) -> Result<Json<DockerNode>, Plain> {
    described(&desk, &hostname)
}

/// Describe a manager as a Docker node object
#[utoipa::path(get, path = "/RESTfulSwarm/GM/{hostname}/describe_manager", operation_id = "gm_describe_manager", tag = "earlier",
    params(("hostname" = String, Path, description = "The node's name or id")),
    responses((status = 200, description = "The node", body = DockerNode)))]
pub async fn gm_describe_manager(State(desk): State<Desk>, PathOf(hostname): PathOf<String>) -> Result<Json<DockerNode>, Plain> {
    described(&desk, &hostname)
}
