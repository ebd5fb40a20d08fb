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
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use self::layout::MIGRATIONS;
use self::writer::{Deed, Order, Standing, Writer};
use super::folder::{self, Lock, STORE};
use super::{Entry, Last, Position, Receipt, Record, Store, StoreError};

pub use self::copy::check;
pub(super) use self::copy::{copy, cut, export, mend};
pub(super) use self::read::last_of;

/// How many records and snapshots may wait for the writer.
const QUEUE: usize = 4096;

/// A store in a file of its own. Whoever has it open is the only one: others are told who that is. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Embedded {
    file: PathBuf,
    /// None once it is being dropped, which ends the writer.
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    standing: Arc<Standing>,
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
        let standing = Arc::new(Standing::default());
        let (orders, queue) = sync_channel(QUEUE);
        let writer = Writer { file: file.clone(), connection, head, queue, standing: Arc::clone(&standing) };
        let writer = std::thread::Builder::new().name(name.into()).spawn(move || writer.run());
        let writer = writer.map_err(failed)?;
        Ok(Embedded { file, orders: Some(orders), writer: Some(writer), standing, _lock: lock })
    }

    fn ask(&self, deed: Deed) -> Receipt {
        let (answer, receipt) = Receipt::later();
        let orders = self.orders.as_ref().expect("the queue closes when the store is dropped");
        match orders.try_send(Order { deed, failures: self.standing.failures(), answer }) {
            Ok(()) => receipt,
            Err(TrySendError::Full(_)) => Receipt::now(Err(StoreError::Queue { store: self.file.display().to_string(), waiting: QUEUE })),
            Err(TrySendError::Disconnected(_)) => receipt,
        }
    }
}

impl Store for Embedded {
    fn append(&self, entry: Entry) -> Receipt {
        self.ask(Deed::Append(entry))
    }

    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt {
        self.ask(Deed::Snapshot(position, body))
    }

    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
        read::recover(&self.file, each)
    }

    fn last(&self) -> Result<Option<Last>, StoreError> {
        read::last_of(&self.file)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.standing.health()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        copy::copy(&self.file, to)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so on stderr, and its receipts say it too.
            let _ = writer.join();
        }
    }
}
