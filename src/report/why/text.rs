//! The answer as lines for a reader.

use std::fmt;

use model::{Millis, Seconds};

use super::{Attempt, Wait, Why, WhyTask};

/// The most task instances shown; the JSON form has all.
const MOST_TASKS: usize = 50;
/// The most reasons of one wait shown.
const MOST_REASONS: usize = 20;

/// A time or span in seconds, to the millisecond, without needless zeros.
struct Short(Millis);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs())
    }
}

fn span(from: Seconds, until: Seconds) -> Short {
    Short(until.0.since(from.0))
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}, submitted at {}", self.job, self.name, self.state, Short(self.submitted_s.0))?;
        if let Some(started) = self.started_s {
            write!(f, ", started {} later", span(self.submitted_s, started))?;
        }
        if let Some(ended) = self.ended_s {
            write!(f, ", ended at {}", Short(ended.0))?;
        }
        if let Some(cause) = &self.rejected {
            write!(f, "; rejected ({cause}): no node of the cluster could ever hold it")?;
        }
        writeln!(f)?;
        for task in self.tasks.iter().take(MOST_TASKS) {
            task.lines(f, &format!("{} ({}) task {}[{}]", self.job, self.name, task.task, task.index))?;
        }
        match self.tasks.len().saturating_sub(MOST_TASKS) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more task instances; the JSON form has all"),
        }
    }
}

impl WhyTask {
    fn lines(&self, f: &mut fmt::Formatter<'_>, subject: &str) -> fmt::Result {
        let mut quiet = true;
        for wait in self.waits.iter().filter(|wait| wait.until_s != Some(wait.from_s)) {
            quiet = false;
            wait.lines(f, subject)?;
        }
        if quiet {
            let never = if self.attempts.is_empty() { "never waited for a place" } else { "did not wait" };
            writeln!(f, "{subject}: {never}; {}", self.state)?;
        }
        self.attempts.iter().try_for_each(|attempt| attempt.line(f))
    }
}

impl Wait {
    fn lines(&self, f: &mut fmt::Formatter<'_>, subject: &str) -> fmt::Result {
        match self.until_s {
            Some(until) => write!(f, "{subject}: waited {}", span(self.from_s, until))?,
            None => write!(f, "{subject}: has waited since {}", Short(self.from_s.0))?,
        }
        let single = self.reasons.len() == 1;
        for reason in self.reasons.iter().take(MOST_REASONS) {
            let separator = if single { ": " } else { "\n    " };
            write!(f, "{separator}{} (from {}", reason.text, Short(reason.from_s.0))?;
            match reason.until_s {
                Some(until) => write!(f, " to {})", Short(until.0))?,
                None => f.write_str(" to the end of the run)")?,
            }
        }
        match self.reasons.len().saturating_sub(MOST_REASONS) {
            0 => writeln!(f),
            more => writeln!(f, "\n    and {more} more reasons"),
        }
    }
}

impl Attempt {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    attempt {} on {}, cores {}, {}", self.attempt, self.node, self.cpuset, self.memory_bytes)?;
        match self.started_s {
            Some(started) => write!(f, ": ran from {}", Short(started.0))?,
            None => write!(f, ": reserved at {}, never ran", Short(self.reserved_s.0))?,
        }
        if let Some(ended) = self.ended_s {
            write!(f, " to {}", Short(ended.0))?;
        }
        if let Some(outcome) = &self.outcome {
            write!(f, ", then {outcome}")?;
        }
        match (&self.cause, self.exit_code) {
            (Some(_), Some(code)) => writeln!(f, " (exit code {code})"),
            (Some(cause), None) => writeln!(f, " ({cause})"),
            (None, _) => writeln!(f),
        }
    }
}
