//! Tokens. A secret is shown once, in the answer to the request that made it.

use model::{Name, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, words};

/// A token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What its bearer may do.
    #[schema(schema_with = words::role)]
    pub role: Role,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub note: String,
    /// How long it holds; absent: 30 days, or an hour for `join` and `actor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub expires_in_s: Option<u64>,
}

/// A worker that shall join.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorker {
    /// What the token is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub note: String,
    /// How long it holds; absent: an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub expires_in_s: Option<u64>,
}

/// A token that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Name,
    /// The whole token, shown this once.
    pub token: String,
    /// What its bearer may do.
    #[schema(schema_with = words::role)]
    pub role: Role,
    /// When it ends.
    pub expires_at: Time,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenBody {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Name,
    /// What it is for.
    pub note: String,
    /// What its bearer may do.
    #[schema(schema_with = words::role)]
    pub role: Role,
    /// When it was made.
    pub made_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// The tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// Each that was made and not revoked.
    pub tokens: Vec<TokenBody>,
}
