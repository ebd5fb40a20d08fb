//! Actions on nodes, and invitations to new ones.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use link::token::JoinToken;
use model::{Labels, Name, Operation, Request, Role};
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::IntoParams;

use super::nodes::node;
use super::tokens::{HOUR, keep};
use crate::api::body::{MadeToken, NewWorker, NodeAction, NodeDeed, NodePatch, NodeTaken, Time};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::{ApiError, shown};
use crate::api::extract::{JsonOf, PathOf, QueryOf};

/// The most labels of a node.
const MOST_LABELS: usize = 64;
/// The most bytes of a label's name, and of its value.
const LONGEST_LABEL: usize = 256;

/// How a node is let go.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeaveQuery {
    /// At once: what runs there is lost.
    #[serde(default)]
    #[param(required = false)]
    force: bool,
}

/// Invite a worker: the answer is a token that lets it join, shown this once
#[utoipa::path(post, path = "/v1/nodes", operation_id = "invite_worker", tag = "nodes", request_body = NewWorker,
    responses((status = 201, description = "The token", body = MadeToken)))]
pub async fn invite_worker(
    State(desk): State<Desk>,
    JsonOf(NewWorker { note, expires_in_s }): JsonOf<NewWorker>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    Ok((StatusCode::CREATED, Json(invite(&desk, Role::Join, note, expires_in_s).await?)))
}

/// Makes a token that lets somebody join.
pub(super) async fn invite(desk: &Fittings, role: Role, note: String, expires_in_s: Option<u64>) -> Result<MadeToken, ApiError> {
    let Some(authority) = desk.options.authority else {
        let what = "no worker can join over a link: the system has no authority".to_owned();
        return Err(ApiError::Unsupported {
            what,
            possible: "Start the system with its ports for workers, without `--simulated-workers` alone.",
        });
    };
    let token = JoinToken::new(authority);
    let id = token.id.parse::<Name>().map_err(|error| ApiError::Store(error.to_string()))?;
    let expires = keep(desk, id.clone(), note, role, token.hash(), expires_in_s, HOUR).await?;
    Ok(MadeToken { id, token: token.reveal().expose_secret().to_owned(), role, expires_at: Time(expires) })
}

/// Cordon or uncordon a node, give it other labels
///
/// What runs on it stays, whatever its labels; what waits is placed by the new ones.
#[utoipa::path(patch, path = "/v1/nodes/{node}", operation_id = "patch_node", tag = "nodes",
    params(("node" = String, Path, description = "The node's name or id")), request_body = NodePatch,
    responses((status = 202, description = "It is on its way", body = NodeTaken)))]
pub async fn patch_node(
    State(desk): State<Desk>,
    PathOf(name): PathOf<String>,
    JsonOf(patch): JsonOf<NodePatch>,
) -> Result<(StatusCode, Json<NodeTaken>), ApiError> {
    let node = found(&desk, &name)?;
    let NodePatch { cordoned, labels } = patch;
    if (cordoned, &labels) == (None, &None) {
        return Err(ApiError::field(".", "it asks for no change: give `cordoned` or `labels`"));
    }
    // The labels first: they may be refused, and then nothing has changed.
    if let Some(labels) = labels {
        few_enough(&labels)?;
        desk.ask(Request::Operate(Operation::Label { node: node.clone(), labels })).await?;
    }
    if let Some(cordoned) = cordoned {
        desk.ask(Request::Operate(Operation::Cordon { node: node.clone(), cordoned })).await?;
    }
    let action = cordoned.map(|cordoned| if cordoned { NodeDeed::Cordon } else { NodeDeed::Uncordon });
    Ok((StatusCode::ACCEPTED, Json(NodeTaken { node, action })))
}

/// Let a node go: it is drained first, unless forced
#[utoipa::path(delete, path = "/v1/nodes/{node}", operation_id = "delete_node", tag = "nodes",
    params(("node" = String, Path, description = "The node's name or id"), LeaveQuery),
    responses((status = 202, description = "It is on its way", body = NodeTaken)))]
pub async fn delete_node(
    State(desk): State<Desk>,
    PathOf(name): PathOf<String>,
    QueryOf(LeaveQuery { force }): QueryOf<LeaveQuery>,
) -> Result<(StatusCode, Json<NodeTaken>), ApiError> {
    let node = found(&desk, &name)?;
    desk.ask(Request::Operate(Operation::Remove { node: node.clone(), force })).await?;
    Ok((StatusCode::ACCEPTED, Json(NodeTaken { node, action: None })))
}

/// Drain, undrain, cordon or uncordon a node
#[utoipa::path(post, path = "/v1/nodes/{node}/actions", operation_id = "act_on_node", tag = "nodes",
    params(("node" = String, Path, description = "The node's name or id")), request_body = NodeAction,
    responses((status = 202, description = "It is on its way", body = NodeTaken)))]
pub async fn act_on_node(
    State(desk): State<Desk>,
    PathOf(name): PathOf<String>,
    JsonOf(NodeAction { action, migrate }): JsonOf<NodeAction>,
) -> Result<(StatusCode, Json<NodeTaken>), ApiError> {
    let node = found(&desk, &name)?;
    let operation = match action {
        NodeDeed::Drain => Operation::Drain { node: node.clone(), migrate },
        _ if migrate => return Err(ApiError::field("migrate", "only `drain` takes it")),
        NodeDeed::Undrain => Operation::Undrain { node: node.clone() },
        NodeDeed::Cordon => Operation::Cordon { node: node.clone(), cordoned: true },
        NodeDeed::Uncordon => Operation::Cordon { node: node.clone(), cordoned: false },
    };
    desk.ask(Request::Operate(operation)).await?;
    Ok((StatusCode::ACCEPTED, Json(NodeTaken { node, action: Some(action) })))
}

/// Labels are in the view and in events: many or long ones must not fill the memory.
fn few_enough(labels: &Labels) -> Result<(), ApiError> {
    if labels.len() > MOST_LABELS {
        return Err(ApiError::field("labels", format!("{} labels: at most {MOST_LABELS}", labels.len())));
    }
    let wrong = |text: &str| text.len() > LONGEST_LABEL || text.chars().any(char::is_control);
    match labels.iter().find(|(key, value)| key.is_empty() || wrong(key) || wrong(value)) {
        Some((key, _)) => {
            let cause =
                format!("a label has a name, and neither it nor its value is longer than {LONGEST_LABEL} bytes or has control characters");
            Err(ApiError::field(format!("labels.{}", shown(key)), cause))
        }
        None => Ok(()),
    }
}

fn found(desk: &Fittings, name: &str) -> Result<Name, ApiError> {
    desk.door.view(|view| node(view, name).map(|(_, node)| node.spec.name.clone()))
}
