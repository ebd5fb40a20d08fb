//! What every request passes: its host, its origin, its token and its time are checked, it is counted, and a refusal gets its body.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access::{self, Operation};
use super::bearer;
use super::desk::{Desk, Fittings};
use super::error::ApiError;

/// How long a request may take until its answer begins.
const LIMIT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The middleware round every route.
pub async fn guard(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = desk.request_id();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let operation = path.as_ref().and_then(|path| access::operation(&method, path.as_str()));
    let answered = match path {
        // No handler is reached but through its row in the table.
        Some(path) if operation.is_none() => Err(ApiError::Method(access::methods(path.as_str()))),
        _ => pass(&desk, operation, request, next).await,
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        explain(&mut response, &error, id.clone());
    }
    let route = operation.map_or("other", |operation| operation.path);
    desk.metrics.answered(route, &method, response.status(), begun.elapsed());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn pass(desk: &Fittings, operation: Option<&Operation>, request: Request, next: Next) -> Result<Response, ApiError> {
    let host = host_of(&request).ok_or(ApiError::Host)?;
    if !is_ours(desk, name_of(host)) {
        return Err(ApiError::Host);
    }
    if let Some(operation) = operation {
        if operation.changes && is_foreign(request.headers(), host) {
            return Err(ApiError::Origin);
        }
        bearer::authorise(desk, request.headers(), operation.access)?;
        if operation.changes && desk.door.status().is_stopping() {
            return Err(ApiError::Stopping);
        }
    }
    let _place = desk.requests.try_acquire().map_err(|_| ApiError::Busy("requests"))?;
    tokio::time::timeout(LIMIT, next.run(request)).await.map_err(|_| ApiError::Timeout)
}

/// Writes the problem into the answer that has its status.
fn explain(response: &mut Response, error: &ApiError, id: String) {
    let (status, title) = error.status();
    if status.is_server_error() {
        tracing::warn!(request = id, code = error.code(), %error, "{title}");
    } else {
        tracing::debug!(request = id, code = error.code(), %error, "{title}");
    }
    let body = serde_json::to_vec(&error.problem(id)).expect("a problem has no keys but text");
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.remove(axum::http::header::CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, PROBLEM);
    if let Some(seconds) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match error {
        ApiError::Unauthorized(_) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        ApiError::Method(allowed) => {
            headers.extend(HeaderValue::from_str(allowed).ok().map(|allowed| (ALLOW, allowed)));
        }
        _ => {}
    }
}

/// The host that the request is for, with its port.
pub(super) fn host_of(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    // Two of them would let each reader believe another.
    let host = hosts.next()?;
    hosts.next().is_none().then(|| host.to_str().ok())?
}

/// The host without its port.
pub(super) fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

/// A page of another site can point its own name at this host (DNS rebinding), but not an address, nor a name of ours.
fn is_ours(desk: &Fittings, name: &str) -> bool {
    is_of_loopback(name)
        || name.parse::<IpAddr>().is_ok()
        || desk.options.allowed_hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// A name or an address of this host that means it wherever it is said.
pub(super) fn is_of_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a browser says that a page of another site sent it.
fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    if headers.get(FETCH_SITE).is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none")) {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host))
}

/// The answer where no route has the path.
pub async fn unknown_route() -> ApiError {
    ApiError::UnknownRoute
}
