//! Durable records: the log of each actor's stamped inputs, with snapshots. A store keeps records and knows nobody.
//!
//! One store is one actor's. What a record says is the actor's affair: here it is bytes. The law of every store is that what was answered
//! is kept, and that what is read back is a prefix of what was written, in order.
//!
//! A new kind of store is a module that implements [`Store`] and passes `conformance.rs`.

mod backup;
#[cfg(test)]
mod conformance;
mod embedded;
mod error;
mod folder;
mod memory;
mod mongo;
mod place;
mod queue;
mod receipt;
mod record;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;

use futures_util::future::BoxFuture;

pub use self::backup::Contents;
pub use self::embedded::{Embedded, check};
pub use self::error::StoreError;
pub use self::memory::Memory;
pub use self::mongo::{Mongo, MongoServer, Notebook};
pub use self::place::Stores;
pub use self::receipt::Receipt;
pub use self::record::{Entry, Last, Position, Record, Snapshot};

/// Keeps the records of one actor, its only writer.
pub trait Store: Send + Sync {
    /// Takes the record of one turn, whose number is higher than that of the turn before. It is queued at once and never waits; the receipt
    /// resolves with its position once it is durable.
    ///
    /// A record that fails is not in the log, and those that were appended before its failure was known fail with it, so that none stands in
    /// the log without its predecessors. Later ones are tried anew. A full queue is known at once, from a receipt that has resolved.
    fn append(&self, entry: Entry) -> Receipt;

    /// Replaces the snapshot by one of the state after the record at `position`, and forgets the records up to it, both or neither.
    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt;

    /// Gives the snapshot, if there is one, and every record after it in order, one at a time, until told to stop, to a function that does
    /// not turn to the store itself. Answers with the last record, given or not.
    ///
    /// # Errors
    /// When the records cannot be read.
    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError>;

    /// What is known of the last durable record, without reading its body.
    ///
    /// # Errors
    /// When it cannot be read.
    fn last(&self) -> Result<Option<Last>, StoreError>;

    /// What the latest attempt to make records durable came to. It changes by trying again: a full disk may have room by now.
    ///
    /// # Errors
    /// Why the latest attempt failed.
    fn health(&self) -> Result<(), StoreError>;

    /// Copies the records as they stand to a file that is not there yet, which [`Embedded`] can open, whatever keeps the originals.
    ///
    /// # Errors
    /// When they cannot be read, or the file cannot be written.
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        embedded::export(|each| self.recover(each), to)
    }

    /// Resolves once another process has taken the store over, after which this one must not act. A lock that ends with its process is never
    /// taken over.
    fn overtaken(&self) -> BoxFuture<'static, StoreError> {
        Box::pin(std::future::pending())
    }
}
