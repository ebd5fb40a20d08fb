//! Tokens. What reaches a machine, and so a store, is the hash of the secret.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use link::token::{ApiToken, TokenHash};
use model::{Millis, Name, Request, Role, Token};
use secrecy::ExposeSecret;

use super::node_actions::invite;
use crate::api::body::{MadeToken, NewToken, Time, TokenBody, TokenList};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::{ApiError, name};
use crate::api::extract::{JsonOf, PathOf};

/// How long a token for joining holds, where nothing is said.
pub(super) const HOUR: u64 = 3600;
/// How long another holds.
const MONTH: u64 = 30 * 24 * HOUR;
/// The longest that one may hold: ten years.
const LONGEST: u64 = 3650 * 24 * HOUR;
/// The longest note, in characters, as the document says.
const LONGEST_NOTE: usize = 200;

/// List the tokens, without their secrets
#[utoipa::path(get, path = "/v1/tokens", operation_id = "list_tokens", tag = "system",
    responses((status = 200, description = "The tokens", body = TokenList)))]
pub async fn list_tokens(State(desk): State<Desk>) -> Json<TokenList> {
    let body = |(id, token): (Name, Token)| TokenBody {
        id,
        note: token.note,
        role: token.role,
        made_at: Time(token.made),
        expires_at: Time(token.expires),
    };
    Json(TokenList { tokens: desk.door.tokens().into_iter().map(body).collect() })
}

/// Make a token, shown this once
#[utoipa::path(post, path = "/v1/tokens", operation_id = "make_token", tag = "system", request_body = NewToken,
    responses((status = 201, description = "The token", body = MadeToken)))]
pub async fn make_token(
    State(desk): State<Desk>,
    JsonOf(NewToken { role, note, expires_in_s }): JsonOf<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    if role.joins() {
        return Ok((StatusCode::CREATED, Json(invite(&desk, role, note, expires_in_s).await?)));
    }
    let token = ApiToken::new();
    let id = token.id.parse::<Name>().map_err(|error| ApiError::Store(error.to_string()))?;
    let expires = keep(&desk, id.clone(), note, role, token.hash(), expires_in_s, MONTH).await?;
    let token = token.reveal().expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(MadeToken { id, token, role, expires_at: Time(expires) })))
}

/// Revoke a token
#[utoipa::path(delete, path = "/v1/tokens/{id}", operation_id = "revoke_token", tag = "system",
    params(("id" = String, Path, description = "The token's id")), responses((status = 204, description = "It has no power any more")))]
pub async fn revoke_token(State(desk): State<Desk>, PathOf(id): PathOf<String>) -> Result<StatusCode, ApiError> {
    desk.ask(Request::RevokeToken(name(&id, ApiError::UnknownToken)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a token that was made; says when it ends.
pub(super) async fn keep(
    desk: &Fittings,
    id: Name,
    note: String,
    role: Role,
    hash: TokenHash,
    holds: Option<u64>,
    otherwise: u64,
) -> Result<Millis, ApiError> {
    let seconds = holds.unwrap_or(otherwise);
    if !(1..=LONGEST).contains(&seconds) {
        return Err(ApiError::field("expires_in_s", format!("it is {seconds}: from 1 to {LONGEST}")));
    }
    let length = note.chars().count();
    if length > LONGEST_NOTE {
        return Err(ApiError::field("note", format!("it has {length} characters: at most {LONGEST_NOTE}")));
    }
    let made = desk.door.now();
    let expires = made.plus(Millis(seconds * 1000));
    // What lets a machine in is spent when it has; a bearer's token is shown again and again.
    let once = role.joins();
    desk.ask(Request::AddToken(Box::new(Token { id, note, role, hash: hash.into(), made, expires, once }))).await?;
    Ok(expires)
}
