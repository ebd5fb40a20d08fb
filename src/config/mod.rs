//! The actors file: read, overridden from the environment, checked, resolved; and the workers file. It says what the live system is told, and starts nothing.

mod document;
mod environment;
mod resolve;
#[cfg(test)]
mod tests;
mod workers;

use std::path::Path;

use crate::sim::input::{InputError, Source};

pub use document::{Document, Engine, StoreEngine, StoreSection};
pub use resolve::{Config, Intervals, Place, Places, Security};
pub use workers::{WorkerEntry, WorkerHost, Workers, read_workers};

/// Reads the file, if there is one, and lets variables override it.
///
/// # Errors
/// Names the file, line and key, or the variable.
pub fn read(file: Option<&Path>, variables: impl IntoIterator<Item = (String, String)>) -> Result<Config, InputError> {
    match file {
        Some(file) => parse(&Source::read(file)?, variables),
        None => parse(&Source::new("", "{}"), variables),
    }
}

fn parse(source: &Source, variables: impl IntoIterator<Item = (String, String)>) -> Result<Config, InputError> {
    let written: Document = source.parse()?;
    let document = environment::over(&written, variables)?;
    resolve::resolve(&document)
        .map_err(|(key, fault)| if document == written { source.fault_at(&key, fault) } else { fault.in_field(&key) })
}
