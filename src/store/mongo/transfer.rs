//! All stores of a database at once: copied to files, and put in from files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use mongodb::bson::doc;
use tokio::task::JoinHandle;

use super::layout::{self, Head, Kept, Row, Shelf};
use super::server::MongoServer;
use super::writer::Writer;
use super::{claim, read, recover};
use crate::store::folder::STORE;
use crate::store::{Record, StoreError, embedded};

/// Copies all stores to files of a folder, as of the latest turn of any, or says that one has a later snapshot by now.
pub(in crate::store) fn copy_all(server: &MongoServer, folder: &Path) -> Result<Option<u64>, StoreError> {
    let (shelves, turn) = server.wait(async {
        let (mut shelves, mut turn) = (Vec::new(), 0);
        for actor in layout::actors(server).await? {
            let shelf = Shelf::of(server, &actor);
            turn = read::last(&shelf).await?.map_or(turn, |last| last.turn.max(turn));
            shelves.push(shelf);
        }
        Ok::<_, StoreError>((shelves, turn))
    })?;
    if shelves.is_empty() {
        return Err(StoreError::Foreign { store: server.name().into(), cause: "no store is in it".into() });
    }
    for shelf in shelves {
        let file = folder.join(&shelf.actor).with_extension(STORE);
        embedded::export(|each| recover(&shelf, each), &file)?;
        if !embedded::cut(&file, turn)? {
            return Ok(None);
        }
    }
    Ok(Some(turn))
}

/// Reads all stores whole.
pub(in crate::store) fn check_all(server: &MongoServer) -> Result<Vec<(String, Option<StoreError>)>, StoreError> {
    let actors = server.wait(layout::actors(server))?;
    let shelves = actors.iter().map(|actor| Shelf::of(server, actor));
    Ok(shelves.map(|shelf| (shelf.name(), recover(&shelf, &mut |_| ControlFlow::Continue(())).err())).collect())
}

/// Puts the stores of files in the place of those that are in the database. Until all are in, none can be opened.
pub(in crate::store) fn put_all(
    server: &MongoServer,
    files: &[PathBuf],
    replace: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let stems = files.iter().filter_map(|file| file.file_stem()?.to_str().map(str::to_owned));
    let mut actors: Vec<String> = stems.collect();
    actors.extend(server.wait(layout::actors(server))?);
    actors.sort();
    actors.dedup();
    let mut still = Still::of(server, actors)?;
    if !replace && still.writers.iter().any(|writer| writer.log.position > 0 && !writer.head.copying) {
        return Err(StoreError::NotEmpty { folder: server.name().into() });
    }
    for writer in &mut still.writers {
        server.wait(begin(writer))?;
    }
    for writer in &mut still.writers {
        let snapshot = match files.iter().find(|file| file.file_stem().is_some_and(|stem| *stem == *writer.shelf.actor)) {
            Some(file) => fill(writer, file)?,
            None => None,
        };
        writer.head.snapshot = snapshot;
        progress(&format!("{} is written", writer.shelf.actor));
    }
    for writer in &mut still.writers {
        server.wait(finish(writer))?;
    }
    Ok(())
}

/// All stores of a database, held so that nobody writes them.
pub(in crate::store) struct Still {
    server: MongoServer,
    writers: Vec<Writer>,
    keeping: Vec<JoinHandle<StoreError>>,
}

impl Still {
    /// Holds all that are there.
    pub fn hold(server: &MongoServer) -> Result<Still, StoreError> {
        Still::of(server, server.wait(layout::actors(server))?)
    }

    fn of(server: &MongoServer, actors: Vec<String>) -> Result<Still, StoreError> {
        let mut still = Still { server: server.clone(), writers: Vec::new(), keeping: Vec::new() };
        for actor in actors {
            let writer = server.wait(claim(server, &actor))?;
            still.keeping.push(server.handle().spawn(writer.lease.clone().keep()));
            still.writers.push(writer);
        }
        Ok(still)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.keeping.iter().for_each(JoinHandle::abort);
        for writer in &self.writers {
            // Where that fails it runs out by itself.
            let _ = self.server.wait(writer.lease.free());
        }
    }
}

/// Empties a store, and marks it as not whole.
async fn begin(writer: &mut Writer) -> Result<(), StoreError> {
    writer.head = Head { from: writer.next, snapshot: None, copying: true, ..writer.head.clone() };
    change(writer).await?;
    writer.shelf.forget(&writer.head).await
}

/// Writes the records of a file, and the pieces of its snapshot.
fn fill(writer: &mut Writer, file: &Path) -> Result<Option<Kept>, StoreError> {
    let handle = writer.shelf.server.handle().clone();
    let (mut snapshot, mut batch, mut done) = (None, writer.batch(), Ok(()));
    embedded::recover(file, &mut |record| {
        done = handle.block_on(async {
            match record {
                Record::Snapshot(kept) => {
                    let last = Row::covered(kept.last.position, kept.last.turn, kept.last.stamp_ms, &kept.last.received);
                    snapshot = Some(writer.keep(last, &kept.body).await?);
                    Ok(())
                }
                Record::Entry(position, entry) => writer.add(&mut batch, position, &entry, &mut Vec::new()).await,
            }
        });
        if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    done?;
    handle.block_on(writer.flush(&mut batch, &mut Vec::new()))?;
    Ok(snapshot)
}

/// Marks a store as whole.
async fn finish(writer: &mut Writer) -> Result<(), StoreError> {
    writer.head.copying = false;
    change(writer).await
}

/// Writes the head as the writer has it.
async fn change(writer: &Writer) -> Result<(), StoreError> {
    let Writer { shelf, head, lease, .. } = writer;
    let mut update = doc! { "$set": { "from": head.from, "copying": head.copying } };
    match &head.snapshot {
        Some(kept) => update.get_document_mut("$set").expect("it was just put in").insert("snapshot", shelf.kept(kept)?),
        None => update.insert("$unset", doc! { "snapshot": "" }),
    };
    let filter = doc! { "_id": &shelf.actor, "writer": head.writer };
    if shelf.server.update(&shelf.heads, filter, update, false).await? { Ok(()) } else { Err(lease.taken().await) }
}
