//! The default store: one SQLite file for each actor, in WAL mode with full sync, written by one thread.

mod copy;
mod fault;
mod layout;
mod read;
mod writer;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use self::layout::MIGRATIONS;
use self::writer::Writer;
use super::folder::{self, Lock, STORE};
use super::queue::{Deed, Queue};
use super::{Entry, Last, Position, Receipt, Record, Store, StoreError};

pub use self::copy::check;
pub(super) use self::copy::{copy, cut, export, mend};
pub(super) use self::read::{last_of, recover};

/// A store in a file of its own. Whoever has it open is the only one: others are told who that is. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Embedded {
    file: PathBuf,
    // Dropped before the lock: what is queued is written under it.
    queue: Queue,
    _lock: Lock,
}

impl Embedded {
    /// Opens the store of that name in the folder, and makes both if they are not there. The name is a word of the program, never a user's.
    ///
    /// # Errors
    /// When another process has it open, when it is not ours or of a later version, and when the file system refuses.
    pub fn open(folder: &Path, name: &'static str) -> Result<Embedded, StoreError> {
        folder::make(folder)?;
        let file = folder.join(name).with_extension(STORE);
        let lock = Lock::take(&file)?;
        let failed = |error| StoreError::io(&file, &error);
        if !file.exists() {
            folder::private(&file).map_err(failed)?;
        }
        let connection = layout::open(&file, &MIGRATIONS)?;
        // Only now is it known to be ours. By its name: to close the file here would take SQLite's locks away.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        folder::sync(folder)?;

        let head = read::head(&connection).map_err(|error| fault::named(&file, error))?;
        let writer = Writer { file: file.clone(), connection, head };
        let queue = Queue::start(name, file.display().to_string(), writer).map_err(failed)?;
        Ok(Embedded { file, queue, _lock: lock })
    }
}

impl Store for Embedded {
    fn append(&self, entry: Entry) -> Receipt {
        self.queue.ask(Deed::Append(entry))
    }

    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt {
        self.queue.ask(Deed::Snapshot(position, body))
    }

    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
        read::recover(&self.file, each)
    }

    fn last(&self) -> Result<Option<Last>, StoreError> {
        read::last_of(&self.file)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.queue.health()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        copy::copy(&self.file, to)
    }
}
