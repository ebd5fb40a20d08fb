//! What can go wrong with durable records.

use std::io;
use std::path::Path;

/// Why records cannot be written or read. Cloned, because all records of one transaction fail for one reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room for another record.
    #[error("{store}: no room is left ({cause}): free some, and what is asked then is taken again")]
    Full {
        /// Which store or folder.
        store: String,
        /// As the system says it.
        cause: String,
    },
    /// The system refuses to read or write.
    #[error("{store}: {cause}")]
    Io {
        /// Which store or folder.
        store: String,
        /// As the system says it.
        cause: String,
    },
    /// Another process has it open.
    #[error("{store} is open in {}: stop that first, or give this one a folder of its own", holder.map_or("another process".into(), |pid| format!("process {pid}")))]
    Locked {
        /// Which store.
        store: String,
        /// The other process, if it said so.
        holder: Option<u32>,
    },
    /// Written by a later version of the program.
    #[error(
        "{store} has layout {found}, and this version knows layouts up to {known}: run the version that wrote it, or restore a backup from before it"
    )]
    Newer {
        /// Which store.
        store: String,
        /// Its layout.
        found: u32,
        /// The latest known one.
        known: u32,
    },
    /// Not a store, or a folder with something else in it.
    #[error("{store} is not ours ({cause}): name another folder, or move it away")]
    Foreign {
        /// Which file or folder.
        store: String,
        /// How it is known.
        cause: String,
    },
    /// Damaged.
    #[error("{store} is damaged ({cause}): restore a backup")]
    Corrupt {
        /// Which store.
        store: String,
        /// What does not hold.
        cause: String,
    },
    /// More records wait to be written than the store takes.
    #[error("{store}: {waiting} records wait to be written: try again shortly")]
    Queue {
        /// Which store.
        store: String,
        /// How many it takes.
        waiting: usize,
    },
    /// A record or snapshot does not follow from what is there.
    #[error("{what}: records have one writer and rising turns; this is a bug, or a second writer")]
    Sequence {
        /// What was asked.
        what: String,
    },
    /// A folder or database that would be written is in use.
    #[error("{folder} is not empty: choose another one, or say that it may be replaced")]
    NotEmpty {
        /// Which one.
        folder: String,
    },
    /// Snapshots came faster than copies of all stores could be made.
    #[error("{folder}: the stores could not be copied as of one turn: try again when less happens")]
    Unsettled {
        /// Which folder.
        folder: String,
    },
    /// No database server answers.
    #[error("{store} cannot be reached ({cause}): start the server, or name the right one in the connection string")]
    Unreachable {
        /// Which store.
        store: String,
        /// As the driver says it.
        cause: String,
    },
    /// The database server refuses the user.
    #[error("{store} is refused ({cause}): correct user and password in the connection string, or grant the user `readWrite` there")]
    Denied {
        /// Which store.
        store: String,
        /// As the server says it.
        cause: String,
    },
    /// The connection string cannot be used.
    #[error("the connection string of MongoDB {cause}")]
    Address {
        /// What is wrong with it, and how to mend it; nothing of its secrets.
        cause: String,
    },
    /// Another process holds the lease of a store in a database.
    #[error("{store} is held by {holder} for {seconds} s more unless that renews it: stop that first, or wait for it to end")]
    Held {
        /// Which store.
        store: String,
        /// Who has it.
        holder: String,
        /// How long its lease lasts.
        seconds: u64,
    },
    /// Another process has taken the store over, and this one writes it no more.
    #[error("{store} was taken over by {holder}: this process must not act any more; one started anew waits until it may")]
    Taken {
        /// Which store.
        store: String,
        /// Who has it now.
        holder: String,
    },
}

impl StoreError {
    /// The stable code, which has a page in `docs/errors/`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Full { .. } => "store-full",
            StoreError::Io { .. } => "store-io",
            StoreError::Locked { .. } => "store-locked",
            StoreError::Newer { .. } => "store-newer",
            StoreError::Foreign { .. } => "store-foreign",
            StoreError::Corrupt { .. } => "store-corrupt",
            StoreError::Queue { .. } => "store-queue",
            StoreError::Sequence { .. } => "store-sequence",
            StoreError::NotEmpty { .. } => "store-not-empty",
            StoreError::Unsettled { .. } => "store-unsettled",
            StoreError::Unreachable { .. } => "store-unreachable",
            StoreError::Denied { .. } => "store-denied",
            StoreError::Address { .. } => "store-address",
            StoreError::Held { .. } => "store-held",
            StoreError::Taken { .. } => "store-taken",
        }
    }

    /// What the file system said about `path`.
    pub(super) fn io(path: &Path, error: &io::Error) -> StoreError {
        let (store, cause) = (path.display().to_string(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { store, cause },
            _ => StoreError::Io { store, cause },
        }
    }
}
