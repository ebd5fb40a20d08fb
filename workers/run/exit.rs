//! How a run ended, as its folder says it for good.

use engine::What;
use model::{Bytes, Cause, Image, Millis};
use serde::{Deserialize, Serialize};

/// What ended a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The program ended by itself.
    Exited,
    /// Somebody asked for the stop.
    Stopped,
    /// The lease ran out, and nobody had renewed it.
    Lease,
    /// The program could not be started.
    LaunchFailed {
        /// The reason, for people.
        cause: String,
    },
    /// The engine ended it, or did not begin it, for a reason that it knows.
    Failed {
        /// The reason, as the task's record has it.
        cause: Cause,
        /// The engine's words, for people.
        words: String,
    },
    /// It was checkpointed: its image lies in the run's folder.
    Checkpointed {
        /// The size of the image.
        size: Bytes,
        /// How long the attempt has run.
        elapsed: Millis,
    },
    /// The guard was killed before it wrote anything. Where the run had begun nobody knows how it ended.
    GuardLost,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// What ended it.
    pub why: Why,
    /// The exit code of the main process.
    pub code: Option<i32>,
    /// The signal that ended the main process.
    pub signal: Option<i32>,
    /// Whether the kernel killed something of the task because it used more memory than it has. Known only in a cgroup.
    pub out_of_memory: bool,
    /// Whether the user's program may have run at all. Where it is false, it surely has not.
    pub begun: bool,
    /// When the program began to run, since the epoch.
    pub started: Option<Millis>,
    /// When it was over, since the epoch.
    pub ended: Millis,
    /// Bytes of output that could not be written, as on a full disk.
    pub output_lost: u64,
}

impl ExitRecord {
    /// A record of a run whose program has certainly not run.
    #[must_use]
    pub fn never_begun(why: Why, now: Millis) -> Self {
        Self { why, code: None, signal: None, out_of_memory: false, begun: false, started: None, ended: now, output_lost: 0 }
    }

    /// What the agent is told. A death by a signal has the exit code 128 + signal, as a shell would say it.
    ///
    /// `stop_asked`: whether the driver was told to stop the run. Then nothing but a success of its own may stand in the way of
    /// "stopped".
    #[must_use]
    pub fn what(&self, stop_asked: bool) -> What {
        let code = self.code.or(self.signal.map(|signal| 128 + signal));
        match (&self.why, code) {
            (Why::Exited, Some(0)) => What::Exited(0),
            (&Why::Checkpointed { size, elapsed }, _) => What::Checkpointed(Box::new(Image { size, elapsed, remaining: None })),
            (Why::Stopped, _) => What::Stopped,
            _ if stop_asked => What::Stopped,
            (Why::Failed { cause, .. }, _) => What::Failed(*cause),
            (Why::Exited, Some(_)) if self.out_of_memory => What::Failed(Cause::OutOfMemory),
            _ if !self.begun => What::Refused,
            (Why::LaunchFailed { .. }, _) => What::Refused,
            (Why::Exited, Some(code)) => What::Exited(code),
            (Why::Lease | Why::GuardLost | Why::Exited, _) => What::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(why: Why, code: Option<i32>, signal: Option<i32>) -> ExitRecord {
        ExitRecord { begun: true, code, signal, ..ExitRecord::never_begun(why, Millis(5)) }
    }

    #[test]
    fn a_stop_hides_every_end_but_a_success() {
        assert_eq!(record(Why::Exited, Some(0), None).what(true), What::Exited(0));
        assert_eq!(record(Why::Exited, Some(3), None).what(true), What::Stopped);
        assert_eq!(record(Why::Stopped, Some(0), None).what(true), What::Stopped);
        assert_eq!(record(Why::GuardLost, None, None).what(true), What::Stopped);
    }

    #[test]
    fn what_nobody_knows_is_lost_and_what_never_began_is_refused() {
        assert_eq!(record(Why::Exited, None, Some(9)).what(false), What::Exited(137));
        assert_eq!(record(Why::GuardLost, None, None).what(false), What::Lost);
        assert_eq!(record(Why::Lease, None, Some(9)).what(false), What::Lost);
        assert_eq!(ExitRecord::never_begun(Why::GuardLost, Millis(5)).what(false), What::Refused);
        assert_eq!(record(Why::LaunchFailed { cause: "no such program".into() }, None, None).what(false), What::Refused);
    }
}
