//! The layout of a database: its collections and documents, its version, and how earlier ones become the latest.
//!
//! | collection | documents |
//! |---|---|
//! | `layout` | one: the version |
//! | `leases` | one for each actor: who may open it |
//! | `heads` | one for each actor: its snapshot, and where its log begins |
//! | `log.ACTOR` | the log, in order of `_id`, which has no gaps where nothing was forgotten |
//! | `chunks.ACTOR` | snapshots, in pieces |

use mongodb::bson::{Binary, Bson, doc, serialize_to_bson, spec::BinarySubtype};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use super::server::MongoServer;
use crate::store::{Entry, Last, Position, StoreError};

/// The layout that this version writes.
const LAYOUT: i32 = 1;
/// The one document of `layout`.
const OURS: &str = "wharfinger";

/// The most bytes of content in one document, of which the server takes 16 MiB.
pub(super) const PIECE: usize = 8 << 20;

/// A document of the log: records, a piece of a record that is too large for one document, a claim, or a revocation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Page {
    /// Its place in the log. Whoever puts a document at the next place first has it: that is what keeps a second writer out.
    #[serde(rename = "_id")]
    pub seq: i64,
    /// The claim under which it was written.
    pub by: i64,
    /// The position of the first of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
    /// The position of the last of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
    /// Records that were made durable together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Row>,
    /// How many documents before it hold the beginning of its one record's body.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pieces: i64,
    /// A piece of the body of a record that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<Binary>,
    /// A writer took over, and has the say from here on. Never deleted, so that an earlier one, however late, meets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Documents from that place on, up to this one, are none: their writer could not know whether they came in, and answered that they failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revokes: Option<i64>,
}

/// A record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub position: i64,
    pub turn: i64,
    pub stamp_ms: i64,
    pub received: Binary,
    /// Absent where it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Binary>,
}

/// Where an actor's log stands, but for its records.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Head {
    /// The actor.
    #[serde(rename = "_id")]
    pub actor: String,
    /// The claim of the writer that may change this.
    pub writer: i64,
    /// What of the log lies before is forgotten.
    pub from: i64,
    /// The snapshot, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Kept>,
    /// It is being written as a copy of another store, and is not whole.
    #[serde(default)]
    pub copying: bool,
}

/// A snapshot: what it covers, and its pieces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// See [`snapshot`].
    pub id: String,
    pub parts: i64,
    /// The last record that it covers.
    pub last: Row,
}

/// A piece of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub snapshot: String,
    pub part: i64,
    pub body: Binary,
}

#[derive(Serialize, Deserialize)]
struct Version {
    #[serde(rename = "_id")]
    name: String,
    layout: i32,
}

impl Row {
    /// A record as it is written.
    pub fn of(position: Position, entry: &Entry, body: &[u8]) -> Row {
        Row { body: Some(binary(body)), ..Row::covered(position, entry.turn, entry.stamp_ms, &entry.received) }
    }

    /// What of a record outlives it.
    pub fn covered(position: Position, turn: u64, stamp_ms: u64, received: &[u8]) -> Row {
        let [position, turn, stamp_ms] = [position.0, turn, stamp_ms].map(u64::cast_signed);
        Row { position, turn, stamp_ms, received: binary(received), body: None }
    }

    /// What is known of it.
    pub fn last(&self) -> Last {
        let [position, turn, stamp_ms] = [self.position, self.turn, self.stamp_ms].map(i64::cast_unsigned);
        Last { position: Position(position), turn, stamp_ms, received: self.received.bytes.clone() }
    }
}

impl Head {
    /// The last record that the snapshot covers, 0 without one.
    pub fn covered(&self) -> i64 {
        self.snapshot.as_ref().map_or(0, |kept| kept.last.position)
    }
}

pub(super) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The collections of one actor.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub server: MongoServer,
    pub actor: String,
    pub log: Collection<Page>,
    pub chunks: Collection<Chunk>,
    pub heads: Collection<Head>,
}

impl Shelf {
    pub fn of(server: &MongoServer, actor: &str) -> Shelf {
        let database = server.database();
        Shelf {
            server: server.clone(),
            actor: actor.into(),
            log: database.collection(&format!("log.{actor}")),
            chunks: database.collection(&format!("chunks.{actor}")),
            heads: database.collection("heads"),
        }
    }

