//! What looks on while a run goes on: the journal, the recorder, and the event log. They change nothing.

use model::{Event, JobId, JobSpec, Millis, Numbered, Plan, ToJobManager};

use crate::journal::Journal;
use crate::report::files::EventLog;
use crate::report::recorder::Recorder;

/// Everything that looks on.
pub struct Observer {
    /// Hashes the run, and writes it where asked to.
    pub journal: Journal,
    /// Measures it.
    pub recorder: Recorder,
    /// Keeps its events for `why`.
    pub event_log: Option<EventLog>,
    /// How often a round tried tasks and found no place for them.
    pub refusals: u64,
}

impl Observer {
    /// A job was admitted.
    pub fn admitted(&mut self, now: Millis, job: JobId, spec: &JobSpec, submitted: Millis) {
        self.recorder.admitted(now, job, spec, submitted);
    }

    /// The JobManager takes an input.
    pub fn input(&mut self, now: Millis, input: &ToJobManager) {
        self.journal.input(now, input);
    }

    /// The JobManager's round.
    pub fn round(&mut self, now: Millis) {
        self.journal.round(now);
    }

    /// The JobManager's plan reaches the GlobalManager.
    pub fn plan(&mut self, plan: &Plan) {
        self.journal.plan(plan);
    }

    /// A public event.
    pub fn event(&mut self, numbered: &Numbered) {
        self.journal.event(numbered);
        self.recorder.event(numbered.time, &numbered.event);
        self.refusals += u64::from(matches!(numbered.event, Event::Shaped { .. }));
        if let Some(log) = &mut self.event_log {
            log.event(numbered.time, &numbered.event);
        }
    }
}
