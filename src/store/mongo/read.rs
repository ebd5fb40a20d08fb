//! Reading: recovery, and the last record, as of what a majority of servers has.

use mongodb::bson::doc;

use super::layout::{Head, Page, Row, Shelf, foreign};
use crate::store::{Entry, Last, Record, Snapshot, StoreError};

/// What is known of the last record.
pub(super) async fn last(shelf: &Shelf) -> Result<Option<Last>, StoreError> {
    let head = shelf.head().await?;
    let pages = shelf.log.find(doc! { "_id": { "$gte": head.from } }).sort(doc! { "_id": -1 });
    let mut cursor = shelf.server.call(pages.projection(doc! { "records.body": 0, "piece": 0 })).await?;
    let mut revoked = i64::MAX;
    while shelf.server.call(cursor.advance()).await? {
        let page = cursor.deserialize_current().map_err(|error| foreign(&shelf.server, &error))?;
        revoked = page.revokes.unwrap_or(revoked).min(revoked);
        if let Some(row) = page.records.last().filter(|row| page.seq < revoked && row.position > head.covered()) {
            return Ok(Some(row.last()));
        }
    }
    Ok(head.snapshot.map(|kept| kept.last.last()))
}

/// Gives the snapshot and every record after it, until told to stop by false.
pub(super) async fn recover(shelf: &Shelf, give: &mut (dyn FnMut(Record) -> bool + Send)) -> Result<(), StoreError> {
    let head = shelf.head().await?;
    if head.copying {
        return Err(shelf.unfinished());
    }
    let read = read(shelf, &head, give).await;
    // A writer that forgets what is being read leaves holes that are none.
    let refers = |head: &Head| (head.from, head.snapshot.as_ref().map(|kept| kept.id.clone()));
    match read {
        Err(StoreError::Corrupt { .. }) if refers(&shelf.head().await?) != refers(&head) => {
            Err(StoreError::Unsettled { folder: shelf.name() })
        }
        read => read,
    }
}

async fn read(shelf: &Shelf, head: &Head, give: &mut (dyn FnMut(Record) -> bool + Send)) -> Result<(), StoreError> {
    if let Some(kept) = &head.snapshot {
        let body = snapshot(shelf, &kept.id, kept.parts).await?;
        if !give(Record::Snapshot(Snapshot { last: kept.last.last(), body })) {
            return Ok(());
        }
    }
    let mut reader = Reader { shelf, next: head.covered() + 1, pieces: Vec::new(), waiting: None };
    let mut cursor = shelf.server.call(shelf.log.find(doc! { "_id": { "$gte": head.from } }).sort(doc! { "_id": 1 })).await?;
    while shelf.server.call(cursor.advance()).await? {
        let page = cursor.deserialize_current().map_err(|error| foreign(&shelf.server, &error))?;
        if !reader.page(page, give)? {
            return Ok(());
        }
    }
    reader.give(give).map(drop)
}

async fn snapshot(shelf: &Shelf, id: &str, parts: i64) -> Result<Vec<u8>, StoreError> {
    let mut cursor = shelf.server.call(shelf.chunks.find(doc! { "snapshot": id }).sort(doc! { "part": 1 })).await?;
    let (mut body, mut part) = (Vec::new(), 0);
    while shelf.server.call(cursor.advance()).await? {
        let chunk = cursor.deserialize_current().map_err(|error| foreign(&shelf.server, &error))?;
        if chunk.part != part {
            break;
        }
        body.extend_from_slice(&chunk.body.bytes);
        part += 1;
    }
    if part == parts { Ok(body) } else { Err(shelf.damaged(format!("piece {part} of its snapshot is missing"))) }
}

/// Reads pages in order. The latest page with records waits for the next page, which may revoke it.
struct Reader<'a> {
    shelf: &'a Shelf,
    next: i64,
    pieces: Vec<Vec<u8>>,
    waiting: Option<Page>,
}

impl Reader<'_> {
    fn page(&mut self, page: Page, give: &mut (dyn FnMut(Record) -> bool + Send)) -> Result<bool, StoreError> {
        if let Some(revoked) = page.revokes {
            self.waiting.take_if(|waiting| waiting.seq >= revoked);
        }
        if !self.give(give)? {
            return Ok(false);
        }
        match page.piece {
            Some(piece) => self.pieces.push(piece.bytes),
            None if page.records.is_empty() => self.pieces.clear(),
            None => self.waiting = Some(page),
        }
        Ok(true)
    }

    /// Gives what waits.
    fn give(&mut self, give: &mut (dyn FnMut(Record) -> bool + Send)) -> Result<bool, StoreError> {
        let Some(page) = self.waiting.take() else { return Ok(true) };
        let mut pieces = std::mem::take(&mut self.pieces);
        for row in page.records {
            if row.position < self.next {
                continue;
            }
            // A machine that is given a log with a hole would stand somewhere else, and not say so.
            if row.position != self.next {
                return Err(self.shelf.damaged(format!("record {} stands where {} is due", row.position, self.next)));
            }
            if usize::try_from(page.pieces).ok() != Some(pieces.len()) {
                return Err(self.shelf.damaged(format!("record {} has {} pieces of {}", row.position, pieces.len(), page.pieces)));
            }
            self.next += 1;
            let Last { position, turn, stamp_ms, received } = row.last();
            pieces.extend(row.body.map(|body| body.bytes));
            let body = pieces.concat();
            pieces.clear();
            if !give(Record::Entry(position, Entry { turn, stamp_ms, body, received })) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The record at a position that is not covered yet, and the page that it stands on.
pub(super) async fn at(shelf: &Shelf, from: i64, position: i64) -> Result<Option<(i64, Row)>, StoreError> {
    let holds = doc! { "_id": { "$gte": from }, "first": { "$lte": position }, "last": { "$gte": position } };
    // Of two that hold it the earlier was revoked.
    let page = shelf.log.find_one(holds).sort(doc! { "_id": -1 }).projection(doc! { "records.body": 0 });
    let page = shelf.server.call(page).await?;
    Ok(page.and_then(|page| Some((page.seq, page.records.into_iter().find(|row| row.position == position)?))))
}
