//! Everything between bytes and a stream of arrivals: the one error, documents, slices, and where jobs come from.
//! What the bytes of a format mean lives in `trace`, `scenario` and `state_file`.

mod error;
mod json;
mod merge;
mod slice;
mod text;

use std::sync::Arc;

use model::Millis;

use super::config::Arrival;
use super::trace::Trace;
use crate::stress::{Load, Process};

pub use error::{Fault, InputError, Place, nearest};
pub use json::Source;
pub use slice::Slice;
pub use text::{LONGEST_LINE, LineGuard, open_file, open_lines, read_document, read_failed};

/// Jobs in the order of their arrival.
///
/// A caller stops at the first error.
pub trait JobSource: Iterator<Item = Result<Arrival, InputError>> {
    /// Input rows so far that gave no job.
    fn skipped(&self) -> u64 {
        0
    }

    /// What a reader of the results should know of how rows so far became jobs, one sentence each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A source of any kind.
pub type Jobs = Box<dyn JobSource + Send>;

/// Where jobs come from: a cheap description that can be opened many times, for each seed.
#[derive(Clone, Debug, Default)]
pub struct JobInput {
    parts: Vec<Part>,
    /// Which part of all of them together is used.
    pub slice: Slice,
    /// Jobs of a saved state; they come first, unsliced.
    saved: Arc<[Arrival]>,
    /// The zero of the other parts: the time of the saved state.
    start: Millis,
}

#[derive(Clone, Debug)]
enum Part {
    Jobs(Arc<Rows>),
    Trace(Trace),
    /// With its number among the loads, so that what other parts there are changes nothing in it.
    Load(Arc<Load>, u64),
}

/// Parsed rows.
#[derive(Debug, Default)]
struct Rows {
    jobs: Vec<Arrival>,
    skipped: u64,
    notes: Vec<String>,
}

impl JobInput {
    /// Jobs that are known one by one, in any order; those of one time keep theirs.
    #[must_use]
    pub fn from_jobs(jobs: Vec<Arrival>) -> Self {
        Self::default().and_jobs(jobs)
    }

    /// The jobs of a trace.
    #[must_use]
    pub fn from_trace(trace: Trace) -> Self {
        Self::default().and_trace(trace)
    }

    /// The same and jobs that are known one by one.
    #[must_use]
    pub fn and_jobs(mut self, mut jobs: Vec<Arrival>) -> Self {
        jobs.sort_by_key(|arrival| arrival.at);
        self.parts.push(Part::Jobs(Arc::new(Rows { jobs, ..Rows::default() })));
        self
    }

    /// The same and the jobs of a trace.
    #[must_use]
    pub fn and_trace(mut self, trace: Trace) -> Self {
        self.parts.push(Part::Trace(trace));
        self
    }

    /// The same and the jobs of an arrival process.
    #[must_use]
    pub fn and_load(mut self, load: Load) -> Self {
        let number = self.parts.iter().filter(|part| matches!(part, Part::Load(..))).count() as u64;
        self.parts.push(Part::Load(Arc::new(load), number));
        self
    }

    /// The same with the jobs of a trace in place of all but those of a saved state.
    #[must_use]
    pub fn only_trace(mut self, trace: Trace) -> Self {
        self.parts = vec![Part::Trace(trace)];
        self
    }

    /// The same, begun at a saved state: its jobs come first, and the times of all others count from it.
    #[must_use]
    pub fn after(mut self, saved: Vec<Arrival>, start: Millis) -> Self {
        (self.saved, self.start) = (saved.into(), start);
        self
    }

    /// Whether there is nothing that jobs could come from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.saved.is_empty()
    }

    /// Whether the seed decides when jobs arrive, or which.
    #[must_use]
    pub fn draws_arrivals(&self) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Load(load, _) => load.mix.len() > 1 || matches!(load.process, Process::Bursty { .. } | Process::Random { .. }),
            Part::Jobs(_) | Part::Trace(_) => false,
        })
    }

    /// The same with its traces read and kept, so that opening it again does not parse again.
    ///
    /// # Errors
    /// All that is wrong with the traces shows here.
    pub fn cached(mut self) -> Result<Self, InputError> {
        for part in &mut self.parts {
            if let Part::Trace(trace) = part {
                let mut source = trace.open()?;
                let jobs = source.by_ref().collect::<Result<_, _>>()?;
                *part = Part::Jobs(Arc::new(Rows { jobs, skipped: source.skipped(), notes: source.notes() }));
            }
        }
        Ok(self)
    }

    /// Starts a stream of the jobs. The same seed gives the same jobs.
    ///
    /// # Errors
    /// When a trace cannot be read; later ones come from the stream.
    pub fn open(&self, seed: u64) -> Result<Jobs, InputError> {
        let opened = |part: &Part| -> Result<Jobs, InputError> {
            Ok(match part {
                Part::Jobs(rows) => Box::new(merge::Kept::new(Arc::clone(rows))),
                Part::Trace(trace) => trace.open()?,
                Part::Load(load, number) => Box::new(merge::Generated::new(Arc::clone(load), seed, *number)),
            })
        };
        let parts = self.parts.iter().map(opened).collect::<Result<_, _>>()?;
        let jobs = self.slice.of(merge::merged(parts));
        Ok(if self.saved.is_empty() && self.start == Millis::ZERO {
            jobs
        } else {
            merge::resumed(Arc::clone(&self.saved), self.start, jobs)
        })
    }
}

/// Rows that a reader has in memory, in any order, as a source that gives them away.
pub(super) fn sorted(mut jobs: Vec<Arrival>, notes: Vec<String>) -> Jobs {
    jobs.sort_by_key(|arrival| arrival.at);
    Box::new(merge::Sorted::new(jobs, notes))
}
