//! events.parquet: every public event of a run as a row, written while the run goes on.
//!
//! The caller's thread only copies the event; a thread of the log encodes and writes. Memory is bounded by a few
//! batches and one row group. The file depends on the events alone.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use model::{Event, Millis};

use super::OutputError;
use super::event_row::{FIELDS, push};
use super::sheet::{Sheet, SheetWriter};

/// Events handed over at once.
const BATCH: usize = 1 << 12;
/// Rows of a row group, a multiple of [`BATCH`].
const GROUP: usize = 1 << 15;
/// Batches that may wait for the writing thread.
const QUEUE: usize = 2;

type Batch = Vec<(Millis, Event)>;

/// The sink. Dropped without [`Self::finish`] it leaves an unreadable file.
#[derive(Debug)]
pub struct EventLog {
    batch: Batch,
    events: u64,
    /// Full batches out; absent once the log is closed.
    full: Option<SyncSender<Batch>>,
    /// Empty batches back, to be filled again.
    empty: Receiver<Batch>,
    writer: Option<JoinHandle<Result<(), OutputError>>>,
}

impl EventLog {
    /// Creates the file and starts the writing thread.
    ///
    /// # Errors
    /// Where the file or the thread cannot be created.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let writer = SheetWriter::create(path, FIELDS)?;
        let (full, batches) = sync_channel(QUEUE);
        let (back, empty) = sync_channel(QUEUE + 2);
        let thread = std::thread::Builder::new().name("event-log".to_owned());
        let writer = thread.spawn(move || write(writer, &batches, &back)).map_err(OutputError::io(path))?;
        Ok(Self { batch: Vec::with_capacity(BATCH), events: 0, full: Some(full), empty, writer: Some(writer) })
    }

    /// Takes an event, in the order of the stream. An error of the file is told by [`Self::finish`].
    #[inline]
    pub fn event(&mut self, now: Millis, event: &Event) {
        self.batch.push((now, event.clone()));
        if self.batch.len() == BATCH {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.events += self.batch.len() as u64;
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
        let batch = std::mem::replace(&mut self.batch, next);
        if let Some(full) = &self.full
            && full.send(batch).is_err()
        {
            // The thread has ended with an error; its result is kept for `finish`.
            self.full = None;
        }
    }

    /// Writes what is left and closes the file. Returns the number of events.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(mut self) -> Result<u64, OutputError> {
        self.hand_over();
        self.full = None;
        let writer = self.writer.take().expect("only `finish` and `drop` take it");
        writer.join().map_err(|_| OutputError::EventLogPanicked)??;
        Ok(self.events)
    }
}

impl Drop for EventLog {
    /// Waits for the thread, so that nobody writes into a folder that is being removed.
    fn drop(&mut self) {
        self.full = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

fn write(mut writer: SheetWriter, batches: &Receiver<Batch>, back: &SyncSender<Batch>) -> Result<(), OutputError> {
    let mut sheet = Sheet::new(FIELDS);
    let mut seq = 0;
    for mut batch in batches {
        for (time, event) in batch.drain(..) {
            seq += 1;
            push(&mut sheet, seq, time, &event);
        }
        // Nobody takes it back once the log is closed.
        drop(back.try_send(batch));
        if sheet.rows() >= GROUP {
            writer.write(&mut sheet)?;
        }
    }
    writer.write(&mut sheet)?;
    writer.finish()
}
