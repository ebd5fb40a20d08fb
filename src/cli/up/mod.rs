//! `management up`: the live system, or one actor of it, until it is told to stop.

mod crew;
pub mod fleet;
pub mod launch;
mod serve_api;
mod token;
mod words;

use std::path::{Path, PathBuf};

use clap::Args;
use model::{Bytes, Cores, MOST_CORES};
use tokio::signal::unix::{SignalKind, signal};

use super::failure::{Failure, Outcome};
use super::logging::{self, LogFormat};
use super::terminal;
use super::values::words;
use crate::config;
use crate::runtime::ActorName;
use launch::{Launch, Launched};

/// Where the actors file lies if nobody says so.
const CONFIG: &str = "config/actors.json";

/// The actors file: as given, or the usual one where it is there.
pub fn actors_file(given: Option<&Path>) -> Option<&Path> {
    given.or_else(|| Some(Path::new(CONFIG)).filter(|file| file.is_file()))
}

/// Launch the live system: FrontEnd, JobManager, GlobalManager and Discovery
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  management up
  management up --config actors.json --actor discovery --join-token-file token
  management up --simulated-workers 100 --cores 16

Without --config it reads config/actors.json where there is one (docs/formats/actors.md); every key can be \
overridden by a variable, as in WHARFINGER_GM__WORKER_PORT=3200. The workers of the workers file that it names are \
launched by SSH (docs/formats/workers.md). Told to stop (SIGTERM, Ctrl-C) it takes no more \
requests, finishes what it took, and saves; told twice, or killed, it loses nothing either.
Exit codes: 0 stopped, 1 failed, 2 wrong usage, 3 a configuration that cannot be used, 130 told twice.")]
pub struct Up {
    /// Actors file
    #[arg(long, value_name = "FILE", env = "WHARFINGER_CONFIG")]
    config: Option<PathBuf>,
    /// Run this actor alone; the others run elsewhere, as the actors file says
    #[arg(long, value_name = "NAME", value_parser = words(&ActorName::ALL, ActorName::word))]
    actor: Option<ActorName>,
    /// Folder for stores, keys and the join token of this machine
    #[arg(long, value_name = "DIR", env = "WHARFINGER_STATE")]
    state: Option<PathBuf>,
    /// File with a join token, for an actor that is not the global manager's; that of the state folder if absent
    #[arg(long, value_name = "FILE", requires = "actor")]
    join_token_file: Option<PathBuf>,
    /// Simulated workers in this process, in real time
    #[arg(long, conflicts_with = "actor", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    simulated_workers: Option<u32>,
    /// Cores of each of them
    #[arg(long, value_name = "C", requires = "simulated_workers", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CORES)))]
    cores: u32,
    /// Memory of each of them
    #[arg(long, value_name = "M", requires = "simulated_workers", default_value = "32GiB")]
    memory: Bytes,
    /// Seed of what their tasks do
    #[arg(long, value_name = "S", requires = "simulated_workers", default_value_t = 1)]
    seed: u64,
    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "WHARFINGER_LOG_FORMAT")]
    log: LogFormat,
}

/// The user's folder of state.
pub fn state_folder() -> PathBuf {
    use etcetera::BaseStrategy as _;
    let base = etcetera::choose_base_strategy().ok();
    base.and_then(|base| base.state_dir()).unwrap_or_else(std::env::temp_dir).join("wharfinger")
}

/// Runs the command.
pub fn run(arguments: &Up) -> Result<Outcome, Failure> {
    logging::start(arguments.log);
    let config = config::read(actors_file(arguments.config.as_deref()), std::env::vars())?;
    let (heartbeat, cores) = (config.intervals.heartbeat, Cores(arguments.cores));
    let fleet = arguments.simulated_workers.map(|count| fleet::simulated(count, cores, arguments.memory, arguments.seed, heartbeat));
    let launch = Launch {
        config,
        actor: arguments.actor,
        state: arguments.state.clone().unwrap_or_else(state_folder),
        join_token: arguments.join_token_file.clone(),
        fleet,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::system("the threads cannot be started", &error))?;
    let outcome = runtime.block_on(serve(launch));
    // A connection to some host that is waited for holds nobody up.
    runtime.shutdown_background();
    outcome
}

async fn serve(launch: Launch) -> Result<Outcome, Failure> {
    let refused = |error| Failure::system("signals cannot be heard", &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut launched = tokio::select! {
        launched = launch.start() => launched?,
        _ = terminate.recv() => return Ok(Outcome::Done),
        _ = interrupt.recv() => return Ok(Outcome::Done),
    };
    terminal::print(&words::greeting(&launched))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        why = launched.ended() => return Err(why),
    }
    tracing::info!("told to stop: what was taken is finished and saved");
    tokio::select! {
        () = launched.stop() => Ok(Outcome::Done),
        _ = terminate.recv() => Ok(Outcome::Interrupted),
        _ = interrupt.recv() => Ok(Outcome::Interrupted),
    }
}

/// Where the worker program is: beside this one, then on the path.
pub fn worker_program() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("worker")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside.into_iter().chain(std::env::split_paths(&path).map(|folder| folder.join("worker"))).find(|program| program.is_file())
}

/// What is said to whoever has no worker program.
pub const NO_WORKER_PROGRAM: &str = "there is no `worker` beside this program or on the path: `cargo build --release` makes both";

impl Launched {
    /// Whether any worker is there.
    fn has_worker(&self) -> bool {
        self.system.door.view(|view| view.nodes().iter().any(|node| node.state == model::NodeState::Ready))
    }
}
