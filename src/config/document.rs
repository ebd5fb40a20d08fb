//! The actors file as it is written: its form, and nothing of what it means. Documented in docs/formats/actors.md, published as
//! docs/schema/actors.schema.json.

use std::path::PathBuf;

use indexmap::IndexMap;
use model::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the actors are, and how the system runs. Everything has a default, so that `{}` is one system on this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// The FrontEnd: clients talk to it.
    #[serde(rename = "FE")]
    pub fe: FrontEndPlace,
    /// The JobManager: it queues and plans.
    #[serde(rename = "JM")]
    pub jm: JobManagerPlace,
    /// The GlobalManager: it keeps the ledger and orders workers about.
    #[serde(rename = "GM")]
    pub gm: GlobalManagerPlace,
    /// Discovery: it hears workers.
    #[serde(rename = "DC")]
    pub dc: DiscoveryPlace,
    /// Where records are kept.
    pub store: StoreSection,
    /// The engines that workers may have: others are not let in (default all).
    pub engines: Option<Vec<Engine>>,
    /// The workers file: the hosts on which workers are launched by SSH.
    pub workers: Option<PathBuf>,
    /// How often things happen.
    pub intervals: IntervalSection,
    /// How much is kept.
    pub limits: LimitSection,
    /// Who may do what.
    pub security: SecuritySection,
    /// Write the inputs and plans of the JobManager to this file, for `management replay`.
    pub journal: Option<PathBuf>,
}

/// Where the FrontEnd is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FrontEndPlace {
    /// Its host (default 127.0.0.1).
    pub address: Option<String>,
    /// Port of the REST interface (default 5001).
    pub port: Option<u16>,
}

/// Where the JobManager is, and how it plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobManagerPlace {
    /// Its host (default 127.0.0.1).
    pub address: Option<String>,
    /// Port of its link; used where the FrontEnd runs in another process (default 2990).
    pub port: Option<u16>,
    /// Between two rounds of planning (default 0.1); also `intervals.round_s`.
    pub wait_time: Option<Seconds>,
    /// The policy of a new cluster: exactly one is 1 (default best-fit).
    pub scheduling_strategy: Option<IndexMap<String, u8>>,
}

/// Where the GlobalManager is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalManagerPlace {
    /// Its host (default 127.0.0.1).
    pub address: Option<String>,
    /// Port of its REST interface, which has the earlier routes alone (default 5000).
    pub port: Option<u16>,
    /// Port of its link, for workers and for actors in other processes (default 3100).
    pub worker_port: Option<u16>,
}

/// Where Discovery is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiscoveryPlace {
    /// Its host (default 127.0.0.1).
    pub address: Option<String>,
    /// Port of its link (default 4000).
    pub port: Option<u16>,
}

/// Where records are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// The folder, one file for each actor in it (default `store` in the state folder).
    pub path: Option<PathBuf>,
    /// What keeps them (default embedded).
    pub engine: StoreEngine,
    /// Of `mongodb`: a file with the connection string, for this user alone. The variable `WHARFINGER_MONGODB_URI` goes before it. The string
    /// itself, which may hold a password, has no key.
    pub uri_file: Option<PathBuf>,
    /// Of `mongodb`: the database (default that of the connection string, else `wharfinger`).
    pub database: Option<String>,
}

/// What keeps records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreEngine {
    /// A file for each actor, in this very process.
    #[default]
    Embedded,
    /// A MongoDB server, or one that speaks its protocol.
    Mongodb,
}

impl StoreEngine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Mongodb];

    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Mongodb => "mongodb",
        }
    }
}

/// An engine that runs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Plain processes.
    Process,
    /// Containers of Docker.
    Docker,
}

impl Engine {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Docker => "docker",
        }
    }
}

/// How often things happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IntervalSection {
    /// Between two rounds of planning; also `JM.wait_time`.
    pub round_s: Option<Seconds>,
    /// Between two heartbeats of a simulated worker; real ones are told on their own command line (default 0.2).
    pub heartbeat_s: Option<Seconds>,
    /// How long a worker may run tasks without hearing anything (default 10).
    pub lease_s: Option<Seconds>,
    /// How much longer Discovery waits before it gives a node up (default 1).
    pub lease_margin_s: Option<Seconds>,
}

/// How much is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSection {
    /// The most task instances that have not ended; more are refused (default 1,000,000).
    pub open_tasks: Option<u64>,
    /// Task instances of ended jobs that are kept (default 200,000).
    pub ended_tasks: Option<u64>,
    /// The latest events that are kept for those who resume (default 65,536).
    pub events: Option<u32>,
    /// Keys of submissions that are remembered, for a day at most (default 1,000,000).
    pub keys: Option<u32>,
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecuritySection {
    /// Every request of the REST interface needs a token. On an address of other hosts it must be true.
    pub tokens_required: bool,
    /// The certificate of the REST interface. On an address of other hosts it must be there.
    pub tls: Option<TlsSection>,
    /// Names, beside those of loopback, that clients may call the REST interface's host by.
    pub allowed_hosts: Vec<String>,
    /// How long certificates of links hold; they are renewed in time (default 86,400).
    pub certificate_s: Option<Seconds>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// PEM file with the chain of certificates.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}
