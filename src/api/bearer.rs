//! Who asks: bearer tokens `wh_<id>_<secret>`. Only the secret's hash is known here, and compared in constant time.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use link::token::{ApiToken, TokenHash};
use model::Role;

use super::access::Access;
use super::desk::Fittings;
use super::error::ApiError;

/// Whether who asks may have this access.
pub(super) fn authorise(desk: &Fittings, headers: &HeaderMap, access: Access) -> Result<(), ApiError> {
    let Access::Role(needed) = access else { return Ok(()) };
    let has = role(desk, headers)?;
    if has.includes(needed) { Ok(()) } else { Err(ApiError::Forbidden { has: has.word(), needs: needed.word() }) }
}

/// What who asks may do.
pub(super) fn role(desk: &Fittings, headers: &HeaderMap) -> Result<Role, ApiError> {
    match headers.get(AUTHORIZATION) {
        // Whoever shows a token is held to it, even where none is asked for.
        Some(header) => role_of(desk, header.as_bytes()),
        None if desk.options.tokens_required => Err(ApiError::Unauthorized("no token was sent")),
        None => Ok(Role::Admin),
    }
}

fn role_of(desk: &Fittings, header: &[u8]) -> Result<Role, ApiError> {
    // One answer for every fault of a token: it must not say which ids exist.
    const NOT_KNOWN: ApiError = ApiError::Unauthorized("the token is not known, has ended, or was revoked");
    let text = std::str::from_utf8(header).map_err(|_| NOT_KNOWN)?;
    let Some((scheme, token)) = text.split_once(' ') else { return Err(ApiError::Unauthorized("the header is no bearer token")) };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::Unauthorized("the header is no bearer token"));
    }
    let shown: ApiToken = token.parse().map_err(|_| NOT_KNOWN)?;
    let known = desk.door.token(&shown.id).ok_or(NOT_KNOWN)?;
    if shown.hash() != TokenHash::from(known.hash) || known.expires <= desk.door.now() {
        return Err(NOT_KNOWN);
    }
    Ok(known.role)
}
