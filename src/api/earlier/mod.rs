//! The earlier routes (Python, Docker Swarm), as thin adapters over the native ones. They answer in plain text.

mod containers;
mod docker;
mod front_end;
mod jobs;
mod members;
mod named;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::Desk;
use super::error::ApiError;

/// The earlier routes on the FrontEnd's port.
pub fn front_end() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(front_end::fe_request_new_job)).routes(routes!(front_end::fe_switch_scheduler))
}

/// The earlier routes on the GlobalManager's port.
pub fn global_manager() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(members::gm_init))
        .routes(routes!(members::gm_request_join))
        .routes(routes!(members::gm_request_leave))
        .routes(routes!(jobs::gm_request_new_task))
        .routes(routes!(jobs::gm_request_new_job))
        .routes(routes!(containers::gm_checkpoint_cons))
        .routes(routes!(containers::gm_request_migrate))
        .routes(routes!(containers::gm_request_group_migration))
        .routes(routes!(containers::gm_request_update_container))
        .routes(routes!(docker::gm_get_worker_list))
        .routes(routes!(docker::gm_describe_worker))
        .routes(routes!(docker::gm_describe_manager))
}

/// What the earlier clients take for success.
const OK: &str = "OK";

/// A refusal as the earlier clients read it.
pub struct Plain(ApiError);

impl From<ApiError> for Plain {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Plain {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = match error.status().0 {
            // They know one status for whatever does not go.
            StatusCode::NOT_FOUND => StatusCode::BAD_REQUEST,
            StatusCode::CONFLICT if !matches!(error, ApiError::KeyConflict(_)) => StatusCode::BAD_REQUEST,
            status => status,
        };
        let text = match error.at() {
            Some(field) => format!("{field}: {error}. {}\n", error.fix()),
            None => format!("{error}. {}\n", error.fix()),
        };
        let retry = error.retry_after().map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
        (status, retry, text).into_response()
    }
}
