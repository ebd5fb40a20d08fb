//! Policies as documents write them: a name, or a name and choices that override it.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use crate::{Admission, CoreChoice, Fit, Policy, PolicyName, QueueOrder};

/// A policy: a name, or an object of choices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyDocument(PolicyChoices);

/// Choices; each that is given overrides what the name says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyChoices {
    /// What the others override (default `best-fit`).
    pub name: Option<PolicyName>,
    /// Who is tried first in a round.
    pub order: Option<QueueOrder>,
    /// Which fitting node is taken.
    pub fit: Option<Fit>,
    /// What happens behind a task that does not fit.
    pub admission: Option<Admission>,
    /// Which cores of the node are taken.
    pub cores: Option<CoreChoice>,
    /// Whether a waiting task may evict tasks of lower priority.
    pub preempt: bool,
    /// Whether an attempt that runs longer than its estimate is killed.
    pub kill_overrun: bool,
}

impl PolicyChoices {
    /// The whole policy.
    #[must_use]
    pub fn resolve(self) -> Policy {
        let base = Policy::from(self.name.unwrap_or(PolicyName::BestFit));
        Policy {
            order: self.order.unwrap_or(base.order),
            fit: self.fit.unwrap_or(base.fit),
            admission: self.admission.unwrap_or(base.admission),
            cores: self.cores.unwrap_or(base.cores),
            preempt: self.preempt,
            kill_overrun: self.kill_overrun,
        }
    }
}

impl PolicyDocument {
    /// The choices as they were written.
    #[must_use]
    pub fn choices(self) -> PolicyChoices {
        self.0
    }

    /// The whole policy.
    #[must_use]
    pub fn resolve(self) -> Policy {
        self.0.resolve()
    }
}

impl From<PolicyChoices> for PolicyDocument {
    fn from(choices: PolicyChoices) -> Self {
        Self(choices)
    }
}

impl<'de> Deserialize<'de> for PolicyDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrChoices;
        impl<'de> Visitor<'de> for NameOrChoices {
            type Value = PolicyDocument;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a policy, or an object of choices")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<PolicyDocument, E> {
                let name = text.parse::<PolicyName>().map_err(|error| {
                    // As serde words it, so that the nearest is found as for other words.
                    let known: Vec<String> = error.known.iter().map(|word| format!("`{word}`")).collect();
                    E::custom(format!("unknown policy `{}`, expected one of {}", error.text, known.join(", ")))
                })?;
                Ok(PolicyDocument(PolicyChoices { name: Some(name), ..PolicyChoices::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PolicyDocument, A::Error> {
                PolicyChoices::deserialize(MapAccessDeserializer::new(map)).map(PolicyDocument)
            }
        }
        deserializer.deserialize_any(NameOrChoices)
    }
}

impl JsonSchema for PolicyDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Policy".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The name of a policy, or an object of choices",
            "anyOf": [generator.subschema_for::<PolicyName>(), generator.subschema_for::<PolicyChoices>()]
        })
    }
}
