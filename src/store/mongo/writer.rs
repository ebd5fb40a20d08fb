//! How the log is written: a group of records is one document at the next place of the log, so that it is durable whole or not at all, with no
//! transaction. Whoever finds another's document at that place has been overtaken, and writes no more.

use tokio::runtime::Handle;
use tokio::sync::watch;

use mongodb::bson::doc;

use super::layout::{self, Chunk, Head, Kept, PIECE, Page, Row, Shelf, binary};
use super::lease::Lease;
use super::read;
use crate::store::queue::{Deed, Pen};
use crate::store::{Entry, Position, StoreError, record};

/// What is said where a document is there that was not seen to come in.
const LOST: &str = "an answer was lost on its way";

/// Records that become durable together, and answers that wait for them.
pub(super) struct Batch {
    rows: Vec<Row>,
    bytes: usize,
    answers: Vec<Result<Position, StoreError>>,
    /// Where the log stands with them.
    log: record::Head,
}

/// The writer's own things.
pub(super) struct Writer {
    pub shelf: Shelf,
    pub lease: Lease,
    /// Where the log stands.
    pub log: record::Head,
    /// The head as it was last seen.
    pub head: Head,
    /// The place of the next document.
    pub next: i64,
    /// From which place on it is not known what came in.
    pub doubt: Option<i64>,
    /// How many snapshots it has begun.
    pub snapshots: u64,
}

/// The writer in its thread.
pub(super) struct Desk {
    pub writer: Writer,
    pub handle: Handle,
    /// Who took the store over, once somebody did.
    pub overtaken: watch::Sender<Option<StoreError>>,
}

impl Pen for Desk {
    fn write(&mut self, deeds: &[Deed], answers: &mut Vec<Result<Position, StoreError>>) -> Result<(), StoreError> {
        if let Some(error) = self.overtaken.borrow().clone() {
            return Err(error);
        }
        let written = self.handle.block_on(self.writer.write(deeds, answers));
        if let Err(error @ StoreError::Taken { .. }) = &written {
            self.overtaken.send_replace(Some(error.clone()));
        }
        written
    }
}

