//! Looking at nodes.

use actors::{NodeView, View};
use axum::Json;
use axum::extract::State;
use model::{NodeId, NodeState};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::body::{NodeDetail, NodeList, node_state};
use crate::api::cursor;
use crate::api::desk::Desk;
use crate::api::error::{ApiError, shown};
use crate::api::extract::{PathOf, QueryOf};
use crate::api::render;

/// Which nodes are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NodeQuery {
    /// Only those in this state.
    #[param(schema_with = node_state, required = false)]
    state: Option<NodeState>,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most (default 100).
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List nodes
#[utoipa::path(get, path = "/v1/nodes", operation_id = "list_nodes", tag = "nodes", params(NodeQuery),
    responses((status = 200, description = "A page of nodes", body = NodeList)))]
pub async fn list_nodes(State(desk): State<Desk>, QueryOf(query): QueryOf<NodeQuery>) -> Result<Json<NodeList>, ApiError> {
    let first = cursor::read(query.cursor.as_deref())?.unwrap_or_default() as usize;
    let limit = cursor::limit(query.limit)?;
    let wanted = |node: &NodeView| query.state.map_or(node.state != NodeState::Left, |state| node.state == state);
    let list = desk.door.view(|view| {
        let mut list = NodeList::default();
        for (index, node) in view.nodes().iter().enumerate().skip(first) {
            if list.nodes.len() == limit {
                list.next_cursor = Some(cursor::write(index as u32));
                break;
            }
            if wanted(node) {
                list.nodes.push(render::node(NodeId(index as u32), node));
            }
        }
        list
    });
    Ok(Json(list))
}

/// Look at a node with what runs on it
#[utoipa::path(get, path = "/v1/nodes/{node}", operation_id = "get_node", tag = "nodes",
    params(("node" = String, Path, description = "The node's name or id")),
    responses((status = 200, description = "The node", body = NodeDetail)))]
pub async fn get_node(State(desk): State<Desk>, PathOf(name): PathOf<String>) -> Result<Json<NodeDetail>, ApiError> {
    desk.door.view(|view| {
        let (id, node) = node(view, &name)?;
        Ok(Json(render::detail(view, id, node)))
    })
}

/// The node of a path that has not left: by its name, or else by its id.
pub fn node<'a>(view: &'a View, name: &str) -> Result<(NodeId, &'a NodeView), ApiError> {
    view.node_named(name)
        .or_else(|| view.node_by_id(name))
        .filter(|(_, node)| node.state != NodeState::Left)
        .ok_or_else(|| ApiError::UnknownNode(shown(name)))
}
