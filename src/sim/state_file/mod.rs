//! Saved states (docs/formats/state.md), read to start a simulation from and written from one by a snapshot.

mod resolve;

use std::path::Path;

use model::document::{SavedJob, SavedState, StateDocument};
use model::{Millis, NodeId, Operation};

use super::config::{Arrival, Deed};
use super::input::{InputError, Source};

/// Reads a file.
///
/// # Errors
/// Names file, line, column and field: also where instances share cores, do not fit their node, or run where none is.
pub fn read(file: &Path) -> Result<SavedState, InputError> {
    parse(&Source::read(file)?)
}

/// Reads a text.
///
/// # Errors
/// As [`read`].
pub fn parse(source: &Source) -> Result<SavedState, InputError> {
    resolve::resolve(source.parse::<StateDocument>()?).map_err(|(path, fault)| source.fault_at(&path, fault))
}

/// The jobs of a state, arriving at its time.
#[must_use]
pub fn arrivals(state: &SavedState) -> Vec<Arrival> {
    let arrival =
        |job: &SavedJob| Arrival { at: state.time, submitted: job.submitted, spec: job.spec.clone(), progress: job.progress.clone() };
    state.jobs.iter().map(arrival).collect()
}

/// What must happen at the time of a state for its nodes to stand as they did.
#[must_use]
pub fn deeds(state: &SavedState) -> Vec<(Millis, Deed)> {
    let mut deeds = Vec::new();
    for (id, node) in state.nodes.iter().enumerate() {
        if node.down {
            deeds.push((state.time, Deed::Fail(NodeId(id as u32))));
        }
        if node.cordoned {
            deeds.push((state.time, Deed::Operate(Operation::Cordon { node: node.spec.name.clone(), cordoned: true })));
        }
    }
    deeds
}

#[cfg(test)]
mod tests;
