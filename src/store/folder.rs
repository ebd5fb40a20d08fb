//! The folder that stores lie in: who may read it, who holds which store, and what else is there.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// What the file of a store ends with.
pub(super) const STORE: &str = "db";
const LOCK: &str = "lock";
/// All that stores leave in their folder.
const OURS: [&str; 4] = [STORE, "db-wal", "db-shm", LOCK];

/// The right to write one store, until it is dropped. The system takes it back however the process ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the lock lies on the open file")] File);

impl Lock {
    /// Takes the lock of a store's file, and leaves the number of this process for the next who wants it.
    pub fn take(store: &Path) -> Result<Lock, StoreError> {
        let path = store.with_extension(LOCK);
        let failed = |error: io::Error| StoreError::io(&path, &error);
        loop {
            let mut file = private(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    file.read_to_string(&mut pid).map_err(failed)?;
                    return Err(StoreError::Locked { store: store.display().to_string(), holder: pid.trim().parse().ok() });
                }
            }
            // Between opening and locking, a restore may have put another folder in the place of this one.
            let there = fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|file| file.ino() == there.ino()));
            if there {
                file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
                return Ok(Lock(file));
            }
        }
    }
}

/// Makes the folder, for the user alone. One that is there already stays as it is: who made it so had a reason.
pub(super) fn make(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| StoreError::io(folder, &error))
}

/// Opens a file for the user alone, and makes it if need be.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes the names in a folder durable, as syncing a file does its content.
pub(super) fn sync(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| StoreError::io(folder, &error))
}

/// The folder that a path lies in, which for a bare name is the current one.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What lies in a folder, by name.
fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let paths = fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>());
    let mut paths: Vec<PathBuf> = paths.map_err(|error| StoreError::io(folder, &error))?;
    paths.sort();
    Ok(paths)
}

/// The stores in a folder, by name, whatever lies beside them.
pub(super) fn stores(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = list(folder)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == STORE));
    if paths.is_empty() {
        return Err(StoreError::Foreign { store: folder.display().to_string(), cause: "no store is in it".into() });
    }
    Ok(paths)
}

/// Takes the locks of the stores that may be open; copies never were, and have none.
pub(super) fn take_opened(stores: &[PathBuf]) -> Result<Vec<Lock>, StoreError> {
    stores.iter().filter(|store| store.with_extension(LOCK).exists()).map(|store| Lock::take(store)).collect()
}

/// Whether nothing is in the folder, or it is not there.
pub(super) fn is_free(folder: &Path) -> Result<bool, StoreError> {
    Ok(!folder.exists() || list(folder)?.is_empty())
}

/// Takes the locks of all stores in a folder that holds stores and nothing else.
pub(super) fn take_all(folder: &Path) -> Result<Vec<Lock>, StoreError> {
    let paths = list(folder)?;
    let ending = |path: &Path| path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_owned();
    if let Some(stranger) = paths.iter().find(|path| !OURS.contains(&ending(path).as_str()) || !path.is_file()) {
        return Err(StoreError::Foreign { store: stranger.display().to_string(), cause: "it is no store's file".into() });
    }
    paths.iter().filter(|path| ending(path) == STORE).map(|store| Lock::take(store)).collect()
}
