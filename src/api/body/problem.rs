//! What every refused request is answered with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem (RFC 9457), as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The page about the code.
    #[serde(rename = "type")]
    #[schema(example = "docs/errors/api-field.md")]
    pub kind: String,
    /// What kind of problem it is, for people.
    pub title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// The stable code.
    #[schema(example = "api-field")]
    pub code: String,
    /// The cause.
    pub detail: String,
    /// What to do about it.
    pub fix: String,
    /// The field, parameter or header at fault, as a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "tasks.train.resources.memory")]
    pub field: Option<String>,
    /// The request, as the logs call it.
    pub request_id: String,
}
