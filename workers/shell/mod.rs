//! The network shell of a worker: it joins, holds its lease, brings orders to the agent and reports to Discovery, and comes back after
//! a restart with what goes on meanwhile under the guards.

mod entry;
mod lease;
mod node;
mod questions;
mod reports;
mod session;
mod state;
mod stop;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use link::identity::{Identity, Role};
use link::{Dialer, DialerOptions, FromServer, LinkLimits};
use tokio::sync::mpsc::Receiver;

use crate::Error;
use crate::arguments::{Arguments, Cgroups, EngineKind};
use crate::cgroup::CgroupSupport;
use crate::docker::Swarm;
use crate::drivers::guarded::{GuardedDriver, Settings};
use crate::host::Host;
use crate::image;
use crate::neighbours;
use crate::run::{Engine, ProcessEngine, boot_time};
use entry::Entry;
use model::{JoinRefusal, Millis};
pub use node::Node;
pub use session::{Links, Over, Pace, Wire};
pub use state::Remember;
use state::State;
pub use stop::Stop;

/// How a worker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its node was let go, or everything has stopped.
    Done,
    /// It cannot go on.
    Failed,
    /// The manager does not take its token or its certificate.
    NotAdmitted,
    /// The manager does not let this worker in.
    Refused(JoinRefusal),
    /// It was told to end, and tasks were still there when its time was over.
    LeftTasks,
    /// It was told twice.
    AtOnce,
}

impl Ending {
    /// The exit code, as the help says.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::NotAdmitted | Self::Refused(JoinRefusal::Engine) => 3,
            Self::Refused(JoinRefusal::NameTaken) => 4,
            Self::LeftTasks => 5,
            Self::AtOnce => 130,
        })
    }
}

/// Runs a worker to its end.
///
/// # Errors
/// When it cannot serve.
pub fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let host = Host::detect()?;
    let name = arguments.name.clone().unwrap_or_else(|| host.node_name());
    let spec = host.claim(name.clone(), arguments.labels(), arguments.cores.as_ref(), arguments.memory)?;
    let heartbeat = Millis((arguments.frequency * 1000.0) as u64).max(Millis(1));
    let folder = arguments.state(&name);
    let settings = Settings { output_cap: arguments.output_cap, engine: engine(arguments), ..Settings::new(folder.clone()) };
    let (driver, recovered, mut signals) = GuardedDriver::open(settings)?;
    let state = State::open(&folder)?;
    let entry = Entry::new(arguments, name.as_str(), &state)?;
    let (_held, shared) = neighbours::hold(&spec.class.task_cpuset());
    if !shared.is_empty() {
        tracing::warn!(cores = %shared, "another worker of this machine offers these cores too: give each --cores of its own");
    }
    tracing::info!(cores = %spec.class.task_cpuset(), memory = %spec.class.task_memory(), runs = recovered.len(), "{name} is ready");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let swarm = runtime.block_on(async { arguments.swarm().map_or_else(Swarm::none, Swarm::start) });
    let mut node = Node::in_swarm(boot_time(), spec, heartbeat, state, (driver, recovered), swarm)?;
    runtime.block_on(async {
        let mut stop = Stop::listen(Duration::from_secs(arguments.drain)).map_err(Error::Runtime)?;
        let mut serving = false;
        let pace = Pace { clock: &boot_time, heartbeat };
        loop {
            let identity = tokio::select! {
                identity = entry.identity() => identity?,
                // Nothing was said to anybody yet in this life; what an earlier one left goes on under its guards.
                _ = stop.wished() => return Ok(Ending::Done),
            };
            if arguments.engine == EngineKind::Docker && !serving {
                let runs = folder.join("runs");
                let bound = image::Server::start(&arguments.images(), &identity, runs).await.map_err(Error::Link)?;
                tracing::info!(address = %bound, "images of containers that move are given away");
                node.gives_images(bound.to_string());
                serving = true;
            }
            let (manager, orders) = dial(arguments.manager.clone(), &identity)?;
            let (discovery, answers) = dial(arguments.discovery(), &identity)?;
            let mut links = Links::new((Box::new(Arc::clone(&manager)), orders), (Box::new(Arc::clone(&discovery)), answers));
            let over = links.serve(&mut node, &mut signals, &mut stop, &pace, || entry.is_stale(&identity)).await;
            drop(links);
            for dialer in [manager, discovery].into_iter().filter_map(Arc::into_inner) {
                dialer.shutdown().await;
            }
            if let Over::End(ending) = over {
                if node.was_let_go() {
                    node.swarm.leave().await;
                }
                return match ending {
                    Ending::Refused(JoinRefusal::NameTaken) => Err(Error::NameTaken { name }),
                    Ending::Refused(JoinRefusal::Engine) => Err(Error::EngineRefused { engine: arguments.engine.label() }),
                    ending => Ok(ending),
                };
            }
        }
    })
}

/// What runs the tasks, as the command line says and the host allows.
fn engine(arguments: &Arguments) -> Engine {
    if arguments.engine == EngineKind::Docker {
        return Engine::Docker(arguments.docker());
    }
    let cgroups = match arguments.cgroups {
        Cgroups::Auto => CgroupSupport::detect(&arguments.cgroup_parent),
        Cgroups::Off => CgroupSupport::default(),
    };
    cgroups.lacking.iter().for_each(|reason| tracing::info!("{reason}"));
    Engine::Process(ProcessEngine::here(cgroups.hierarchies))
}

/// Begins to dial an actor.
fn dial(address: String, identity: &Identity) -> Result<(Arc<Dialer>, Receiver<FromServer>), Error> {
    let identity = identity.clone();
    let options = DialerOptions { address, identity, server: Role::Actor, hello: Bytes::new(), limits: LinkLimits::default() };
    let (dialer, events) = Dialer::start(options).map_err(Error::Link)?;
    Ok((Arc::new(dialer), events))
}
