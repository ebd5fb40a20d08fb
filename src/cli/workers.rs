//! `management workers`: the workers of the workers file, started, stopped and looked at on their hosts by SSH.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use model::{Name, Role};
use secrecy::SecretString;
use serde::Serialize;

use super::failure::{Failure, Outcome as Ending};
use super::server::ServerArguments;
use super::shape::{Shape, grid, plain};
use super::terminal;
use super::up::{NO_WORKER_PROGRAM, actors_file, worker_program};
use crate::api::body::{MadeToken, NewToken};
use crate::client::{Call, Client, ClientOptions};
use crate::config::{self, Config, Place, WorkerHost};
use crate::runtime::launch::{self, Launcher, Outcome, Program, Reach, Row, TokenMaker};
use crate::sim::input::Fault;

/// Start, stop and look at the workers of the workers file, on their hosts by SSH
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management workers start --file workers.json
  management workers status pier-1 10.0.0.7
  management workers stop -o json")]
pub struct Workers {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Start the workers that do not run, and upload their program where it is absent or another
    Start(Box<Start>),
    /// Tell the workers to end, and wait until they have
    Stop(Stop),
    /// Say which workers run and have joined
    Status(Status),
}

/// Which hosts.
#[derive(Debug, Args)]
struct Hosts {
    /// Workers file (else the one that the actors file names; docs/formats/workers.md)
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Actors file (config/actors.json where there is one)
    #[arg(long, value_name = "FILE", env = "WHARFINGER_CONFIG")]
    config: Option<PathBuf>,
    /// Nodes or addresses of the file; all if absent
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management workers start --file workers.json
  management workers start pier-1 --program target/release/worker

Each worker gets a token for one join, which the live system makes. Exit codes: 0 all run and have joined, 1 some do not; \
the table says which, why, and what to do.")]
struct Start {
    #[command(flatten)]
    hosts: Hosts,
    /// The worker's program for the hosts (else the one beside this program, or on the path)
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management workers stop
  management workers stop pier-1

As with SIGTERM, a worker has its node emptied first: its tasks start again elsewhere. Exit codes: 0 none of them runs, \
1 some may; the table says which, why, and what to do.")]
struct Stop {
    #[command(flatten)]
    hosts: Hosts,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management workers status
  management workers status -o json

Exit codes: 0 all run and have joined, 1 some do not.")]
struct Status {
    #[command(flatten)]
    hosts: Hosts,
}

/// What happened on all hosts.
#[derive(Debug, Serialize)]
struct Report {
    workers: Vec<Row>,
}

/// Runs the command.
pub fn run(arguments: &Workers) -> Result<Ending, Failure> {
    let (chosen, wanted) = match &arguments.deed {
        Deed::Start(start) => (&start.hosts, &[Outcome::Started, Outcome::Runs][..]),
        Deed::Stop(stop) => (&stop.hosts, &[Outcome::Stopped, Outcome::NotRunning][..]),
        Deed::Status(status) => (&status.hosts, &[Outcome::Runs][..]),
    };
    let config = config::read(actors_file(chosen.config.as_deref()), std::env::vars())?;
    let hosts = chosen.read(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Failure::system("the threads cannot be started", &error))?;
    let rows = match &arguments.deed {
        Deed::Start(start) => {
            let launcher = Launcher {
                program: program(start.program.as_deref())?,
                reach: reach(&config)?,
                tokens: by_request(start.server.options()?)?,
            };
            runtime.block_on(launch::each(hosts, move |host| launcher.start(host)))
        }
        Deed::Stop(_) => runtime.block_on(launch::each(hosts, Launcher::stop)),
        Deed::Status(_) => {
            let program = program(None).ok();
            runtime.block_on(launch::each(hosts, move |host| Launcher::status(program.as_ref(), host)))
        }
    };
    let is_well = rows.iter().all(|row| wanted.contains(&row.outcome));
    chosen.output.print(&Report { workers: rows }, table)?;
    Ok(if is_well { Ending::Done } else { Ending::Failed })
}

impl Hosts {
    /// The hosts of the file that are asked for.
    fn read(&self, config: &Config) -> Result<Vec<WorkerHost>, Failure> {
        let none = "there is no workers file: name one with --file, or as `workers` in the actors file";
        let file = self.file.as_deref().or(config.workers.as_deref()).ok_or_else(|| Failure::usage(none))?;
        let all = read(file)?;
        let is_called =
            |host: &WorkerHost, word: &str| host.name.as_str() == word || host.place.host == word || host.place.to_string() == word;
        for word in &self.hosts {
            if !all.iter().any(|host| is_called(host, word)) {
                return Err(Fault::unknown("host", word, all.iter().map(|host| host.name.as_str())).in_file(file).into());
            }
        }
        let is_asked = |host: &WorkerHost| self.hosts.is_empty() || self.hosts.iter().any(|word| is_called(host, word));
        Ok(all.into_iter().filter(is_asked).collect())
    }
}

/// The hosts of a workers file; what was passed over in it is said.
pub fn read(file: &Path) -> Result<Vec<WorkerHost>, Failure> {
    let workers = config::read_workers(file)?;
    if let Some(note) = &workers.note {
        terminal::say(&format!("note: {note}"));
    }
    Ok(workers.hosts)
}

/// The worker's program: this file, or the usual one.
pub fn program(file: Option<&Path>) -> Result<Program, Failure> {
    let usual = || worker_program().ok_or_else(|| Failure::other(NO_WORKER_PROGRAM));
    let file = file.map_or_else(usual, |file| Ok(file.to_owned()))?;
    Program::at(&file).map_err(|error| Failure::input(format!("{}: {error}", file.display())))
}

/// Where the actors file says that workers reach the manager.
fn reach(config: &Config) -> Result<Reach, Failure> {
    let known = |key: &str, place: &Place| match place.port {
        0 => Err(Failure::input(format!("{key} is 0 in the actors file: only `management up` knows which port it took"))),
        _ => Ok(place.clone()),
    };
    Ok(Reach { manager: known("GM.worker_port", &config.places.workers)?, discovery: known("DC.port", &config.places.discovery)? })
}

/// Tokens that the live system makes when it is asked.
fn by_request(options: ClientOptions) -> Result<TokenMaker, Failure> {
    // What is wrong with the options is nothing of any host's.
    Client::new(options.clone())?;
    Ok(Box::new(move |name: &Name| {
        let wanted = NewToken { role: Role::Join, note: format!("launch of {name}"), expires_in_s: None };
        let client = Client::new(options.clone()).map_err(|error| error.to_string())?;
        // Not repeated: a second token would have a secret that nobody has seen.
        let made: MadeToken = client.read(&Call::post(&["v1", "tokens"]).json(&wanted)).map_err(|error| error.to_string())?;
        Ok(SecretString::from(made.token))
    }))
}

fn table(report: &Report) -> String {
    let row = |row: &Row| {
        let why = row.why.clone().unwrap_or_default();
        let why = row.code.map_or_else(|| why.clone(), |code| format!("{why} [{code}]"));
        let program = row.program.map_or("", launch::Upload::word);
        vec![row.host.clone(), row.worker.to_string(), row.outcome.word().into(), program.into(), why]
    };
    let table = grid(&["host", "worker", "outcome", "program", "why"], &[], report.workers.iter().map(row).collect());
    // Below, whole and in lines of their own: a fix may be a command to copy.
    let fixes = report.workers.iter().filter_map(|row| Some(format!("{} -> {}\n", row.worker, plain(row.fix.as_ref()?))));
    table + &fixes.collect::<String>()
}
