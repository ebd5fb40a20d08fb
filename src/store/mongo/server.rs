//! The connection to a server, shared by the stores of a process: one client with one thread, and a limit of time for each call.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use mongodb::{Client, Collection, Database};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::runtime::{Builder, Handle, Runtime};

use super::fault;
use crate::store::StoreError;

/// The database where nobody names another.
const DATABASE: &str = "wharfinger";
/// How long a server that takes writes is looked for: longer than a short hiccup, shorter than a worker's lease.
const SELECTION: Duration = Duration::from_secs(4);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// A database on a MongoDB server, or on one that speaks its protocol.
#[derive(Clone)]
pub struct MongoServer(Arc<Connection>);

struct Connection {
    thread: Thread,
    client: Client,
    database: Database,
    /// Hosts and database, with nothing secret.
    name: String,
}

/// The runtime of the driver; None once it is being dropped.
struct Thread(Option<Runtime>);

impl MongoServer {
    /// Prepares the connection; whether a server answers shows with the first store. The connection string may hold a password: it is shown
    /// to nobody.
    ///
    /// # Errors
    /// When the connection string cannot be used.
    pub fn connect(address: &SecretString, database: Option<&str>) -> Result<MongoServer, StoreError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("mongodb").enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Io { store: "mongodb".into(), cause: error.to_string() })?;
        let thread = Thread(Some(runtime));
        let options = apart(thread.handle(), async { ClientOptions::parse(address.expose_secret().trim()).await });
        // What the driver says of a string quotes it, so it is not passed on.
        let mut options = options.map_err(|_| StoreError::Address { cause: unusable(address).into() })?;
        options.app_name.get_or_insert_with(|| "wharfinger".into());
        options.server_selection_timeout = Some(SELECTION);
        options.connect_timeout = Some(SELECTION);
        options.retry_writes = Some(true);
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(CALL).build());
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let database = database.map(str::to_owned).or_else(|| options.default_database.clone()).unwrap_or_else(|| DATABASE.into());
        let name = format!("mongodb://{}/{database}", hosts.join(","));
        let client = {
            let _inside = thread.handle().enter();
            Client::with_options(options).map_err(|_| StoreError::Address { cause: unusable(address).into() })?
        };
        let database = client.database(&database);
        Ok(MongoServer(Arc::new(Connection { thread, client, database, name })))
    }

    /// Hosts and database, with nothing secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(super) fn handle(&self) -> &Handle {
        self.0.thread.handle()
    }

    /// Waits for a future, in tasks of an asynchronous runtime too.
    pub(super) fn wait<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        apart(self.handle(), future)
    }

    /// Makes a call, within its time.
    pub(super) async fn call<T>(&self, call: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, StoreError> {
        self.timely(call).await?.map_err(|error| self.fault(&error))
    }

    /// Inserts a document; false: its key is there already.
    pub(super) async fn insert<T: Serialize + Send + Sync>(&self, collection: &Collection<T>, document: &T) -> Result<bool, StoreError> {
        match self.timely(collection.insert_one(document)).await? {
            Ok(_) => Ok(true),
            Err(error) if fault::is_duplicate(&error) => Ok(false),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// Updates the document that the filter finds, or makes it; false: there is none, or where it may be made, its key is another's.
    pub(super) async fn update<T: Send + Sync>(
        &self,
        collection: &Collection<T>,
        filter: Document,
        update: Document,
        upsert: bool,
    ) -> Result<bool, StoreError> {
        match self.timely(collection.update_one(filter, update).upsert(upsert)).await? {
            Ok(done) => Ok(done.matched_count > 0 || done.upserted_id.is_some()),
            Err(error) if fault::is_duplicate(&error) => Ok(false),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// The time by the server's clock, in milliseconds since the epoch.
    pub(super) async fn now(&self) -> Result<i64, StoreError> {
        let hello = self.call(self.client().database("admin").run_command(doc! { "hello": 1 })).await?;
        let time = hello.get_datetime("localTime").map(|time| time.timestamp_millis());
        time.map_err(|_| StoreError::Io { store: self.name().into(), cause: "the server does not say what time it is".into() })
    }

    async fn timely<T>(&self, call: impl IntoFuture<Output = T>) -> Result<T, StoreError> {
        let late = |_| StoreError::Io { store: self.name().into(), cause: format!("no answer within {} s", CALL.as_secs()) };
        tokio::time::timeout(CALL, call.into_future()).await.map_err(late)
    }

    fn fault(&self, error: &mongodb::error::Error) -> StoreError {
        fault::named(self.name().into(), error)
    }
}

impl fmt::Debug for MongoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoServer({})", self.name())
    }
}

impl Thread {
    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it goes only when this is dropped").handle()
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Not to wait: a runtime may not be waited for in another's task.
            runtime.shutdown_background();
        }
    }
}

/// Runs a future of the runtime on a thread of its own: the caller's may belong to another runtime, which forbids to block on it.
fn apart<T: Send>(handle: &Handle, future: impl Future<Output = T> + Send) -> T {
    let done = std::thread::scope(|scope| scope.spawn(|| handle.block_on(future)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Why a connection string may not be usable, by what is visible of it without its secrets.
fn unusable(address: &SecretString) -> &'static str {
    let text = address.expose_secret().trim();
    if text.is_empty() {
        "is empty: write it as mongodb://USER:PASSWORD@HOST:PORT/?OPTIONS"
    } else if text.starts_with("mongodb+srv://") {
        "is of the form mongodb+srv, which is not known here: write the hosts as mongodb://a,b,c/?replicaSet=NAME"
    } else if !text.starts_with("mongodb://") {
        "begins otherwise than mongodb://"
    } else {
        "cannot be read: mongodb://USER:PASSWORD@HOST:PORT/?OPTIONS, with all but letters and digits of user and password percent-encoded"
    }
}
