//! What SQLite says, in the words of the store.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::StoreError;

/// What went wrong with a store's file.
pub(super) fn named(file: &Path, error: Error) -> StoreError {
    let (store, cause) = (file.display().to_string(), error.to_string());
    let Some(failure) = error.sqlite_error() else { return StoreError::Io { store, cause } };
    match (failure.code, failure.extended_code) {
        // The index of the log is mapped memory; SQLite fills it with zeroes first, and that is where a full disk shows.
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full { store, cause },
        (ErrorCode::NotADatabase, _) => StoreError::Foreign { store, cause },
        (ErrorCode::DatabaseCorrupt, _) => StoreError::Corrupt { store, cause },
        // Our own lock is held, so whoever is in the way is no management: a shell that someone left in a transaction, perhaps.
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Locked { store, holder: None },
        _ => StoreError::Io { store, cause },
    }
}
