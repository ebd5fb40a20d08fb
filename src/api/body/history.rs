//! The figures over time, as `GET /v1/history` shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// How it was, in the order of its times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// How it stood: every five seconds in which something happened, and now.
    pub samples: Vec<HistorySample>,
    /// What happened meanwhile to the policy and the nodes: the latest of it.
    pub marks: Vec<HistoryMark>,
}

/// How it stood at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistorySample {
    /// When.
    pub time: Time,
    /// Cores that tasks could have.
    pub cores: u64,
    /// Those of them that were held.
    pub held_cores: u64,
    /// Task instances that waited for a place.
    pub waiting_tasks: u64,
    /// Placements until then, since the first start.
    pub placed: u64,
    /// Seconds from submission to start of the tasks that began within the minute before: the median. Absent where none began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_median_s: Option<f64>,
    /// The same, the 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_p95_s: Option<f64>,
}

/// Something that is marked in charts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryMark {
    /// When.
    pub time: Time,
    /// What it is about.
    pub kind: MarkKind,
    /// The policy in force since then, or the node and how it stands since then.
    #[schema(example = "alpha unreachable")]
    pub text: String,
}

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// The policy was switched.
    Policy,
    /// A node changed its state, was cordoned or uncordoned, or is suspected or no longer.
    Node,
}
