//! The states of jobs and tasks. Terminal states absorb; a retry is a new attempt.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task instance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for other tasks.
    #[default]
    Blocked,
    /// May be placed; waits for resources.
    Ready,
    /// Reservation held, start not confirmed.
    Scheduled,
    /// Start confirmed.
    Running,
    /// Checkpointed on one node, not yet confirmed on the other.
    Migrating,
    /// Stop sent, grace period running.
    Stopping,
    /// Outcome unknown: its node vanished.
    Lost,
    /// Ended with exit code 0.
    Succeeded,
    /// Ended badly with no attempt left.
    Failed,
    /// Ended on request.
    Stopped,
    /// Never ran: a task that it waited for, or a mate, did not succeed.
    Skipped,
}

/// Where a job stands; derived from its tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Recorded, not yet validated against the cluster.
    #[default]
    Accepted,
    /// No task scheduled yet.
    Queued,
    /// Some task scheduled, none running or ended yet.
    Deploying,
    /// Some task active after the first start.
    Running,
    /// Stop requested, some task not terminal.
    Stopping,
    /// All tasks succeeded.
    Succeeded,
    /// All tasks terminal, some failed.
    Failed,
    /// All tasks terminal, none failed, some stopped.
    Stopped,
}

impl TaskState {
    /// Whether it never changes again, but for a user's retry.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped | Self::Skipped)
    }

    /// Whether it holds a reservation on a node.
    #[must_use]
    pub fn holds_cores(self) -> bool {
        matches!(self, Self::Scheduled | Self::Running | Self::Migrating | Self::Stopping)
    }

    /// The word for it in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Migrating => "migrating",
            Self::Stopping => "stopping",
            Self::Lost => "lost",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Skipped => "skipped",
        }
    }

    /// Whether the state machine allows the change (formats/unified/state_machines.json, without suspension).
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use TaskState::{Blocked, Failed, Lost, Migrating, Ready, Running, Scheduled, Skipped, Stopped, Stopping, Succeeded};
        matches!(
            (self, next),
            (Blocked, Ready | Skipped | Stopped)
                | (Ready, Scheduled | Stopped | Failed | Skipped)
                | (Scheduled, Running | Ready | Failed | Lost | Stopping)
                | (Running, Succeeded | Failed | Ready | Stopping | Migrating | Lost)
                | (Migrating, Running | Lost | Stopping | Succeeded | Failed | Ready)
                | (Stopping, Stopped | Succeeded | Ready | Lost | Failed)
                | (Lost, Ready | Failed | Running | Stopping | Stopped)
                | (Stopped | Failed | Skipped, Blocked)
        )
    }
}

impl JobState {
    /// Whether it never changes again, but for a user's retry.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }

    /// The word for it in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Deploying => "deploying",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
