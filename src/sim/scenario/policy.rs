//! Policies of a scenario: the first, and those that it is switched to.

use model::Seconds;
use model::document::PolicyDocument;
use schemars::JsonSchema;
use serde::Deserialize;

/// A policy from a time on.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchDocument {
    /// From when on.
    pub at_s: Seconds,
    /// The policy.
    pub policy: PolicyDocument,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::input::Source;

    fn policy(text: &str) -> Result<String, String> {
        Source::new("p.json", text).parse::<PolicyDocument>().map(|policy| policy.resolve().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_or_choices_that_override_it() {
        assert_eq!(policy(r#""l2""#).unwrap(), "l2");
        assert_eq!(policy("{}").unwrap(), "best-fit");
        assert_eq!(policy(r#"{"name": "priority", "admission": "easy", "preempt": true}"#).unwrap(), "priority+best-fit+easy+preempt");
    }

    #[test]
    fn an_unknown_word_gets_the_nearest() {
        assert!(policy(r#""bestfit""#).unwrap_err().ends_with("did you mean `best-fit`?"));
        let error = policy(r#"{"admission": "eazy"}"#).unwrap_err();
        assert!(error.starts_with("p.json:1:15: admission: unknown variant `eazy`") && error.ends_with("did you mean `easy`?"), "{error}");
        assert!(policy(r#"{"admision": "easy"}"#).unwrap_err().ends_with("did you mean `admission`?"));
    }
}
