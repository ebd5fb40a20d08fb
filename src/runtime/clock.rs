//! The live clock: milliseconds since the Unix epoch by the monotonic clock, so that it never goes backwards while the process lives.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Millis;
use tokio::time::Instant;

/// A clock; under tokio's paused time it stands with it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    base: Millis,
}

impl Clock {
    /// The system's clock, but not before `least`, the latest stamp of an earlier run.
    #[must_use]
    pub fn system(least: Millis) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Self::starting_at(Millis(wall).max(least))
    }

    /// A clock that shows `base` now.
    #[must_use]
    pub fn starting_at(base: Millis) -> Self {
        Self { began: Instant::now(), base }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Millis {
        Millis(self.base.0 + self.began.elapsed().as_millis() as u64)
    }

    /// When the clock will show `at`.
    #[must_use]
    pub fn instant(&self, at: Millis) -> Instant {
        self.began + std::time::Duration::from_millis(at.since(self.base).0)
    }
}
