//! Saved states of a cluster: its nodes, its running tasks with their expected ends, and its queue.

mod file;

use std::io::{self, Write};
use std::sync::Arc;

use super::NativeJob;
use crate::{JobSpec, Millis, NodeSpec, Progress};

pub use file::{InstanceDocument, InstanceState, NodesDocument, SavedJobDocument, StateDocument};

/// A cluster at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedState {
    /// When.
    pub time: Millis,
    /// The nodes by id.
    pub nodes: Vec<SavedNode>,
    /// The jobs that have not ended, in the order of their numbers.
    pub jobs: Vec<SavedJob>,
}

impl SavedState {
    /// Writes it. What is written reads back as the same state.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        StateDocument::from(self).write(out)
    }
}

/// A node of a saved state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedNode {
    /// What it offers.
    pub spec: Arc<NodeSpec>,
    /// It is down; nothing runs on it.
    pub down: bool,
    /// It gets no new tasks.
    pub cordoned: bool,
}

/// A job of a saved state.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedJob {
    /// The job.
    pub spec: JobSpec,
    /// When it was submitted.
    pub submitted: Millis,
    /// One for each of its instances, in their order.
    pub progress: Vec<Progress>,
}
