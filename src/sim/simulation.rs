//! One run from its first arrival to its end: the loop that merges what comes from outside with what the machines cause.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use model::{Bytes, Millis};

use super::config::{Arrival, Config};
use super::heap::Class;
use super::input::{InputError, Jobs};
use super::observer::Observer;
use super::world::World;
use crate::journal::Journal;
use crate::report::files::EventLog;
use crate::report::recorder::{GanttOptions, Recorder, RecorderOptions, RunEnd};
use crate::report::recording::Recording;

/// How often an interrupt is looked for and progress is shown, in deliveries.
const LOOK_UP: u64 = 4096;

/// What a run is asked for beside its configuration.
#[derive(Default)]
pub struct RunOptions<'a> {
    /// Jobs submitted earlier are left out of the statistics.
    pub warmup: Millis,
    /// What the Gantt shows.
    pub gantt: GanttOptions,
    /// Where the journal's lines go.
    pub journal: Option<Box<dyn Write + Send>>,
    /// Where the events go.
    pub event_log: Option<EventLog>,
    /// Ends the run with a partial result when it becomes true.
    pub interrupted: Option<&'a AtomicBool>,
    /// Told how far the run is.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    /// Looks at the world after every step.
    pub inspect: Option<&'a mut dyn FnMut(&World)>,
    /// Looks at the world as the run leaves it.
    pub at_end: Option<&'a mut dyn FnMut(&World)>,
    /// Ends the run, with a partial result, as soon as a round tried a task and found no place for it; becomes true then.
    pub refused: Option<&'a mut bool>,
    /// Gets what a reader of the results should know of how input rows became jobs, one sentence each.
    pub notes: Option<&'a mut Vec<String>>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Virtual time.
    pub now: Millis,
    /// Jobs that have arrived.
    pub arrived: u64,
    /// Messages, timers and deeds that were delivered.
    pub delivered: u64,
}

/// Why a run came to no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The input is at fault.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The journal could not be written.
    #[error("the journal cannot be written: {0}")]
    Journal(#[source] std::io::Error),
    /// An output could not be written.
    #[error(transparent)]
    Output(#[from] crate::report::files::OutputError),
}

impl RunError {
    /// The stable code of the error; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input(error) => error.code(),
            Self::Journal(_) => "run-journal",
            Self::Output(error) => error.code(),
        }
    }
}

/// Runs a simulation.
///
/// # Errors
/// When the input turns out to be wrong, or the journal or the event log cannot be written.
pub fn run(config: &Config, jobs: Jobs, options: RunOptions) -> Result<Recording, RunError> {
    let began = Instant::now();
    let RunOptions { warmup, gantt, journal, event_log, interrupted, progress, mut inspect, at_end, mut refused, notes } = options;
    let mut journal = Journal::new(journal);
    journal.start(config.policy, config.timing.round, config.seed);
    let recorder = Recorder::new(RecorderOptions { nodes: &config.nodes, warmup, start: config.start, gantt });
    let mut world = World::new(config, Observer { journal, recorder, event_log, refusals: 0 });
    let mut jobs = Feed::new(jobs)?;
    let mut partial = false;
    let mut looked = 0;
    while let Some(next) = step_of(&world, &jobs, config.until) {
        match next {
            Next::Arrival => world.arrive(jobs.take()?),
            Next::Inside => world.advance(),
        }
        if let Some(inspect) = &mut inspect {
            inspect(&world);
        }
        if let Some(refused) = &mut refused
            && world.observer().refusals > 0
        {
            (**refused, partial) = (true, true);
            break;
        }
        if world.delivered() >= looked + LOOK_UP {
            looked = world.delivered();
            if let Some(progress) = progress {
                progress(Progress { now: world.now(), arrived: jobs.taken, delivered: looked });
            }
            partial = interrupted.is_some_and(|interrupted| interrupted.load(Ordering::Relaxed));
            if partial {
                break;
            }
        }
    }
    let time = if partial { world.now() } else { config.until.map_or(world.now(), |until| until.max(world.now())) };
    let delivered = world.delivered();
    if let Some(at_end) = at_end {
        at_end(&world);
    }
    if let Some(notes) = notes {
        notes.extend(jobs.source.notes());
    }
    let Observer { journal, recorder, event_log, .. } = world.finish();
    event_log.map(EventLog::finish).transpose()?;
    let journal_hash = journal.finish().map_err(RunError::Journal)?;
    Ok(recorder.finish(RunEnd {
        time,
        policy: config.policy.to_string(),
        seed: config.seed,
        delivered,
        journal_hash,
        wall_s: began.elapsed().as_secs_f64(),
        peak_rss: peak_rss(),
        partial,
        skipped: jobs.source.skipped(),
    }))
}

enum Next {
    Arrival,
    Inside,
}

/// What comes next: an arrival, or something inside; nothing, when the run is over.
fn step_of(world: &World, jobs: &Feed, until: Option<Millis>) -> Option<Next> {
    let inside = world.next();
    let arrival = jobs.next.as_ref().map(|arrival| (arrival.at.max(world.now()), Class::Arrival));
    if arrival.is_none() && !world.has_work() {
        return None;
    }
    let (next, at) = match (arrival, inside) {
        (Some(arrival), Some(inside)) if arrival < inside => (Next::Arrival, arrival.0),
        (Some(arrival), None) => (Next::Arrival, arrival.0),
        (_, Some(inside)) => (Next::Inside, inside.0),
        (None, None) => return None,
    };
    until.is_none_or(|until| at < until).then_some(next)
}

/// The jobs, one ahead.
struct Feed {
    source: Jobs,
    next: Option<Arrival>,
    taken: u64,
}

impl Feed {
    fn new(mut source: Jobs) -> Result<Self, InputError> {
        let next = source.next().transpose()?;
        Ok(Self { source, next, taken: 0 })
    }

    fn take(&mut self) -> Result<Arrival, InputError> {
        let following = self.source.next().transpose()?;
        self.taken += 1;
        Ok(std::mem::replace(&mut self.next, following).expect("the caller saw it"))
    }
}

/// Peak resident memory of this process; 0 where the system does not say.
fn peak_rss() -> Bytes {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|amount| amount.trim().parse().ok()).unwrap_or(Bytes::ZERO)
}
