//! `management backup` and `management restore`: copies of the stores, and their way back.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Failure, Outcome};
use super::terminal;
use super::up::{actors_file, state_folder};
use crate::{config, store};

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
    stores: Stores,
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
    #[command(flatten)]
    stores: Stores,
    /// Replace records that are there
    #[arg(long)]
    force: bool,
}

/// Which stores are meant: those that `up` would open.
#[derive(Debug, Args)]
struct Stores {
    /// Folder of the stores; that of the actors file, or in the state folder, if absent
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Folder of the system's state (else the user's own)
    #[arg(long, value_name = "DIR", env = "WHARFINGER_STATE")]
    state: Option<PathBuf>,
    /// Actors file (config/actors.json where there is one)
    #[arg(long, value_name = "FILE", env = "WHARFINGER_CONFIG")]
    config: Option<PathBuf>,
}

impl Stores {
    fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let config = config::read(actors_file(self.config.as_deref()), std::env::vars())?;
        Ok(config.store_in(&self.state.clone().unwrap_or_else(state_folder)))
    }
}

/// Runs `backup`.
pub fn backup(arguments: &Backup) -> Result<Outcome, Failure> {
    let contents = store::backup(&arguments.stores.folder()?, &arguments.out)?;
    terminal::print(&said(&contents, "backed up to", &arguments.out))?;
    Ok(Outcome::Done)
}

/// Runs `restore`.
pub fn restore(arguments: &Restore) -> Result<Outcome, Failure> {
    let folder = arguments.stores.folder()?;
    let contents = store::restore(&arguments.backup, &folder, arguments.force)?;
    terminal::print(&said(&contents, "restored to", &folder))?;
    Ok(Outcome::Done)
}

fn said(contents: &store::Contents, how: &str, folder: &std::path::Path) -> String {
    format!("{} {how} {}, as of turn {}\n", contents.stores.join(", "), folder.display(), contents.turn)
}