    /// What errors call the store.
    pub fn name(&self) -> String {
        format!("{} of {}", self.actor, self.server.name())
    }

    pub fn damaged(&self, cause: impl Into<String>) -> StoreError {
        StoreError::Corrupt { store: self.name(), cause: cause.into() }
    }

    /// That a write came to nothing.
    pub fn failed(&self, cause: impl Into<String>) -> StoreError {
        StoreError::Io { store: self.name(), cause: cause.into() }
    }

    /// A snapshot as the head has it.
    pub fn kept(&self, kept: &Kept) -> Result<Bson, StoreError> {
        serialize_to_bson(kept).map_err(|error| self.failed(error.to_string()))
    }

    pub fn unfinished(&self) -> StoreError {
        self.damaged("a copy into it was not finished")
    }

    /// The head; that of an empty store where there is none.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let head = self.server.call(self.heads.find_one(doc! { "_id": &self.actor })).await?;
        Ok(head.unwrap_or_else(|| Head { actor: self.actor.clone(), from: 1, ..Head::default() }))
    }

    /// Makes what must be there before anything is written.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        let options = IndexOptions::builder().unique(true).build();
        let index = IndexModel::builder().keys(doc! { "snapshot": 1, "part": 1 }).options(options).build();
        self.server.call(self.chunks.create_index(index)).await.map(drop)
    }

    /// Deletes what came before what the head refers to. Claims stay. However late that is done, by whomever, nothing later is touched.
    pub async fn forget(&self, head: &Head) -> Result<(), StoreError> {
        self.server.call(self.log.delete_many(doc! { "_id": { "$lt": head.from }, "claim": { "$exists": false } })).await?;
        let id = head.snapshot.as_ref().map_or_else(|| snapshot(head.writer, 0), |kept| kept.id.clone());
        self.server.call(self.chunks.delete_many(doc! { "snapshot": { "$lt": id } })).await.map(drop)
    }
}

/// The id of a writer's snapshot. As texts they are in the order in which they were begun.
pub(super) fn snapshot(writer: i64, number: u64) -> String {
    format!("{writer:019}.{number:019}")
}

/// The version of the database's layout, 0 where there is none yet.
async fn version(server: &MongoServer) -> Result<i32, StoreError> {
    let store = server.name().to_owned();
    let versions = server.database().collection::<Version>("layout");
    let Some(version) = server.call(versions.find_one(doc! { "_id": OURS })).await? else { return Ok(0) };
    match version.layout {
        found @ 1..=LAYOUT => Ok(found),
        found => Err(StoreError::Newer { store, found: found.unsigned_abs(), known: LAYOUT.unsigned_abs() }),
    }
}

/// Brings the database to the latest layout. Every step can be taken twice, for two processes may take it at once.
pub(super) async fn migrate(server: &MongoServer) -> Result<(), StoreError> {
    let found = version(server).await?;
    // A later layout has its step from the one before here, between this and the new number.
    if found < LAYOUT {
        let versions = server.database().collection::<Version>("layout");
        // What another process wrote meanwhile, which may be a later one, stays.
        if !server.update(&versions, doc! { "_id": OURS, "layout": { "$lt": LAYOUT } }, doc! { "$set": { "layout": LAYOUT } }, true).await?
        {
            version(server).await?;
        }
    }
    Ok(())
}

/// The actors that have a store here, in a layout that is known.
pub(super) async fn actors(server: &MongoServer) -> Result<Vec<String>, StoreError> {
    version(server).await?;
    let heads = server.database().collection::<Head>("heads");
    let mut cursor = server.call(heads.find(doc! {}).sort(doc! { "_id": 1 })).await?;
    let mut actors = Vec::new();
    while server.call(cursor.advance()).await? {
        let head = cursor.deserialize_current().map_err(|error| foreign(server, &error))?;
        // Files are called after them.
        if !head.actor.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') {
            return Err(StoreError::Foreign { store: server.name().into(), cause: format!("no actor is called {:?}", head.actor) });
        }
        actors.push(head.actor);
    }
    Ok(actors)
}

/// A document that is not ours.
pub(super) fn foreign(server: &MongoServer, error: &mongodb::error::Error) -> StoreError {
    StoreError::Foreign { store: server.name().into(), cause: error.to_string() }
}
