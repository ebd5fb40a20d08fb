//! A what-if: the present state run forward under two policies.

use model::document::PolicyDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIfQuestion {
    /// The policy that is tried: a name, or an object of choices, as scenarios write it.
    #[schema(value_type = serde_json::Value)]
    pub policy: PolicyDocument,
    /// The state to begin with (docs/formats/state.md); absent: the present one.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub state: Option<Box<serde_json::value::RawValue>>,
}

/// What the two policies would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhatIf {
    /// BLAKE3 of the state that both began with.
    pub state_hash: String,
    /// Under the policy in force.
    pub present: Forecast,
    /// Under the policy that was asked for.
    pub proposed: Forecast,
}

/// What one policy would do, until every job that is there has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// The policy.
    #[schema(example = "best-fit")]
    pub policy: String,
    /// The run took too long and was cut off: its figures are those of a part.
    pub partial: bool,
    /// Of the run's journal: equal hashes, equal runs.
    pub journal_hash: String,
    /// Jobs that end well.
    pub completed: u64,
    /// Jobs that end otherwise.
    pub failed: u64,
    /// Mean time from a job's submission to its first running task, seconds.
    pub wait_mean_s: f64,
    /// The time within which 95 of 100 jobs run, seconds.
    pub wait_p95_s: f64,
    /// Until the last job has ended, seconds from the first submission.
    pub makespan_s: f64,
    /// Mean reserved share of the cores, 0 to 1.
    pub utilisation: f64,
}
