//! What an actors file means: defaults filled in, values checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use actors::Limits;
use indexmap::IndexMap;
use model::{Millis, Policy, PolicyName, Seconds};

use super::document::{Document, Engine, LimitSection, SecuritySection, StoreSection};
use crate::sim::input::Fault;

/// A host and a port of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A name or an address.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Where each actor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The FrontEnd's REST interface.
    pub front_end: Place,
    /// The JobManager's link.
    pub job_manager: Place,
    /// The GlobalManager's REST interface.
    pub global_manager: Place,
    /// The GlobalManager's link.
    pub workers: Place,
    /// Discovery's link.
    pub discovery: Place,
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Every request needs a token.
    pub tokens_required: bool,
    /// Files of the certificate and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Names that clients may call the host by.
    pub allowed_hosts: Vec<String>,
    /// How long certificates of links hold.
    pub certificate: Duration,
}

/// Times of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// The JobManager's round.
    pub round: Millis,
    /// Between heartbeats of simulated workers.
    pub heartbeat: Millis,
    /// A worker's lease.
    pub lease: Millis,
    /// How much longer Discovery waits.
    pub lease_margin: Millis,
}

/// A configuration, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where each actor is.
    pub places: Places,
    /// The policy of a new cluster.
    pub policy: Policy,
    /// Where records are kept.
    pub store: StoreSection,
    /// The engines that workers may have; absent: all.
    pub engines: Option<Vec<Engine>>,
    /// The workers file, where workers are to be launched by SSH.
    pub workers: Option<PathBuf>,
    /// Where the journal is written.
    pub journal: Option<PathBuf>,
    /// Times.
    pub intervals: Intervals,
    /// How much is kept.
    pub limits: Limits,
    /// Who may do what.
    pub security: Security,
}

/// A key and what is wrong with it.
type Wrong = (String, Fault);

/// Fills in defaults and checks.
pub fn resolve(document: &Document) -> Result<Config, Wrong> {
    let Document { fe, jm, gm, dc, store, engines, workers, intervals, limits, security, journal } = document;
    let host = |key: &str, address: &Option<String>| match address.as_deref() {
        Some(host) if host.is_empty() || host.contains(['/', ' ']) => {
            Err((format!("{key}.address"), Fault::Value("it is the name or the address of a host, without a port".into())))
        }
        host => Ok(host.unwrap_or("127.0.0.1").to_owned()),
    };
    let place = |key: &str, address, port: Option<u16>, default| Ok(Place { host: host(key, address)?, port: port.unwrap_or(default) });
    let places = Places {
        front_end: place("FE", &fe.address, fe.port, 5001)?,
        job_manager: place("JM", &jm.address, jm.port, 2990)?,
        global_manager: place("GM", &gm.address, gm.port, 5000)?,
        workers: place("GM", &gm.address, gm.worker_port, 3100)?,
        discovery: place("DC", &dc.address, dc.port, 4000)?,
    };
    let round = match (jm.wait_time, intervals.round_s) {
        (Some(one), Some(other)) if one != other => {
            let cause = format!("it is {}, and JM.wait_time, which means the same, is {}", other.0, one.0);
            return Err(("intervals.round_s".into(), Fault::Contradiction(cause)));
        }
        (one, other) => span(if one.is_some() { "JM.wait_time" } else { "intervals.round_s" }, one.or(other), Millis(100), Millis(1))?,
    };
    let intervals = Intervals {
        round,
        heartbeat: span("intervals.heartbeat_s", intervals.heartbeat_s, Millis(200), Millis(10))?,
        lease: span("intervals.lease_s", intervals.lease_s, Millis(10_000), Millis(100))?,
        lease_margin: span("intervals.lease_margin_s", intervals.lease_margin_s, Millis(1000), Millis(100))?,
    };
    let policy = policy(jm.scheduling_strategy.as_ref())?;
    let (limits, security) = (limits_of(limits)?, security_of(security)?);
    if engines.as_ref().is_some_and(Vec::is_empty) {
        return Err(("engines".into(), Fault::Value("with none of them no worker gets in; leave the key out for all".into())));
    }
    let (engines, workers, journal) = (engines.clone(), workers.clone(), journal.clone());
    Ok(Config { places, policy, store: store_of(store)?, engines, workers, journal, intervals, limits, security })
}

fn span(key: &str, given: Option<Seconds>, default: Millis, least: Millis) -> Result<Millis, Wrong> {
    let given = given.map_or(default, |seconds| seconds.0);
    if given < least {
        return Err((key.into(), Fault::Value(format!("it is {given}; the least is {least}"))));
    }
    Ok(given)
}

/// The strategy that is 1.
fn policy(strategies: Option<&IndexMap<String, u8>>) -> Result<Policy, Wrong> {
    const KEY: &str = "JM.scheduling_strategy";
    let Some(strategies) = strategies else { return Ok(Policy::from(PolicyName::BestFit)) };
    let mut chosen = Vec::new();
    for (word, value) in strategies {
        let name = match word.as_str() {
            // As the earlier system spelled it.
            "best-fir-decreasing" => Ok(PolicyName::BestFitDecreasing),
            word => word.parse::<PolicyName>(),
        };
        let at = format!("{KEY}.{word}");
        let name = name.map_err(|_| (at.clone(), Fault::unknown("strategy", word, PolicyName::ALL.iter().map(|name| name.word()))))?;
        match value {
            0 => {}
            1 => chosen.push(name),
            _ => return Err((at, Fault::Value(format!("it is {value}: 1 for the strategy in use, 0 for all others")))),
        }
    }
    match chosen[..] {
        [name] => Ok(Policy::from(name)),
        _ => Err((KEY.into(), Fault::Value(format!("{} strategies are 1; exactly one is", chosen.len())))),
    }
}

fn limits_of(section: &LimitSection) -> Result<Limits, Wrong> {
    let default = Limits::default();
    let positive = |key: &str, given: Option<u64>, default: u64| match given {
        Some(0) => Err((format!("limits.{key}"), Fault::Value("it is 0: nothing would be taken".into()))),
        given => Ok(given.unwrap_or(default)),
    };
    Ok(Limits {
        open_tasks: positive("open_tasks", section.open_tasks, default.open_tasks)?,
        ended_tasks: section.ended_tasks.unwrap_or(default.ended_tasks),
        events: positive("events", section.events.map(u64::from), default.events as u64)? as usize,
        keys: positive("keys", section.keys.map(u64::from), default.keys as u64)? as usize,
    })
}

fn store_of(section: &StoreSection) -> Result<StoreSection, Wrong> {
    // What MongoDB allows in every version, and what a connection string could hold.
    let bad = |name: &String| name.is_empty() || name.len() > 63 || name.contains(|letter: char| "/\\. \"$*<>:|?\0".contains(letter));
    match section.database.as_ref().filter(|name| bad(name)) {
        Some(name) => Err(("store.database".into(), Fault::Value(format!("`{name}` is no name of a database")))),
        None => Ok(section.clone()),
    }
}

fn security_of(section: &SecuritySection) -> Result<Security, Wrong> {
    let certificate = span("security.certificate_s", section.certificate_s, Millis(86_400_000), Millis(60_000))?;
    Ok(Security {
        tokens_required: section.tokens_required,
        tls: section.tls.as_ref().map(|tls| (tls.certificate.clone(), tls.key.clone())),
        allowed_hosts: section.allowed_hosts.clone(),
        certificate: Duration::from_millis(certificate.0),
    })
}
