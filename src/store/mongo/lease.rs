//! The lease of an actor's store: one process has it, renews it, and frees it at its end. Times are the server's, so that clocks of hosts may differ.
//!
//! A process that was killed is seen to be gone by others of its host, which take its lease at once; others wait until it has run out. The lease
//! says who may begin. What keeps a writer out that lost it and does not know yet is the claim in the log.

use std::time::Duration;

use mongodb::Collection;
use mongodb::bson::{DateTime, doc, oid::ObjectId};
use serde::{Deserialize, Serialize};

use super::server::MongoServer;
use crate::store::StoreError;

/// How long a lease lasts unless it is renewed: so long a takeover waits after a kill.
const LEASE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    #[serde(rename = "_id")]
    actor: String,
    /// Who it is, for people.
    holder: String,
    /// Which process it is, for those of its own host.
    process: Process,
    /// Who it is, for the program.
    token: ObjectId,
    until: DateTime,
}

/// The right to open an actor's store.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    server: MongoServer,
    store: String,
    actor: String,
    token: ObjectId,
    leases: Collection<Document>,
}

impl Lease {
    /// Takes the lease, or says who has it.
    pub async fn take(server: &MongoServer, actor: &str, store: String) -> Result<Lease, StoreError> {
        let leases = server.database().collection("leases");
        let lease = Lease { server: server.clone(), store, actor: actor.into(), token: ObjectId::new(), leases };
        let now = server.now().await?;
        let free = doc! { "_id": actor, "$or": [{ "token": lease.token }, { "until": { "$lte": DateTime::from_millis(now) } }] };
        if lease.put(free, now, true).await? {
            return Ok(lease);
        }
        let held = server.call(lease.leases.find_one(doc! { "_id": actor })).await?;
        if let Some(held) = held.as_ref().filter(|held| held.process.is_gone())
            && lease.put(doc! { "_id": actor, "token": held.token }, now, false).await?
        {
            return Ok(lease);
        }
        // It may have been freed since.
        let (holder, until) = held.map_or(("another process".into(), now), |held| (held.holder, held.until.timestamp_millis()));
        let seconds = u64::try_from(until - now).unwrap_or_default().div_ceil(1000);
        Err(StoreError::Held { store: lease.store, holder, seconds })
    }

    /// Renews it until somebody else has it, which is the answer.
    pub async fn keep(self) -> StoreError {
        loop {
            tokio::time::sleep(LEASE / 4).await;
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => return self.taken().await,
                Err(error) => tracing::warn!(code = error.code(), "a lease cannot be renewed yet: {error}"),
            }
        }
    }

    /// That another process has it, and which.
    pub async fn taken(&self) -> StoreError {
        let found = self.server.call(self.leases.find_one(doc! { "_id": &self.actor })).await;
        let holder = found.ok().flatten().map_or_else(|| "another process".into(), |held| held.holder);
        StoreError::Taken { store: self.store.clone(), holder }
    }

    /// Lets the next have it at once.
    pub async fn free(&self) -> Result<(), StoreError> {
        self.server.call(self.leases.delete_one(doc! { "_id": &self.actor, "token": self.token })).await.map(drop)
    }

    async fn renew(&self) -> Result<bool, StoreError> {
        let now = self.server.now().await?;
        self.put(doc! { "_id": &self.actor, "token": self.token }, now, false).await
    }

    async fn put(&self, filter: mongodb::bson::Document, now: i64, make: bool) -> Result<bool, StoreError> {
        let until = DateTime::from_millis(now + i64::try_from(LEASE.as_millis()).expect("seconds are few"));
        let set = doc! { "$set": { "holder": holder(), "process": Process::this().document(), "token": self.token, "until": until } };
        self.server.update(&self.leases, filter, set, make).await
    }
}

/// A process, so that others of its host can see that it is gone, and need not wait for what a lease of it has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// The boot of the host, and the namespace of process ids: elsewhere the same id means another process.
    host: String,
    pid: u32,
    /// When it began, in ticks since the boot; ids are used again.
    began: i64,
}

impl Process {
    fn this() -> Process {
        Process::of(std::process::id()).unwrap_or(Process { host: String::new(), pid: 0, began: 0 })
    }

    /// A process of this host that lives.
    fn of(pid: u32) -> Option<Process> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        let about = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name, which may hold anything: the state first, then nineteenth the beginning.
        let mut fields = about.rsplit_once(')')?.1.split_whitespace();
        if fields.next()? == "Z" {
            return None;
        }
        let began = fields.nth(18)?.parse().ok()?;
        Some(Process { host: format!("{} {}", boot.trim(), namespace.display()), pid, began })
    }

    /// Whether it was one of this host and lives no more.
    fn is_gone(&self) -> bool {
        let here = Process::this();
        !here.host.is_empty() && here.host == self.host && Process::of(self.pid).as_ref() != Some(self)
    }

    fn document(&self) -> mongodb::bson::Document {
        doc! { "host": &self.host, "pid": i64::from(self.pid), "began": self.began }
    }
}

/// This process, as others are told.
pub(super) fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "a host" } else { host.trim() };
    format!("process {} on {host}", std::process::id())
}
