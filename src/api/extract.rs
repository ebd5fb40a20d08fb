//! Reading paths, queries and bodies, so that what is wrong is named.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// The largest body.
pub const MOST_BODY: usize = 1 << 20;
/// So much more of a larger body is read and dropped, so that its sender hears the answer.
const MOST_DROPPED: usize = 16 << 20;

/// The parts of a path.
pub struct PathOf<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // A path that is no text names nothing that exists.
        Path::from_request_parts(parts, state).await.map(|Path(path)| Self(path)).map_err(|_| ApiError::UnknownRoute)
    }
}

/// A query.
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            match text.split_once(": ") {
                Some((field, cause)) if !field.contains(' ') => ApiError::field(field, cause),
                _ => ApiError::field("query", text),
            }
        })?;
        Ok(Self(query.0))
    }
}

/// A JSON body.
pub struct JsonOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonOf<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let text = Text::read(request).await?;
        parse(&text.0).map(Self)
    }
}

/// A body that is JSON, as text.
pub struct Text(pub Bytes);

impl Text {
    async fn read(request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        expect_json(&parts.headers)?;
        bytes(body).await.map(Self)
    }

    /// The text.
    ///
    /// # Errors
    /// When it is no UTF-8.
    pub fn as_str(&self) -> Result<&str, ApiError> {
        std::str::from_utf8(&self.0).map_err(|error| ApiError::field(".", format!("the body is no UTF-8 text: {error}")))
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        Self::read(request).await
    }
}

/// Reads a value from JSON.
///
/// # Errors
/// Names the field at fault.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, ApiError> {
    model::document::read_json(text).map_err(|error| {
        let path = error.path().to_string();
        // A document that ends too early has no place at which it went wrong.
        ApiError::field(if path == "?" { ".".to_owned() } else { path }, error.inner())
    })
}

fn expect_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Err(ApiError::ContentType("of no named type".into())) };
    let kind = kind.to_str().unwrap_or("not readable");
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5
            && essence.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("application/"))
            && essence.ends_with("+json"));
    if is_json { Ok(()) } else { Err(ApiError::ContentType(super::error::shown(kind))) }
}

async fn bytes(body: Body) -> Result<Bytes, ApiError> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    let mut size = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| ApiError::field(".", "the body ended before its length"))?;
        size += piece.len();
        if size <= MOST_BODY {
            whole.extend_from_slice(&piece);
        } else if size > MOST_DROPPED {
            break;
        }
    }
    if size > MOST_BODY { Err(ApiError::TooLarge { most: MOST_BODY }) } else { Ok(whole.into()) }
}
