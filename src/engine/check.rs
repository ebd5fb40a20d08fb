//! What was found of one thing that a host needs, and how to mend it: a line of `management doctor` or `worker doctor`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The thing.
    pub check: Cow<'static, str>,
    /// Whether it will do.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// How to mend it; absent where nothing needs mending.
    pub mend: Option<String>,
}

/// Whether something will do. A later one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It will.
    Ok,
    /// The system can do without, or may not need it.
    Warn,
    /// The system cannot do without.
    Fail,
}

impl Check {
    /// It will do.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, found: found.into(), mend: None }
    }

    /// It may not matter.
    pub fn warn(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Warn, found: found.into(), mend: Some(mend.into()) }
    }

    /// It has to be mended.
    pub fn fail(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Fail, found: found.into(), mend: Some(mend.into()) }
    }
}
