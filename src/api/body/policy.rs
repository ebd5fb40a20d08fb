//! The policies in force.

use model::{Admission, CoreChoice, Fit, Policy, QueueOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policies {
    /// Where tasks go.
    pub placement: PolicyBody,
}

/// A placement policy with all of its choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyBody {
    /// Its name, or its choices in one word.
    #[schema(example = "best-fit")]
    pub name: String,
    /// Who is tried first in a round.
    #[schema(value_type = String)]
    pub order: QueueOrder,
    /// Which fitting node is taken.
    #[schema(value_type = String)]
    pub fit: Fit,
    /// What happens behind a task that does not fit.
    #[schema(value_type = String)]
    pub admission: Admission,
    /// Which cores of the node are taken.
    #[schema(value_type = String)]
    pub cores: CoreChoice,
    /// Whether a waiting task may evict tasks of lower priority.
    pub preempt: bool,
    /// Whether an attempt that runs longer than its estimate is killed.
    pub kill_overrun: bool,
}

impl From<Policy> for PolicyBody {
    fn from(policy: Policy) -> Self {
        let Policy { order, fit, admission, cores, preempt, kill_overrun } = policy;
        Self { name: policy.to_string(), order, fit, admission, cores, preempt, kill_overrun }
    }
}
