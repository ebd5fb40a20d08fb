//! The workers file: on which hosts workers are launched, by SSH or beside management, and what they are told. Documented in docs/formats/workers.md, published as
//! docs/schema/workers.schema.json. The earlier system's files are taken as they are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::home_dir;
use model::{Bytes, CpuSet, Labels, Millis, Name, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::sim::input::{Fault, InputError, Source};

/// The port of SSH.
const SSH_PORT: u16 = 22;
/// The address of the host that management itself is on: no SSH is needed there.
const LOCAL: &str = "local";
/// Where a worker lies in its user's home.
const FOLDER: &str = ".local/share/wharfinger";
/// How long a step may take.
const TIMEOUT: Millis = Millis(15_000);
/// What a worker is told by the launch itself.
const OURS: [&str; 6] = ["--name", "--manager", "--discovery", "--state", "--token", "--token-file"];

/// A host, and the worker on it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerEntry {
    /// The host, as in `10.0.0.7` or `10.0.0.7:2222`; `local`: the one that management is on, without SSH.
    pub address: String,
    /// Who logs in there; nobody at `local`.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the private key (default: the keys of the SSH agent).
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// File with the keys of hosts that are trusted (default ~/.ssh/known_hosts).
    #[serde(default)]
    pub known_hosts: Option<PathBuf>,
    /// What the node is called (default: the host of the address).
    #[serde(default)]
    pub name: Option<Name>,
    /// The cores to offer (default all).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub cores: Option<CpuSet>,
    /// The memory to offer (default: the share of the cores).
    #[serde(default)]
    pub memory: Option<Bytes>,
    /// Labels of the node.
    #[serde(default)]
    pub labels: Labels,
    /// Between two status reports (default 0.2).
    #[serde(default)]
    pub frequency: Option<Seconds>,
    /// Where program and state lie on the host, from the user's home on (default .local/share/wharfinger).
    #[serde(default)]
    pub folder: Option<String>,
    /// Further arguments of the worker, a word each.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Where the worker reaches the GlobalManager (default: as the actors file says, by the address that this host has towards that one
    /// where the file says 0.0.0.0).
    #[serde(default)]
    pub manager: Option<String>,
    /// Where the worker reaches Discovery (default likewise).
    #[serde(default)]
    pub discovery: Option<String>,
    /// How long connecting, logging in, or a step of an upload may take (default 15).
    #[serde(default)]
    pub timeout_s: Option<Seconds>,
    /// The worker is told to end when `management up` ends (default false: it and its tasks go on for as long as the lease holds).
    #[serde(default)]
    pub stop_with_management: bool,
    /// A shell command of the earlier system; it is not run.
    #[serde(default)]
    pub launch_worker: Option<String>,
    /// A shell command of the earlier system; it is not run.
    #[serde(default)]
    pub kill_worker: Option<String>,
}

/// A host, checked, with what its worker is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerHost {
    /// Where its sshd listens.
    pub place: Place,
    /// Who logs in; absent: nobody, for the host is this one.
    pub user: Option<String>,
    /// The private key; absent: those of the agent.
    pub key: Option<PathBuf>,
    /// The keys of hosts that are trusted.
    pub known_hosts: PathBuf,
    /// The node.
    pub name: Name,
    /// Where program and state lie.
    pub folder: String,
    /// What the worker is told beside what the launch says.
    pub words: Vec<String>,
    /// Where it reaches the GlobalManager, if the file says so.
    pub manager: Option<String>,
    /// Where it reaches Discovery, if the file says so.
    pub discovery: Option<String>,
    /// How long a step may take.
    pub timeout: Duration,
    /// It ends with management.
    pub stop_with_management: bool,
}

impl WorkerHost {
    /// The host, as people are told.
    #[must_use]
    pub fn shown(&self) -> String {
        self.user.as_ref().map_or_else(|| LOCAL.to_owned(), |_| self.place.to_string())
    }
}

/// The hosts of a workers file.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    /// Each once, in the order of the file.
    pub hosts: Vec<WorkerHost>,
    /// What was passed over.
    pub note: Option<String>,
}

/// Reads a workers file.
///
/// # Errors
/// Names the file, line and key.
pub fn read_workers(file: &Path) -> Result<Workers, InputError> {
    parse(&Source::read(file)?)
}

/// The same of a text.
pub(super) fn parse(source: &Source) -> Result<Workers, InputError> {
    let entries: Vec<WorkerEntry> = source.parse()?;
    let mut workers = Workers::default();
    for (index, entry) in entries.iter().enumerate() {
        let host = resolve(entry).map_err(|(key, fault)| source.fault_at(&format!("[{index}].{key}"), fault))?;
        if let Some(before) = workers.hosts.iter().position(|other| other.name == host.name) {
            let fault = Fault::Duplicate(format!("`{}` is the name of entry {before} already: give each a `name` of its own", host.name));
            return Err(source.fault_at(&format!("[{index}]"), fault));
        }
        workers.hosts.push(host);
    }
    if entries.iter().any(|entry| entry.launch_worker.is_some() || entry.kill_worker.is_some()) {
        let note =
            "launch_worker and kill_worker are not run: no shell command of a file is; what a worker is told beside is in `arguments`";
        workers.note = Some(format!("{}: {note}", source.file().display()));
    }
    Ok(workers)
}

