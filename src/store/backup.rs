//! Backups of all stores of a system as of one turn of the loop, and their way back: each store is a file in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::{StoreError, embedded, folder};

/// How often copies are taken again because a snapshot came between.
const TRIES: usize = 8;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// No record in it is of a later turn.
    pub turn: u64,
    /// The names of its stores' files.
    pub stores: Vec<String>,
}

/// Copies stores to the new folder `out`, as of one turn. `copy_all` copies what there is to a folder, and gives the turn, or none where a
/// snapshot of a later turn came between.
///
/// The loop begins no turn before the records of the last are durable. So the latest turn of any store when the copying begins is the last that
/// can be unfinished, and all before it are whole in every store: the copies, cut back to it, are what a crash in that turn would have left.
pub(super) fn backup(
    of: String,
    out: &Path,
    mut copy_all: impl FnMut(&Path) -> Result<Option<u64>, StoreError>,
) -> Result<Contents, StoreError> {
    if !folder::is_free(out)? {
        return Err(StoreError::NotEmpty { folder: out.display().to_string() });
    }
    for _ in 0..TRIES {
        let staged = stage(out)?;
        match copy_all(staged.path()) {
            Ok(Some(turn)) => {
                let stores = names(&folder::stores(staged.path())?);
                put(&staged, out, RenameFlags::empty())?;
                return Ok(Contents { turn, stores });
            }
            Ok(None) | Err(StoreError::Unsettled { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Unsettled { folder: of })
}

/// Copies stores as of the latest turn of any, or says that one has a later snapshot by now.
pub(super) fn copy_all(files: &[PathBuf], staged: &Path) -> Result<Option<u64>, StoreError> {
    let turn = latest(files)?;
    for (file, name) in files.iter().zip(names(files)) {
        let copy = staged.join(name);
        embedded::copy(file, &copy)?;
        if !embedded::cut(&copy, turn)? {
            return Ok(None);
        }
    }
    Ok(Some(turn))
}

/// Puts the stores of a backup in the place of `folder`; one rename replaces all. A folder with stores in it is replaced when `force` says so;
/// one with anything else never is. `folder` is as it was where that fails.
pub(super) fn restore(backup: &Path, folder: &Path, force: bool) -> Result<Contents, StoreError> {
    let free = folder::is_free(folder)?;
    if !free && !force {
        return Err(StoreError::NotEmpty { folder: folder.display().to_string() });
    }
    let _locks = if free { Vec::new() } else { folder::take_all(folder)? };
    let checked = checked(backup, folder)?;
    put(&checked.staged, folder, if free { RenameFlags::empty() } else { RenameFlags::EXCHANGE })?;
    Ok(checked.contents)
}

/// Copies of the stores of a backup, found whole.
pub(super) struct Checked {
    staged: TempDir,
    pub contents: Contents,
    _sources: Vec<folder::Lock>,
}

impl Checked {
    /// The copies' files.
    pub fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        folder::stores(self.staged.path())
    }
}

/// Copies the stores of a backup, or of a folder that a crash left, beside `target`, and checks them all.
pub(super) fn checked(backup: &Path, target: &Path) -> Result<Checked, StoreError> {
    let files = folder::stores(backup)?;
    let sources = folder::take_opened(&files)?;
    let staged = stage(target)?;
    for (file, name) in files.iter().zip(names(&files)) {
        let copy = staged.path().join(name);
        // A backup has no log file; a folder that a crash left has one, and its latest records in it.
        for ending in ["db", "db-wal"].map(|ending| (file.with_extension(ending), copy.with_extension(ending))) {
            if ending.0.exists() {
                fs::copy(&ending.0, &ending.1).map_err(|error| StoreError::io(&ending.1, &error))?;
                folder::private(&ending.1).map_err(|error| StoreError::io(&ending.1, &error))?;
            }
        }
        embedded::mend(&copy)?;
    }
    let files = folder::stores(staged.path())?;
    let contents = Contents { turn: latest(&files)?, stores: names(&files) };
    Ok(Checked { staged, contents, _sources: sources })
}

/// The latest turn of any of the stores.
fn latest(files: &[PathBuf]) -> Result<u64, StoreError> {
    files.iter().try_fold(0, |turn, file| Ok(embedded::last_of(file)?.map_or(turn, |last| last.turn.max(turn))))
}

fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().filter_map(|file| file.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
}

/// A folder beside `target`, for the user alone, that goes when it is dropped.
pub(super) fn stage(target: &Path) -> Result<TempDir, StoreError> {
    let beside = folder::parent(target);
    folder::make(beside)?;
    let private = fs::Permissions::from_mode(0o700);
    let staged = tempfile::Builder::new().prefix(".staged-").permissions(private).tempdir_in(beside);
    staged.map_err(|error| StoreError::io(beside, &error))
}

/// Puts a folder in its place. After an exchange the folder that was there has the staged one's name, and goes with it.
fn put(staged: &TempDir, target: &Path, how: RenameFlags) -> Result<(), StoreError> {
    folder::sync(staged.path())?;
    renameat_with(CWD, staged.path(), CWD, target, how).map_err(|error| StoreError::io(target, &error.into()))?;
    folder::sync(folder::parent(target))
}
