//! Labels on nodes and jobs, and the constraints that tasks put on them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Labels: key to value, ordered by key.
pub type Labels = BTreeMap<String, String>;

/// How a constraint compares a node's label with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// The label is there and its value is one of the values.
    In,
    /// The label is absent or its value is none of the values.
    NotIn,
    /// The label is there, whatever its value.
    Exists,
    /// The label is absent.
    NotExists,
}

/// A condition on a node's labels. All constraints of a task must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The label's key.
    pub label: String,
    /// The comparison.
    pub op: Operator,
    /// The values to compare with; empty for `exists` and `not_exists`.
    #[serde(default)]
    pub values: Vec<String>,
}

/// A wish about a node's labels: among fitting nodes, those with the largest sum of weights are taken first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preference {
    /// The label's key.
    pub label: String,
    /// The comparison.
    pub op: Operator,
    /// The values to compare with.
    #[serde(default)]
    pub values: Vec<String>,
    /// How much the wish counts, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: u8,
}

impl Preference {
    /// What a wish may count.
    pub const WEIGHTS: std::ops::RangeInclusive<u8> = 1..=100;
}

/// Whether a label set meets a comparison.
#[must_use]
pub fn label_matches(labels: &Labels, label: &str, op: Operator, values: &[String]) -> bool {
    let value = labels.get(label);
    match op {
        Operator::In => value.is_some_and(|value| values.contains(value)),
        Operator::NotIn => value.is_none_or(|value| !values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::NotExists => value.is_none(),
    }
}

impl Constraint {
    /// Whether a node with these labels may take the task.
    #[must_use]
    pub fn allows(&self, labels: &Labels) -> bool {
        label_matches(labels, &self.label, self.op, &self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_mean_what_they_say() {
        let labels = Labels::from([("zone".into(), "north".into())]);
        let holds = |op, label: &str, values: &[&str]| {
            Constraint { label: label.into(), op, values: values.iter().map(ToString::to_string).collect() }.allows(&labels)
        };
        assert!(holds(Operator::In, "zone", &["south", "north"]) && !holds(Operator::In, "rack", &["north"]));
        assert!(holds(Operator::NotIn, "zone", &["south"]) && holds(Operator::NotIn, "rack", &["north"]));
        assert!(holds(Operator::Exists, "zone", &[]) && holds(Operator::NotExists, "rack", &[]));
    }
}
