//! The clock that sessions are told: milliseconds since it was made, never backwards.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).expect("no process runs for so long")
    }

    /// Waits until that millisecond; for ever if there is none.
    pub(crate) async fn until(self, ms: Option<u64>) {
        match ms {
            Some(ms) => tokio::time::sleep_until(self.0 + Duration::from_millis(ms)).await,
            None => std::future::pending().await,
        }
    }
}
