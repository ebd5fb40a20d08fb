//! Saved states of a cluster (docs/formats/state.md): its nodes, its running tasks with their expected ends, and its queue.
//! Read to start a simulation from, written from a simulation by a snapshot.

mod document;
mod resolve;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use model::{JobSpec, Millis, NodeId, NodeSpec, Operation, Progress};

use super::config::{Arrival, Deed};
use super::input::{InputError, Source};

pub use document::StateDocument;

/// A cluster at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// When.
    pub time: Millis,
    /// The nodes by id.
    pub nodes: Vec<SavedNode>,
    /// The jobs that have not ended, in the order of their numbers.
    pub jobs: Vec<SavedJob>,
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

impl State {
    /// Reads a file.
    ///
    /// # Errors
    /// Names file, line, column and field: also where instances share cores, do not fit their node, or run where none is.
    pub fn read(file: &Path) -> Result<Self, InputError> {
        Self::parse(&Source::read(file)?)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`State::read`].
    pub fn parse(source: &Source) -> Result<Self, InputError> {
        source.parse::<StateDocument>()?.resolve().map_err(|(path, fault)| source.fault_at(&path, fault))
    }

    /// Writes it. What is written reads back as the same state.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        document::write(&StateDocument::from(self), out)
    }

    /// The jobs, arriving at the time of the state.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        let arrival =
            |job: &SavedJob| Arrival { at: self.time, submitted: job.submitted, spec: job.spec.clone(), progress: job.progress.clone() };
        self.jobs.iter().map(arrival).collect()
    }

    /// What must happen at the time of the state for its nodes to stand as they did.
    #[must_use]
    pub fn deeds(&self) -> Vec<(Millis, Deed)> {
        let mut deeds = Vec::new();
        for (id, node) in self.nodes.iter().enumerate() {
            if node.down {
                deeds.push((self.time, Deed::Fail(NodeId(id as u32))));
            }
            if node.cordoned {
                deeds.push((self.time, Deed::Operate(Operation::Cordon { node: node.spec.name.clone(), cordoned: true })));
            }
        }
        deeds
    }
}

#[cfg(test)]
mod tests;
