//! The document of a job that is submitted many times under changing names: written once, so that a submission only joins three pieces.

use std::sync::Arc;

use model::document::{BadDocument, native_job};
use model::{JobSpec, Name};
use serde_json::Value;

/// Stands for the name while the document is written. Letters that no name may have keep it apart from everything else in there.
const MARK: &str = "%name%";

/// A native job document with a gap for the name.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    head: Arc<[u8]>,
    tail: Arc<[u8]>,
    /// The job, named as its copies begin.
    job: JobSpec,
}

impl Template {
    /// A template from a native document. Its copies are called as the document, then `session`, then a number; they have the label
    /// `stress` with the session, by which they are found again.
    ///
    /// # Errors
    /// When the document is no job, or its name leaves no room for a number.
    pub fn new(text: &str, session: &str) -> Result<Self, BadDocument> {
        let name = native_job(text)?.name;
        let stem = format!("{name}-{session}");
        let longest: Result<Name, _> = format!("{stem}-{}", u64::MAX).parse();
        if let Err(error) = longest {
            return Err(BadDocument { field: "name".into(), cause: format!("with `{session}` and a number behind it, {error}") });
        }
        let mut document: Value = serde_json::from_str(text).expect("a job document is JSON");
        document["name"] = stem.into();
        document["labels"]["stress"] = session.into();
        let job = native_job(&document.to_string())?;
        document["name"] = MARK.into();
        let written = document.to_string();
        // The value of `name`, not what else might say the same: a name cannot, a command can.
        let gap = format!("\"name\":\"{MARK}\"");
        let depth = |at: usize| written[..at].matches('{').count();
        let at = written.match_indices(&gap).map(|(at, _)| at).min_by_key(|at| depth(*at)).expect("the name was just set");
        let (head, tail) = (&written[..at + gap.len() - MARK.len() - 1], &written[at + gap.len() - 1..]);
        Ok(Self { head: head.as_bytes().into(), tail: tail.as_bytes().into(), job })
    }

    /// The job of which the copies are made.
    #[must_use]
    pub fn job(&self) -> &JobSpec {
        &self.job
    }

    /// The document of one copy.
    #[must_use]
    pub fn body(&self, name: &Name) -> Vec<u8> {
        [&self.head, name.as_str().as_bytes(), &self.tail].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_the_job_under_another_name() {
        let text = r#"{"tasks": {"t": {"kind": "container", "command": ["echo", "\"name\":\"%name%\""], "resources": {"cores": 1}}},
            "labels": {"team": "x"}, "name": "probe"}"#;
        let template = Template::new(text, "s1").unwrap();
        assert_eq!(template.job().name.as_str(), "probe-s1");
        let copy = native_job(std::str::from_utf8(&template.body(&"probe-s1-7".parse().unwrap())).unwrap()).unwrap();
        assert_eq!((copy.name.as_str(), &copy.body), ("probe-s1-7", &template.job().body));
        assert_eq!(serde_json::to_value(&copy.body.labels).unwrap(), serde_json::json!({"stress": "s1", "team": "x"}));
        let container = copy.body.tasks[0].container.as_ref().unwrap();
        assert_eq!(container.command, ["echo", "\"name\":\"%name%\""]);
    }

    #[test]
    fn what_is_no_job_or_has_too_long_a_name_is_refused() {
        assert!(Template::new("{}", "s").is_err());
        let named = |name: &str| format!(r#"{{"name": "{name}", "tasks": {{"t": {{"kind": "container", "resources": {{"cores": 1}}}}}}}}"#);
        assert_eq!(Template::new(&named(&"x".repeat(120)), "s").unwrap_err().field, "name");
        assert!(Template::new(&named(&"x".repeat(80)), "s").is_ok());
    }
}
