//! The REST interface: native routes, the earlier routes, streams, the page, Swagger UI. It asks machines and their read model, never a store.
//!
//! `routes` and `earlier` are the handlers, `body` what they take and give; `guard` is passed by every request, and `access` says who
//! may do what; `error` is the one place where refusals get their codes; `document` makes the OpenAPI document of each port.

mod access;
mod bearer;
pub mod body;
mod cursor;
mod desk;
mod document;
mod earlier;
mod error;
mod extract;
mod guard;
mod intake;
mod metrics;
mod options;
mod page;
mod render;
mod rerun;
mod routes;
mod serve;
#[cfg(test)]
mod tests;
mod tls;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::runtime::Door;
use desk::{Desk, Fittings};

pub use document::{Port, document};
pub use metrics::NAMES as METRICS;
pub use options::{ApiOptions, StartError};
pub use rerun::rerun_router;
pub use serve::serve;
pub use tls::Tls;

/// The FrontEnd's port: the native routes, its earlier routes, the page, and Swagger UI.
pub fn front_end_router(door: Door, options: ApiOptions) -> Router {
    let pages = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    router(Port::FrontEnd, page::page(page::Scene::Live).merge(pages), door, options)
}

/// The GlobalManager's port: its earlier routes.
pub fn global_manager_router(door: Door, options: ApiOptions) -> Router {
    router(Port::GlobalManager, Router::new(), door, options)
}

fn router(port: Port, pages: Router<Desk>, door: Door, options: ApiOptions) -> Router {
    let text = serde_json::to_vec(&document(port)).expect("a document is written to memory");
    let desk = Fittings::new(door, options, text.into());
    let (routes, _) = port.routes().split_for_parts();
    let guarded = routes.merge(pages).fallback(guard::unknown_route).layer(from_fn_with_state(Desk::clone(&desk), guard::guard));
    guarded.with_state(desk)
}
