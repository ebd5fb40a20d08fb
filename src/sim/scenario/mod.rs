//! Scenario files: their form, and their resolution into what a simulation is told. The form is documented in
//! docs/formats/scenario.md and published as docs/schema/scenario.schema.json.

mod document;
mod faults;
mod load;
mod moves;
mod nodes;
mod policy;
mod timing;

use std::path::Path;

use model::{Millis, Operation};

use super::config::{Config, Deed};
use super::input::{Fault, InputError, JobInput, Source};
use super::state_file;
use faults::MigrateDocument;
use model::document::SavedState;

pub use document::{Document, EndDocument};
pub use faults::RandomDocument;
pub use load::{LoadDocument, SliceDocument, TraceDocument};
pub use nodes::{ClassDocument, Cluster};

/// A scenario, resolved.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything but the jobs and the moves; its seed is that of the file.
    base: Config,
    /// Where the jobs come from.
    pub input: JobInput,
    /// This long from the start is left out of the statistics.
    pub warmup: Millis,
    moves: Vec<MigrateDocument>,
    source: Source,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// Names file, line, column and field.
    pub fn read(file: &Path) -> Result<Self, InputError> {
        let (document, source) = Document::read(file)?;
        document.resolve(&source, None)
    }

    /// The configuration with the file's own seed, without the moves of tasks.
    #[must_use]
    pub fn base(&self) -> &Config {
        &self.base
    }

    /// The same scenario with a trace in place of its load, as the command line may ask for. The file is relative to where the
    /// program runs; the slice, and a saved state's jobs, stay.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceDocument) -> Self {
        self.input = self.input.only_trace(trace.resolve(nodes::largest(&self.base.nodes), Path::new("")));
        self
    }

    /// The configuration for a seed: moves name their tasks by the jobs that this seed brings. The script is in time order.
    ///
    /// # Errors
    /// When a move names what is not there, or the jobs cannot be read.
    pub fn config(&self, seed: u64) -> Result<Config, InputError> {
        let mut config = Config { seed, ..self.base.clone() };
        config.script.extend(moves::resolve(&self.moves, &self.input, seed, config.start, &self.source)?);
        config.script.sort_by_key(|(at, _)| *at);
        Ok(config)
    }
}

impl Document {
    /// The scenario: every default filled in, every name checked. `source` is the text that the document came from (where it came
    /// from none, an empty one): it gives errors their lines. With a saved state, its nodes stand in for the document's, its jobs
    /// come first, and all times of the document count from it.
    ///
    /// # Errors
    /// Names file, line, column and field.
    pub fn resolve(self, source: &Source, state: Option<&SavedState>) -> Result<Scenario, InputError> {
        let at = |(path, fault): (String, Fault)| source.fault_at(&path, fault);
        let cluster = match state {
            Some(state) => {
                Cluster::of(state.nodes.iter().map(|node| node.spec.clone()).collect()).map_err(|fault| at(("nodes".into(), fault)))?
            }
            None => Cluster::expand(&self.nodes).map_err(at)?,
        };
        let start = state.map_or(Millis::ZERO, |state| state.time);
        let timing = self.timing.resolve().map_err(|(field, fault)| source.fault_at(field, fault))?;
        let mut script = self.faults.script(&cluster).map_err(at)?;
        for (index, wanted) in self.faults.migrate.iter().enumerate() {
            if let Some(to) = &wanted.to {
                cluster.id(to).map_err(|fault| source.fault_at(&format!("faults.migrate[{index}].to"), fault))?;
            }
        }
        script.extend(self.switches.iter().map(|switch| (switch.at_s.0, Deed::Operate(Operation::SetPolicy(switch.policy.resolve())))));
        for (when, _) in &mut script {
            *when = when.plus(start);
        }
        script.extend(state.into_iter().flat_map(state_file::deeds));
        script.sort_by_key(|(when, _)| *when);
        let failures = self.faults.random_failures().map_err(at)?;
        check_span(&self).map_err(|(field, fault)| source.fault_at(field, fault))?;
        let slice = self.slice.resolve().map_err(at)?;
        let folder = source.file().parent().unwrap_or(Path::new(""));
        let mut input = self.load.resolve(&cluster, folder).map_err(at)?;
        input.slice = slice;
        if let Some(state) = state {
            input = input.after(state_file::arrivals(state), start);
        }
        let base = Config {
            nodes: cluster.nodes,
            policy: self.policy.resolve(),
            seed: self.seed,
            timing,
            script,
            failures,
            estimate_error: self.estimate_error,
            start,
            until: self.end.at_s.map(|end| start.plus(end.0)),
        };
        Ok(Scenario { base, input, warmup: self.warmup_s.0, moves: self.faults.migrate, source: source.clone() })
    }
}

/// Checks of the fields that say how long a simulation is watched, and with what estimates.
fn check_span(document: &Document) -> Result<(), (&'static str, Fault)> {
    if let Some(error) = document.estimate_error
        && !(0.0..=10.0).contains(&error)
    {
        return Err(("estimate_error", Fault::Value(format!("it is {error}: from 0 (exact) to 10"))));
    }
    match document.end.at_s {
        Some(end) if end.0 == Millis::ZERO => Err(("end.at_s", Fault::Value("it is 0: nothing would happen".into()))),
        Some(end) if document.warmup_s >= end => {
            let cause = format!("the warm-up lasts {}, and the simulation ends at {}", document.warmup_s.0, end.0);
            Err(("warmup_s", Fault::Contradiction(cause)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
