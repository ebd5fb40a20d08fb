//! Being told to end: the manager first empties the node; what it does not empty in time is stopped here; what does not stop in time is
//! left to its guards.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::Ending;

/// What is to be done about it next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Ask the manager.
    Leave,
    /// Ask the tasks themselves.
    StopHere,
    /// End now.
    End(Ending),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Runs,
    Leaving { stop_here: Instant, end: Instant },
    StoppingHere { end: Instant },
}

/// The signals that tell a worker to end, and how far that is.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
    patience: Duration,
    stage: Stage,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen(patience: Duration) -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, patience, stage: Stage::Runs })
    }

    /// Waits for the next step.
    pub async fn wished(&mut self) -> Wish {
        let next = match self.stage {
            Stage::Runs => None,
            Stage::Leaving { stop_here, .. } => Some(stop_here),
            Stage::StoppingHere { end } => Some(end),
        };
        let late = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        let told = tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            () = late => false,
        };
        match (self.stage, told) {
            (Stage::Runs, _) => {
                tracing::info!(patience_s = self.patience.as_secs(), "told to end");
                let now = Instant::now();
                self.stage = Stage::Leaving { stop_here: now + self.patience * 2 / 3, end: now + self.patience };
                Wish::Leave
            }
            (_, true) => Wish::End(Ending::AtOnce),
            (Stage::Leaving { end, .. }, false) => {
                tracing::warn!("the manager has not emptied this node: the tasks are asked to stop here");
                self.stage = Stage::StoppingHere { end };
                Wish::StopHere
            }
            (Stage::StoppingHere { .. }, false) => Wish::End(Ending::LeftTasks),
        }
    }

    /// The manager cannot be asked.
    pub fn stop_here(&mut self) {
        tracing::info!("the manager cannot be asked: the tasks are stopped here");
        self.stage = Stage::StoppingHere { end: Instant::now() + self.patience };
    }

    /// Whether the tasks were asked to stop here.
    #[must_use]
    pub fn is_stopping_here(&self) -> bool {
        matches!(self.stage, Stage::StoppingHere { .. })
    }
}
