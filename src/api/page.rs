//! The page: the files that `cargo xtask web build` makes of `web/`, embedded. A user needs no Node to build them in.
//!
//! The document is asked for anew each time; what it names has its hash in the path, so that browsers keep it for good.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::error::ApiError;

/// Nothing from another host, nothing inline, no text that becomes a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const DOCUMENT: &str = include_str!("../../web/dist/index.html");
/// What the document names: file, type, content.
const ASSETS: [(&str, &str, &str); 3] = [
    ("page.js", "text/javascript; charset=utf-8", include_str!("../../web/dist/page.js")),
    ("page.css", "text/css; charset=utf-8", include_str!("../../web/dist/page.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../web/dist/icon.svg")),
];

/// What the page is of.
#[derive(Clone, Copy, Debug)]
pub enum Scene {
    /// A live system.
    Live,
    /// Runs that are over.
    Rerun,
}

/// The page and what it names.
pub fn page<S: Clone + Send + Sync + 'static>(scene: Scene) -> Router<S> {
    let hash = hash();
    let document = DOCUMENT.replace("assets/", &format!("assets/{hash}/"));
    let document = match scene {
        Scene::Live => document,
        Scene::Rerun => document.replace("content=\"live\"", "content=\"rerun\""),
    };
    let shown = move || async move {
        let head = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (head, document)
    };
    let asset =
        move |Path((of, name)): Path<(String, String)>| async move { if of == hash { asset(&name) } else { Err(ApiError::UnknownRoute) } };
    Router::new().route("/", get(shown)).route("/assets/{hash}/{file}", get(asset))
}

/// Of all that the document names.
fn hash() -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, _, content) in ASSETS {
        hasher.update(name.as_bytes()).update(content.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn asset(name: &str) -> Result<Response, ApiError> {
    let (_, kind, content) = ASSETS.into_iter().find(|(known, ..)| *known == name).ok_or(ApiError::UnknownRoute)?;
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")], content).into_response())
}
