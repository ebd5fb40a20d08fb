//! `management backup` and `management restore`: copies of the stores, and their way back.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Failure, Outcome};
use super::{terminal, up};
use crate::store;

/// Copy all records of the live system to a new folder, whether it runs or not
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management backup backup-monday

The copies are of one moment: all stores as of the same turn.")]
pub struct Backup {
    /// Folder for the copies; it may not be there yet
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Folder of the stores; that of this user's state if absent
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// Put a backup in the place of the records of a live system that does not run
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management restore backup-monday --force

Everything is checked before anything is replaced.")]
pub struct Restore {
    /// Folder of the backup
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// Folder of the stores; that of this user's state if absent
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Replace records that are there
    #[arg(long)]
    force: bool,
}

fn stores(given: Option<&PathBuf>) -> PathBuf {
    given.cloned().unwrap_or_else(|| up::state_folder().join("store"))
}

/// Runs `backup`.
pub fn backup(arguments: &Backup) -> Result<Outcome, Failure> {
    let contents = store::backup(&stores(arguments.store.as_ref()), &arguments.out)?;
    terminal::print(&said(&contents, "backed up to", &arguments.out))?;
    Ok(Outcome::Done)
}

/// Runs `restore`.
pub fn restore(arguments: &Restore) -> Result<Outcome, Failure> {
    let folder = stores(arguments.store.as_ref());
    let contents = store::restore(&arguments.backup, &folder, arguments.force)?;
    terminal::print(&said(&contents, "restored to", &folder))?;
    Ok(Outcome::Done)
}

fn said(contents: &store::Contents, how: &str, folder: &std::path::Path) -> String {
    format!("{} {how} {}, as of turn {}\n", contents.stores.join(", "), folder.display(), contents.turn)
}
