//! What happened on a host: a row of the table.

use model::Name;
use serde::Serialize;

use super::LaunchError;
use crate::config::WorkerHost;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The worker was started, and has joined.
    Started,
    /// The worker ran already, and has joined.
    Runs,
    /// The worker was told to end, and has.
    Stopped,
    /// No worker runs.
    NotRunning,
    /// It did not come about.
    Failed,
}

impl Outcome {
    /// As the table says it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Runs => "runs",
            Self::Stopped => "stopped",
            Self::NotRunning => "not running",
            Self::Failed => "FAILED",
        }
    }
}

/// What became of the program on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Upload {
    /// It is the same.
    Same,
    /// There was none, and it was uploaded.
    Uploaded,
    /// There was another, and it was replaced.
    Replaced,
    /// There is another.
    Differs,
}

impl Upload {
    /// As the table says it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Uploaded => "uploaded",
            Self::Replaced => "another, replaced",
            Self::Differs => "another",
        }
    }
}

/// What happened on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Host and port.
    pub host: String,
    /// The worker.
    pub worker: Name,
    /// What came of it.
    pub outcome: Outcome,
    /// What became of its program.
    pub program: Option<Upload>,
    /// Its process on the host.
    pub pid: Option<u32>,
    /// Why it did not come about, or what else is to be known.
    pub why: Option<String>,
    /// The code of the error; it names a page in docs/errors.
    pub code: Option<&'static str>,
    /// What to do about it.
    pub fix: Option<String>,
    /// It failed, and may not fail again.
    #[serde(skip)]
    pub may_pass: bool,
}

impl Row {
    /// A row of something that went well.
    pub fn good(host: &WorkerHost, outcome: Outcome) -> Self {
        let (place, worker) = (host.shown(), host.name.clone());
        Self { host: place, worker, outcome, program: None, pid: None, why: None, code: None, fix: None, may_pass: false }
    }

    /// A row of something that did not.
    pub fn failed(host: &WorkerHost, error: &LaunchError) -> Self {
        Self {
            why: Some(error.to_string()),
            code: Some(error.code()),
            fix: Some(error.fix()),
            may_pass: error.may_pass(),
            ..Self::good(host, Outcome::Failed)
        }
    }
}
