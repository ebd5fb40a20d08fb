//! Why did a job wait? Answers from the files of a run: what became of each of its task instances, and for every wait the
//! typed reasons that held. Reads; decides nothing.

mod assemble;
mod find;
mod history;
#[cfg(test)]
mod tests;
mod text;

use std::path::{Path, PathBuf};

use model::{Bytes, CpuSet, JobId, NodeId, Seconds, WaitReason};
use serde::{Serialize, Serializer};

use super::files::OutputError;

/// What is known of one job of a run. Times are seconds of the run's clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// The job, as in `j17`.
    #[serde(serialize_with = "as_text")]
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Where it stood at the end.
    pub state: String,
    /// Why it could never run, where it could not.
    pub rejected: Option<String>,
    /// When it was submitted.
    pub submitted_s: Seconds,
    /// When its first task first ran.
    pub started_s: Option<Seconds>,
    /// When it ended.
    pub ended_s: Option<Seconds>,
    /// Its task instances, in the order of the document.
    pub tasks: Vec<WhyTask>,
}

/// What is known of one task instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhyTask {
    /// The task's name.
    pub task: String,
    /// Which of its instances, from 0.
    pub index: u32,
    /// Where it stood at the end.
    pub state: String,
    /// Every wait for a place, in time order.
    pub waits: Vec<Wait>,
    /// Every place that it was given, in time order.
    pub attempts: Vec<Attempt>,
}

/// One wait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    /// When it began.
    pub from_s: Seconds,
    /// When it ended; absent where the run ended first.
    pub until_s: Option<Seconds>,
    /// The reasons that held, in time order, without gaps.
    pub reasons: Vec<Reason>,
}

/// A reason and how long it held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// Since when, within the wait.
    pub from_s: Seconds,
    /// Until when, within the wait; absent where the run ended first.
    pub until_s: Option<Seconds>,
    /// What was short, on which node, behind whom.
    #[serde(flatten)]
    pub reason: WaitReason,
    /// The same as a phrase.
    pub text: String,
}

/// A place that an instance was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// Which attempt, from 1.
    pub attempt: u16,
    /// Which placement, from 1; a move makes a new one of the same attempt.
    pub placement: u16,
    /// Where, as in `n3`.
    #[serde(serialize_with = "as_text")]
    pub node: NodeId,
    /// Which cores.
    pub cpuset: CpuSet,
    /// How much memory.
    pub memory_bytes: Bytes,
    /// When the ledger began to hold them.
    pub reserved_s: Seconds,
    /// When it ran.
    pub started_s: Option<Seconds>,
    /// When it ended there.
    pub ended_s: Option<Seconds>,
    /// What the instance became then: its state, or `moved`.
    pub outcome: Option<String>,
    /// Why it ended.
    pub cause: Option<String>,
    /// Its exit code, where it exited.
    pub exit_code: Option<i64>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// A file of the run cannot be read.
    #[error(transparent)]
    Files(#[from] OutputError),
    /// The folder holds no run.
    #[error("{} holds no run: `{file}` is missing", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        file: &'static str,
    },
    /// No job is called so.
    #[error("no job `{asked}` in this run{}", nearest.as_ref().map(|name| format!("; the nearest name is `{name}`")).unwrap_or_default())]
    UnknownJob {
        /// What was asked for.
        asked: String,
        /// The most similar name, where there is one.
        nearest: Option<String>,
    },
    /// Several jobs are called so.
    #[error("{count} jobs are named `{asked}`: ask by id, as in {}", first.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// How many there are.
        count: usize,
        /// The first few of them.
        first: Vec<JobId>,
    },
}

impl WhyError {
    /// The stable code of the error; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Files(error) => error.code(),
            Self::NoRun { .. } => "why-no-run",
            Self::UnknownJob { .. } => "why-unknown-job",
            Self::Ambiguous { .. } => "why-ambiguous",
        }
    }
}

/// Answers for a job, named by its name or by its id, as in `j17`.
///
/// # Errors
/// Where the folder holds no run or no such job, or a file cannot be read.
pub fn why(folder: &Path, job: &str) -> Result<Why, WhyError> {
    let found = find::job(folder, job)?;
    let history = history::read(folder, found.job)?;
    Ok(assemble::answer(found, &history))
}

fn as_text<S: Serializer>(value: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}