impl Writer {
    async fn write(&mut self, deeds: &[Deed], answers: &mut Vec<Result<Position, StoreError>>) -> Result<(), StoreError> {
        let mut log = self.log;
        let mut batch = self.batch();
        for deed in deeds {
            match deed {
                Deed::Append(entry) => {
                    let answer = log.follow(entry.turn);
                    if let Ok(position) = answer {
                        self.add(&mut batch, position, entry, answers).await?;
                    }
                    batch.answers.push(answer);
                    batch.log = log;
                    if batch.rows.is_empty() {
                        self.flush(&mut batch, answers).await?;
                    }
                }
                Deed::Snapshot(position, body) => {
                    self.flush(&mut batch, answers).await?;
                    let answer = log.cover(*position);
                    if answer.is_ok() {
                        self.snapshot(*position, body).await?;
                        (self.log, batch.log) = (log, log);
                    }
                    answers.push(answer);
                }
            }
        }
        self.flush(&mut batch, answers).await
    }

    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch { rows: Vec::new(), bytes: 0, answers: Vec::new(), log: self.log }
    }

    /// Adds a record to a batch; where that would be too large, it is written first.
    pub async fn add(
        &mut self,
        batch: &mut Batch,
        position: Position,
        entry: &Entry,
        answers: &mut Vec<Result<Position, StoreError>>,
    ) -> Result<(), StoreError> {
        let size = entry.body.len() + entry.received.len();
        if batch.bytes + size > PIECE {
            self.flush(batch, answers).await?;
        }
        let mut body = &entry.body[..];
        if size > PIECE {
            let mut pieces = Vec::new();
            while let Some((piece, rest)) = body.split_at_checked(PIECE) {
                pieces.push(Page { piece: Some(binary(piece)), ..Page::default() });
                body = rest;
            }
            let count = i64::try_from(pieces.len()).expect("pieces in memory are few");
            pieces.push(Page { pieces: count, ..page(vec![Row::of(position, entry, body)]) });
            return self.put(pieces).await;
        }
        batch.bytes += size;
        batch.rows.push(Row::of(position, entry, body));
        Ok(())
    }

    /// Writes a batch, whose records become durable together.
    pub async fn flush(&mut self, batch: &mut Batch, answers: &mut Vec<Result<Position, StoreError>>) -> Result<(), StoreError> {
        if !batch.rows.is_empty() {
            self.put(vec![page(std::mem::take(&mut batch.rows))]).await?;
        }
        answers.append(&mut batch.answers);
        (self.log, batch.bytes) = (batch.log, 0);
        Ok(())
    }

    /// Puts documents at the next places of the log. Where one fails, all of them are in doubt.
    async fn put(&mut self, pages: Vec<Page>) -> Result<(), StoreError> {
        self.settle().await?;
        let first = self.next;
        for page in pages {
            let page = Page { seq: self.next, by: self.head.writer, ..page };
            match self.shelf.server.insert(&self.shelf.log, &page).await {
                Ok(true) => self.next += 1,
                Ok(false) => {
                    self.doubt = Some(first);
                    // Its own is there already if the answer to an earlier try of the driver was lost.
                    self.found().await?;
                    return Err(self.shelf.failed(LOST));
                }
                Err(error) => {
                    self.doubt = Some(first);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Revokes what is in doubt, wherever it is: a document that is still on its way finds its place taken.
    async fn settle(&mut self) -> Result<(), StoreError> {
        while let Some(doubt) = self.doubt {
            let page = Page { seq: self.next, by: self.head.writer, revokes: Some(doubt), ..Page::default() };
            let settled = self.shelf.server.insert(&self.shelf.log, &page).await? || self.found().await?.revokes.is_some();
            if settled {
                self.doubt = None;
            }
            self.next += 1;
        }
        Ok(())
    }

    /// The document at the next place, which is there and its own; another's means that this writer was overtaken.
    async fn found(&self) -> Result<Page, StoreError> {
        let found = self.shelf.server.call(self.shelf.log.find_one(doc! { "_id": self.next })).await?;
        match found {
            Some(page) if page.by == self.head.writer => Ok(page),
            Some(_) => Err(self.lease.taken().await),
            None => Err(self.shelf.failed("a document is there for writing and not for reading")),
        }
    }

    /// Writes a snapshot beside the one that is there, then switches to it in one step, and forgets what it covers.
    async fn snapshot(&mut self, position: Position, body: &[u8]) -> Result<(), StoreError> {
        let position = position.0.cast_signed();
        let covered = self.head.snapshot.as_ref().map(|kept| kept.last.clone()).filter(|last| last.position == position);
        let (from, last) = match covered {
            Some(last) => (self.head.from, last),
            None => {
                let found = read::at(&self.shelf, self.head.from, position).await?;
                found.ok_or_else(|| self.shelf.damaged(format!("record {position} is not in its log")))?
            }
        };
        let kept = self.keep(last, body).await?;
        self.switch(from, kept).await?;
        // It will be tried again at the next snapshot.
        if let Err(error) = self.shelf.forget(&self.head).await {
            tracing::warn!(code = error.code(), "what a snapshot covers cannot be deleted yet: {error}");
        }
        Ok(())
    }

    /// Writes the pieces of a snapshot that nothing refers to yet.
    pub async fn keep(&mut self, last: Row, body: &[u8]) -> Result<Kept, StoreError> {
        self.snapshots += 1;
        let id = layout::snapshot(self.head.writer, self.snapshots);
        let mut parts = 0;
        for piece in body.chunks(PIECE) {
            let chunk = Chunk { snapshot: id.clone(), part: parts, body: binary(piece) };
            if !self.shelf.server.insert(&self.shelf.chunks, &chunk).await? {
                return Err(self.shelf.failed(LOST));
            }
            parts += 1;
        }
        Ok(Kept { id, parts, last })
    }

    /// Makes the head refer to another snapshot. It names the one before, so that an earlier switch that comes in late changes nothing.
    async fn switch(&mut self, from: i64, kept: Kept) -> Result<(), StoreError> {
        let value = self.shelf.kept(&kept)?;
        loop {
            let before = match &self.head.snapshot {
                Some(kept) => doc! { "snapshot.id": &kept.id },
                None => doc! { "snapshot": { "$exists": false } },
            };
            let mut filter = doc! { "_id": &self.shelf.actor, "writer": self.head.writer };
            filter.extend(before);
            let set = doc! { "$set": { "from": from, "snapshot": value.clone() } };
            if self.shelf.server.update(&self.shelf.heads, filter, set, false).await? {
                self.head = Head { from, snapshot: Some(kept), ..self.head.clone() };
                return Ok(());
            }
            // An earlier switch came in whose answer did not, or another writer has the say.
            let head = self.shelf.head().await?;
            if head.writer != self.head.writer {
                return Err(self.lease.taken().await);
            }
            let same = |head: &Head| head.snapshot.as_ref().map(|kept| kept.id.clone());
            if same(&head) == same(&self.head) {
                return Err(self.shelf.failed("the head cannot be changed"));
            }
            self.head = head;
        }
    }
}

/// A document with records.
fn page(records: Vec<Row>) -> Page {
    let at = |row: Option<&Row>| row.map(|row| row.position);
    Page { first: at(records.first()), last: at(records.last()), records, ..Page::default() }
}