/// A key and what is wrong with it.
type Wrong = (&'static str, Fault);

fn resolve(entry: &WorkerEntry) -> Result<WorkerHost, Wrong> {
    let place = place(&entry.address).ok_or_else(|| wrong("address", "it is a host, or a host and a port, as in `10.0.0.7:2222`"))?;
    match &entry.user {
        None if entry.address != LOCAL => {
            return Err(wrong("user", "it is missing: who logs in there? (nobody where `address` is `local`)"));
        }
        Some(_) if entry.address == LOCAL => return Err(wrong("user", "nobody logs in at `local`: the worker runs as management does")),
        Some(user) if user.is_empty() || user.starts_with('-') || !is_plain(user) => return Err(wrong("user", "it is no name of a user")),
        _ => {}
    }
    let unnamed = || wrong("address", "it is no name of a node: give the entry a `name`");
    let name = entry.name.clone().map_or_else(|| place.host.parse().map_err(|_| unnamed()), Ok)?;
    let folder = entry.folder.as_deref().unwrap_or(FOLDER);
    let folder = folder.strip_prefix("~/").unwrap_or(folder).trim_end_matches('/');
    if folder.is_empty() || folder.starts_with(['-', '~']) || !is_plain(folder) {
        return Err(wrong("folder", "it is a folder of the host, from the user's home on or from `/` on"));
    }
    for word in &entry.arguments {
        let option = word.split('=').next().unwrap_or_default();
        if OURS.contains(&option) || matches!(option, "start" | "stop" | "status") {
            return Err(wrong("arguments", format!("`{option}` is said by the launch itself")));
        }
        if !is_plain(word) {
            return Err(wrong("arguments", "a word holds a control character"));
        }
    }
    for (key, place) in [("manager", &entry.manager), ("discovery", &entry.discovery)] {
        if place.as_deref().is_some_and(|text| self::place(text).is_none_or(|place| place.port == SSH_PORT)) {
            return Err(wrong(key, "it is a host and a port, as in `10.0.0.1:3100`"));
        }
    }
    let timeout = entry.timeout_s.map_or(TIMEOUT, |Seconds(span)| span);
    if !(Millis(100)..=Millis(3_600_000)).contains(&timeout) {
        return Err(wrong("timeout_s", "it is from 0.1 to 3600"));
    }
    Ok(WorkerHost {
        place,
        user: entry.user.clone(),
        key: entry.key.as_deref().map(at_home),
        known_hosts: at_home(entry.known_hosts.as_deref().unwrap_or(Path::new("~/.ssh/known_hosts"))),
        name,
        folder: folder.to_owned(),
        words: words(entry)?,
        manager: entry.manager.clone(),
        discovery: entry.discovery.clone(),
        timeout: Duration::from_millis(timeout.0),
        stop_with_management: entry.stop_with_management,
    })
}

/// What the worker's command line says of the node.
fn words(entry: &WorkerEntry) -> Result<Vec<String>, Wrong> {
    let mut words = Vec::new();
    if let Some(Seconds(span)) = entry.frequency {
        if !(Millis(10)..=Millis(3_600_000)).contains(&span) {
            return Err(wrong("frequency", "it is from 0.01 to 3600"));
        }
        words.push(format!("{}", span.0 as f64 / 1000.0));
    }
    let option = |name: &str, value: String| [name.to_owned(), value];
    words.extend(entry.cores.iter().flat_map(|cores| option("--cores", cores.to_string())));
    words.extend(entry.memory.iter().flat_map(|memory| option("--memory", format!("{}b", memory.0))));
    for (key, value) in &entry.labels {
        if key.is_empty() || key.contains('=') || !is_plain(key) || !is_plain(value) {
            return Err(wrong("labels", "a label has a name without `=`, and no control characters"));
        }
        words.extend(option("--label", format!("{key}={value}")));
    }
    words.extend(entry.arguments.iter().cloned());
    Ok(words)
}

fn wrong(key: &'static str, what: impl Into<String>) -> Wrong {
    (key, Fault::Value(what.into()))
}

/// No control characters: what a shell ends a word or a command at even within quotes.
fn is_plain(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// A host with a port, or with that of SSH; an IPv6 address stands in brackets where a port follows.
fn place(text: &str) -> Option<Place> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, SSH_PORT),
        Some((host, port)) => (host, port.strip_prefix(':')?.parse().ok()?),
        None if text.matches(':').count() == 1 => text.split_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)))?,
        None => (text, SSH_PORT),
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    let good = !host.is_empty() && !host.starts_with('-') && host.bytes().all(fits) && port > 0;
    good.then(|| Place { host: host.to_owned(), port })
}

/// A path whose `~/` is this user's home.
fn at_home(path: &Path) -> PathBuf {
    let below = path.strip_prefix("~").ok().zip(home_dir().ok());
    below.map_or_else(|| path.to_owned(), |(below, home)| home.join(below))
}
