//! The page over finished runs: no system is there, so nothing is asked of one and nothing can be changed.

use std::io::Write as _;

use axum::body::Bytes;
use axum::extract::{Path, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::error::ApiError;
use super::guard;
use super::page::{Scene, page};
use crate::report::rerun::Rerun;

/// The page, what the runs are called with their figures, and the frames of each.
pub fn rerun_router(runs: Vec<Rerun>) -> Router {
    let list = Value::Array(runs.iter().map(|run| json!({ "title": run.title, "summary": run.summary })).collect());
    let frames: Vec<Bytes> = runs.into_iter().map(|run| compressed(&run.frames)).collect();
    let cells = move |Path(run): Path<usize>| async move {
        let head = [(CONTENT_TYPE, "application/octet-stream"), (CONTENT_ENCODING, "gzip")];
        frames.get(run).cloned().map(|frames| (head, frames)).ok_or(ApiError::UnknownRoute)
    };
    page(Scene::Rerun)
        .route("/v1/runs", get(move || async move { Json(list) }))
        .route("/v1/runs/{run}/cells", get(cells))
        .layer(from_fn(ours))
}

fn compressed(frames: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(frames).and_then(|()| gzip.finish()).expect("memory takes what is written").into()
}

/// A page of another site may not read the runs by a name of its own for this host.
async fn ours(request: Request, next: Next) -> Response {
    match guard::host_of(&request).is_some_and(|host| guard::is_of_loopback(guard::name_of(host))) {
        true => next.run(request).await,
        false => ApiError::Host.into_response(),
    }
}
