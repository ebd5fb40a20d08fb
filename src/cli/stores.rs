//! Which stores a command means: those that `up` would open, or others that are named. The connection string of a database comes from the
//! environment or a file, never from the configuration.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;

use super::failure::Failure;
use super::up::{actors_file, state_folder};
use crate::config::{self, Config, StoreEngine};
use crate::store::{MongoServer, StoreError, Stores};

/// The variable with the connection string.
const VARIABLE: &str = "WHARFINGER_MONGODB_URI";

/// Where the stores of a command are.
#[derive(Debug, Args)]
pub struct StoreArguments {
    /// Folder of the stores; what the actors file says, or in the state folder, if absent
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Folder of the system's state (else the user's own)
    #[arg(long, value_name = "DIR", env = "WHARFINGER_STATE")]
    state: Option<PathBuf>,
    /// Actors file (config/actors.json where there is one)
    #[arg(long, value_name = "FILE", env = "WHARFINGER_CONFIG")]
    config: Option<PathBuf>,
}

impl StoreArguments {
    /// Those that `up` would open.
    pub fn stores(&self) -> Result<Stores, Failure> {
        match &self.store {
            Some(folder) => Ok(Stores::Folder(folder.clone())),
            None => {
                let config = self.config()?;
                self.of(&config, config.store.engine)
            }
        }
    }

    /// Those of two kinds.
    pub fn pair(&self, one: StoreEngine, other: StoreEngine) -> Result<[Stores; 2], Failure> {
        let config = self.config()?;
        Ok([self.of(&config, one)?, self.of(&config, other)?])
    }

    fn of(&self, config: &Config, engine: StoreEngine) -> Result<Stores, Failure> {
        match (engine, &self.store) {
            (StoreEngine::Embedded, Some(folder)) => Ok(Stores::Folder(folder.clone())),
            _ => stores_of(config, &self.state.clone().unwrap_or_else(state_folder), engine),
        }
    }

    fn config(&self) -> Result<Config, Failure> {
        Ok(config::read(actors_file(self.config.as_deref()), std::env::vars())?)
    }
}

/// The stores of a kind, of a system with this folder of state.
pub fn stores_of(config: &Config, state: &Path, engine: StoreEngine) -> Result<Stores, Failure> {
    match engine {
        StoreEngine::Embedded => Ok(Stores::Folder(config.store.path.clone().unwrap_or_else(|| state.join("store")))),
        StoreEngine::Mongodb => {
            let address = address(config.store.uri_file.as_deref())?;
            Ok(Stores::Database(MongoServer::connect(&address, config.store.database.as_deref())?))
        }
    }
}

/// The connection string. The variable goes before the file.
fn address(file: Option<&Path>) -> Result<SecretString, Failure> {
    if let Ok(address) = std::env::var(VARIABLE) {
        return Ok(address.into());
    }
    let Some(file) = file else {
        let cause = format!("is not there: give it in the variable {VARIABLE}, or name a file with it as `store.uri_file`");
        return Err(StoreError::Address { cause }.into());
    };
    let unread = |error: std::io::Error| StoreError::Address { cause: format!("cannot be read from {}: {error}", file.display()) };
    let about = std::fs::metadata(file).map_err(unread)?;
    if about.mode() & 0o077 != 0 {
        tracing::warn!("{} is open to others, and may hold a password: chmod 600 it", file.display());
    }
    Ok(std::fs::read_to_string(file).map_err(unread)?.into())
}
