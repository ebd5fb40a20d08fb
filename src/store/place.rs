//! Where the stores of a system lie: in a folder, or in a database. Opened, backed up, restored and copied from here, whichever it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backup::{self, Contents};
use super::{Embedded, Mongo, MongoServer, Store, StoreError, check, folder, mongo};

/// The stores of one system.
#[derive(Clone, Debug)]
pub enum Stores {
    /// Files in a folder.
    Folder(PathBuf),
    /// Collections of a database.
    Database(MongoServer),
}

impl Stores {
    /// What people call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Database(server) => server.name().to_owned(),
        }
    }

    /// Opens the store of that name, and makes it if it is not there.
    ///
    /// # Errors
    /// When another process has it, when it is not ours, damaged or of a later version, and when file system or server refuse.
    pub fn open(&self, name: &'static str) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Folder(folder) => Arc::new(Embedded::open(folder, name)?),
            Self::Database(server) => Arc::new(Mongo::open(server, name)?),
        })
    }

    /// Copies all stores to the new folder `out`, as of one turn, whether a management runs on them or not.
    ///
    /// # Errors
    /// When `out` has something in it, a store cannot be read, or `out` not written. Nothing is left at `out` then.
    pub fn backup(&self, out: &Path) -> Result<Contents, StoreError> {
        match self {
            Self::Folder(folder) => {
                let files = folder::stores(folder)?;
                backup::backup(self.name(), out, |staged| backup::copy_all(&files, staged))
            }
            Self::Database(server) => backup::backup(self.name(), out, |staged| mongo::copy_all(server, staged)),
        }
    }

    /// Puts the stores of a backup, or of a folder that a crash left, in the place of these. All are checked before anything is replaced. Stores
    /// that are there are replaced when `force` says so.
    ///
    /// # Errors
    /// When either is in use, when the backup is damaged, not ours or of a later version, and when file system or server refuse. A folder is as
    /// it was then; a database in which only a part arrived is not opened before it is restored again.
    pub fn restore(&self, backup: &Path, force: bool) -> Result<Contents, StoreError> {
        self.put(backup, force, &mut |_| {})
    }

    fn put(&self, backup: &Path, force: bool, progress: &mut dyn FnMut(&str)) -> Result<Contents, StoreError> {
        match self {
            Self::Folder(folder) => backup::restore(backup, folder, force),
            Self::Database(server) => {
                let aside = aside()?;
                let checked = backup::checked(backup, &aside.path().join("checked"))?;
                mongo::put_all(server, &checked.files()?, force, progress)?;
                Ok(checked.contents)
            }
        }
    }

    /// Copies all stores to another place, with neither in use. `progress` is told of every step that is done.
    ///
    /// # Errors
    /// As [`Stores::restore`] has them.
    pub fn copy(&self, to: &Stores, replace: bool, progress: &mut dyn FnMut(&str)) -> Result<Contents, StoreError> {
        match self {
            Self::Folder(folder) => to.put(folder, replace, progress),
            Self::Database(server) => {
                let _still = mongo::Still::hold(server)?;
                let aside = aside()?;
                let copies = aside.path().join("copies");
                let contents = self.backup(&copies)?;
                progress(&format!("{} stores are read", contents.stores.len()));
                to.put(&copies, replace, progress)
            }
        }
    }

    /// Reads all stores whole, whoever has them open: each with its name, and what is wrong with it, if anything is.
    ///
    /// # Errors
    /// When it is not known which there are.
    pub fn check(&self) -> Result<Vec<(String, Option<StoreError>)>, StoreError> {
        match self {
            Self::Folder(folder) if !folder.exists() => Ok(Vec::new()),
            Self::Folder(folder) => {
                let files = folder::stores(folder).or_else(|error| match error {
                    StoreError::Foreign { .. } => Ok(Vec::new()),
                    error => Err(error),
                })?;
                Ok(files.iter().map(|file| (file.display().to_string(), check(file).err())).collect())
            }
            Self::Database(server) => mongo::check_all(server),
        }
    }
}

/// A folder for copies on their way.
fn aside() -> Result<tempfile::TempDir, StoreError> {
    tempfile::tempdir().map_err(|error| StoreError::io(&std::env::temp_dir(), &error))
}
