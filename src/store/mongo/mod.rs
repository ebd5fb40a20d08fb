//! The store in a MongoDB database: for each actor a log whose documents are numbered without gaps, a snapshot in pieces, and a lease.
//! It needs no transactions, so that a server of its own will do as well as a replica set.

mod fault;
mod layout;
mod lease;
mod notebook;
mod read;
mod server;
#[cfg(test)]
mod tests;
mod transfer;
mod writer;

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

use futures_util::future::BoxFuture;
use mongodb::bson::doc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::layout::{Head, Page, Shelf};
use self::lease::Lease;
use self::writer::{Desk, Writer};
use super::queue::{Deed, Queue};
use super::{Entry, Last, Position, Receipt, Record, Store, StoreError, record};

pub use self::notebook::Notebook;
pub use self::server::MongoServer;
pub(super) use self::transfer::{Still, check_all, copy_all, put_all};

/// How many records are read ahead of who takes them up.
const AHEAD: usize = 64;

/// A store in a database. Whoever holds its lease is the only one. Dropping it writes what is queued, and frees the lease.
#[derive(Debug)]
pub struct Mongo {
    shelf: Shelf,
    /// None once it is being dropped, which ends the writer.
    queue: Option<Queue>,
    lease: Lease,
    keeping: JoinHandle<()>,
    overtaken: watch::Sender<Option<StoreError>>,
}

impl Mongo {
    /// Opens the store of that name, and makes it if it is not there.
    ///
    /// # Errors
    /// When another process holds its lease, when it is damaged or of a later version, when the server is not reached or refuses the user.
    pub fn open(server: &MongoServer, name: &str) -> Result<Mongo, StoreError> {
        let opened = server.wait(open(server, name))?;
        Mongo::start(opened).map_err(|error| StoreError::Io { store: name.into(), cause: error.to_string() })
    }

    fn start(writer: Writer) -> std::io::Result<Mongo> {
        let (shelf, lease, handle) = (writer.shelf.clone(), writer.lease.clone(), writer.shelf.server.handle().clone());
        let overtaken = watch::Sender::new(None);
        let (kept, told) = (lease.clone(), overtaken.clone());
        let keeping = handle.spawn(async move {
            let error = kept.keep().await;
            told.send_if_modified(|known| known.is_none() && known.replace(error).is_none());
        });
        let desk = Desk { writer, handle, overtaken: overtaken.clone() };
        let queue = Queue::start(&shelf.actor, shelf.name(), desk)?;
        Ok(Mongo { shelf, queue: Some(queue), lease, keeping, overtaken })
    }

    fn queue(&self) -> &Queue {
        self.queue.as_ref().expect("the queue closes when the store is dropped")
    }
}

/// Takes the lease, puts a claim into the log, and finds out where that stands.
async fn open(server: &MongoServer, name: &str) -> Result<Writer, StoreError> {
    let writer = claim(server, name).await?;
    let whole = if writer.head.copying { Err(writer.shelf.unfinished()) } else { writer.shelf.forget(&writer.head).await };
    freed_unless(whole, &writer.lease).await.map(|()| writer)
}

/// The same, whatever state the store is in.
async fn claim(server: &MongoServer, name: &str) -> Result<Writer, StoreError> {
    layout::migrate(server).await?;
    let shelf = Shelf::of(server, name);
    let lease = Lease::take(server, name, shelf.name()).await?;
    freed_unless(claimed(shelf, lease.clone()).await, &lease).await
}

/// Frees the lease of a store that cannot be opened.
async fn freed_unless<T>(opened: Result<T, StoreError>, lease: &Lease) -> Result<T, StoreError> {
    if opened.is_err() {
        // It runs out by itself too.
        let _ = lease.free().await;
    }
    opened
}

async fn claimed(shelf: Shelf, lease: Lease) -> Result<Writer, StoreError> {
    shelf.prepare().await?;
    let server = &shelf.server;
    // From here on no earlier writer gets anything into the log: its next document would have this place.
    let claim = loop {
        let latest =
            server.call(shelf.log.find_one(doc! {}).sort(doc! { "_id": -1 }).projection(doc! { "records": 0, "piece": 0 })).await?;
        let seq = latest.map_or(0, |page| page.seq).max(shelf.head().await?.from - 1) + 1;
        let page = Page { seq, by: seq, claim: Some(lease::holder()), ..Page::default() };
        if server.insert(&shelf.log, &page).await? {
            break seq;
        }
    };
    // Nor does it change the head.
    let first = doc! { "from": 1_i64, "copying": false };
    let filter = doc! { "_id": &shelf.actor };
    server.call(shelf.heads.update_one(filter, doc! { "$max": { "writer": claim }, "$setOnInsert": first }).upsert(true)).await?;
    let head: Head = shelf.head().await?;
    if head.writer != claim {
        return Err(lease.taken().await);
    }
    let last = read::last(&shelf).await?;
    let log = record::Head::of(last.as_ref(), head.covered().cast_unsigned());
    Ok(Writer { shelf, lease, log, head, next: claim + 1, doubt: None, snapshots: 0 })
}

impl Store for Mongo {
    fn append(&self, entry: Entry) -> Receipt {
        self.queue().ask(Deed::Append(entry))
    }

    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt {
        self.queue().ask(Deed::Snapshot(position, body))
    }

    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
        recover(&self.shelf, each)
    }

    fn last(&self) -> Result<Option<Last>, StoreError> {
        self.shelf.server.wait(read::last(&self.shelf))
    }

    fn health(&self) -> Result<(), StoreError> {
        self.overtaken.borrow().clone().map_or_else(|| self.queue().health(), Err)
    }

    fn overtaken(&self) -> BoxFuture<'static, StoreError> {
        let mut told = self.overtaken.subscribe();
        Box::pin(async move {
            let known = told.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
            match known {
                Some(error) => error,
                // It was dropped, so nobody acts on it.
                None => std::future::pending().await,
            }
        })
    }
}

/// Gives what a store holds, whoever writes it.
fn recover(shelf: &Shelf, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            shelf.server.handle().block_on(async {
                let last = read::last(shelf).await?;
                // To wait for who takes them up holds up this thread alone.
                read::recover(shelf, &mut |record| sender.send(record).is_ok()).await.map(|()| last)
            })
        });
        let _ = receiver.into_iter().try_for_each(each);
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Drop for Mongo {
    fn drop(&mut self) {
        self.queue = None;
        self.keeping.abort();
        // Where that fails it runs out by itself.
        if let Err(error) = self.shelf.server.wait(self.lease.free()) {
            tracing::debug!(code = error.code(), "a lease is not freed: {error}");
        }
    }
}
