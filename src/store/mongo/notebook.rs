//! Documents beside the stores, for notebooks that read the earlier system's database. They are a projection: nothing of ours reads them, and
//! whoever writes them writes them anew as often as it likes.

use mongodb::Collection;
use mongodb::bson::{Document, doc, serialize_to_document};
use mongodb::options::ReturnDocument;
use serde_json::Value;

use super::server::MongoServer;
use crate::store::StoreError;

/// The most samples of a worker that are kept, so that its document stays far below what a document may hold.
const SAMPLES: i32 = 100_000;

/// What notebooks read.
#[derive(Clone, Debug)]
pub struct Notebook {
    server: MongoServer,
    jobs: Collection<Document>,
    workers: Collection<Document>,
    usage: Collection<Document>,
}

impl Notebook {
    /// The notebooks' collections of a database.
    #[must_use]
    pub fn of(server: &MongoServer) -> Notebook {
        let collection = |name: &str| server.database().collection(name);
        let [jobs, workers, usage] = ["JobsInfo", "WorkersInfo", "WorkersResourceInfo"].map(collection);
        Notebook { server: server.clone(), jobs, workers, usage }
    }

    /// Runs what writes them on the thread of the connection, until it ends.
    pub fn run(&self, writing: impl Future<Output = ()> + Send + 'static) {
        self.server.handle().spawn(writing);
    }

    /// Writes the document of a job.
    ///
    /// # Errors
    /// When the server is not reached, or refuses.
    pub async fn job(&self, id: &str, document: &Value) -> Result<(), StoreError> {
        self.put(&self.jobs, id, document).await
    }

    /// Writes the document of a worker, or deletes it.
    ///
    /// # Errors
    /// When the server is not reached, or refuses.
    pub async fn worker(&self, hostname: &str, document: Option<&Value>) -> Result<(), StoreError> {
        match document {
            Some(document) => self.put(&self.workers, hostname, document).await,
            None => self.server.call(self.workers.delete_one(doc! { "_id": hostname })).await.map(drop),
        }
    }

    /// Adds a sample of the share of a worker's cores that are used, at a time in seconds since the epoch, unless there is a later one.
    ///
    /// # Errors
    /// When the server is not reached, or refuses.
    pub async fn sample(&self, hostname: &str, at_s: f64, used: f64) -> Result<(), StoreError> {
        let first = doc! { "$setOnInsert": { "hostname": hostname, "init_time": at_s, "latest": -1.0, "details": [] } };
        let made = self.usage.find_one_and_update(doc! { "_id": hostname }, first).upsert(true).return_document(ReturnDocument::After);
        let made = self.server.call(made.projection(doc! { "init_time": 1 })).await?;
        let began = made.and_then(|made| made.get_f64("init_time").ok()).unwrap_or(at_s);
        let since = at_s - began;
        let add = doc! { "$push": { "details": { "$each": [[since, used]], "$slice": -SAMPLES } }, "$set": { "latest": since } };
        self.server.update(&self.usage, doc! { "_id": hostname, "latest": { "$lt": since } }, add, false).await.map(drop)
    }

    async fn put(&self, collection: &Collection<Document>, id: &str, document: &Value) -> Result<(), StoreError> {
        let document = serialize_to_document(document);
        let document = document.map_err(|error| StoreError::Io { store: self.server.name().into(), cause: error.to_string() })?;
        self.server.call(collection.replace_one(doc! { "_id": id }, document).upsert(true)).await.map(drop)
    }
}
