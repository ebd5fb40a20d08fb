//! `management backup`: copies of the stores, and their way back.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Failure, Outcome};
use super::stores::StoreArguments;
use super::terminal;
use crate::store::Contents;

/// Copy all records of the live system to a new folder, whether it runs or not
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management backup backup-monday

The copies are of one moment: all stores as of the same turn.")]
pub struct Backup {
    /// Folder for the copies; it may not be there yet
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    stores: StoreArguments,
}

/// Runs `backup`.
pub fn backup(arguments: &Backup) -> Result<Outcome, Failure> {
    let contents = arguments.stores.stores()?.backup(&arguments.out)?;
    terminal::print(&said(&contents, "backed up to", &arguments.out.display().to_string()))?;
    Ok(Outcome::Done)
}

/// Puts a backup in the place of the records that are there.
pub fn put_back(stores: &StoreArguments, backup: &Path, force: bool) -> Result<Outcome, Failure> {
    let stores = stores.stores()?;
    let contents = stores.restore(backup, force)?;
    terminal::print(&said(&contents, "restored to", &stores.name()))?;
    Ok(Outcome::Done)
}

fn said(contents: &Contents, how: &str, place: &str) -> String {
    format!("{} {how} {place}, as of turn {}\n", contents.stores.join(", "), contents.turn)
}
