//! How far this guard is with what it fetches: a file that the worker reads when somebody asks.

use std::cell::Cell;
use std::time::{Duration, Instant};

use engine::question::{Fetch, Fetched};
use model::Bytes;

use super::note;
use crate::run::RunFolder;

/// Between two looks that are written.
const LOOK: Duration = Duration::from_millis(200);

/// Writes how far it is, now and then.
pub struct Meter<'a> {
    folder: &'a RunFolder,
    written: Cell<Option<(Instant, Fetch)>>,
}

impl<'a> Meter<'a> {
    /// Of a run.
    pub fn of(folder: &'a RunFolder) -> Self {
        Self { folder, written: Cell::new(None) }
    }

    /// So much of it is here; of nothing yet there is nothing to show.
    pub fn shows(&self, what: Fetched, bytes: Bytes, total: Bytes) {
        let fetch = Fetch { what, bytes, total };
        let is_news = match self.written.get() {
            _ if total == Bytes(0) => false,
            None => true,
            Some((_, last)) if last == fetch => false,
            // Where both come, the task stands still for the checkpoint.
            Some((_, last)) if last.what != what => what == Fetched::Checkpoint,
            Some((at, _)) => at.elapsed() >= LOOK || bytes >= total,
        };
        if !is_news {
            return;
        }
        self.written.set(Some((Instant::now(), fetch)));
        if let Err(error) = self.folder.put_fetching(fetch) {
            note(&format!("nobody sees how far it is: {error}"));
        }
    }
}
