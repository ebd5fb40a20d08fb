//! The command line: one file a subcommand, which parses, calls and renders. No rules of scheduling or simulation live here.

mod arguments;
mod checkpoint;
mod compare;
mod configuration;
mod demo;
mod doctor;
mod events;
mod experiment;
mod export;
mod failure;
mod file;
mod gc;
mod job;
mod job_actions;
mod jobs;
mod keep;
mod live_demo;
mod logging;
mod logs;
mod migrate;
mod moving;
mod node_actions;
mod nodes;
mod openapi;
mod pack;
mod pages;
mod policy;
mod provenance;
mod replay;
mod restore;
mod run_folder;
mod server;
mod shape;
mod simulate;
mod size;
mod snapshot;
mod store;
mod stores;
mod stress;
mod submit;
mod terminal;
mod threads;
mod token;
mod up;
mod values;
mod view;
mod watch;
mod whatif;
mod why;
mod workers;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::{Failure, Outcome};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "management",
    version,
    about = "Wharfinger: launches a live cluster and asks it, and simulates one in virtual time by the same code",
    after_help = "Examples:
  management                  the live system, which says how a worker joins it
  management demo --live      the same by itself, with two workers and a few jobs
  management demo             four policies compared in virtual time
  management doctor           what this host can do

Without a command it is `management up`. `management COMMAND --help` has examples of each; \
an error ends with its code in brackets, which names its page in docs/errors.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 malformed or refused input, 4 a replay parted from its journal, \
5 the server does not answer, 6 a job was rejected and --strict was given, 130 interrupted (the partial result is still written)."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Box<up::Up>),
    Backup(keep::Backup),
    Restore(restore::Restore),
    Store(store::Store),
    Simulate(Box<simulate::Simulate>),
    Replay(replay::Replay),
    Compare(Box<compare::Compare>),
    Size(Box<size::Size>),
    Pack(pack::Pack),
    View(view::View),
    Why(why::Arguments),
    Snapshot(Box<snapshot::Snapshot>),
    Demo(demo::Demo),
    Submit(submit::Submit),
    Jobs(jobs::Jobs),
    Job(job::Arguments),
    Logs(logs::Logs),
    Stop(job_actions::Stop),
    Retry(job_actions::Retry),
    Workers(workers::Workers),
    Nodes(nodes::Nodes),
    Node(nodes::Arguments),
    Checkpoint(checkpoint::Checkpoint),
    Migrate(migrate::Migrate),
    Drain(node_actions::Drain),
    Undrain(node_actions::Undrain),
    Cordon(node_actions::Cordon),
    Uncordon(node_actions::Uncordon),
    Policy(policy::Arguments),
    #[command(name = "whatif")]
    WhatIf(whatif::WhatIfArguments),
    Events(events::Events),
    Token(Box<token::Token>),
    Gc(gc::Arguments),
    Export(export::Export),
    Stress(stress::Stress),
    Doctor(doctor::Doctor),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
}

impl Command {
    fn run(&self) -> Result<Outcome, Failure> {
        match self {
            Self::Up(arguments) => up::run(arguments),
            Self::Backup(arguments) => keep::backup(arguments),
            Self::Restore(arguments) => restore::run(arguments),
            Self::Store(arguments) => store::run(arguments),
            Self::Simulate(arguments) => simulate::run(arguments),
            Self::Replay(arguments) => replay::run(arguments),
            Self::Compare(arguments) => compare::run(arguments),
            Self::Size(arguments) => size::run(arguments),
            Self::Pack(arguments) => pack::run(arguments),
            Self::View(arguments) => view::run(arguments),
            Self::Why(arguments) => why::run(arguments),
            Self::Snapshot(arguments) => snapshot::run(arguments),
            Self::Demo(arguments) => demo::run(arguments),
            Self::Submit(arguments) => submit::run(arguments),
            Self::Jobs(arguments) => jobs::run(arguments),
            Self::Job(arguments) => job::run(arguments),
            Self::Logs(arguments) => logs::run(arguments),
            Self::Stop(arguments) => job_actions::stop(arguments),
            Self::Retry(arguments) => job_actions::retry(arguments),
            Self::Workers(arguments) => workers::run(arguments),
            Self::Nodes(arguments) => nodes::all(arguments),
            Self::Node(arguments) => nodes::one(arguments),
            Self::Checkpoint(arguments) => checkpoint::run(arguments),
            Self::Migrate(arguments) => migrate::run(arguments),
            Self::Drain(arguments) => node_actions::drain(arguments),
            Self::Undrain(arguments) => node_actions::undrain(arguments),
            Self::Cordon(arguments) => node_actions::cordon(arguments),
            Self::Uncordon(arguments) => node_actions::uncordon(arguments),
            Self::Policy(arguments) => policy::run(arguments),
            Self::WhatIf(arguments) => whatif::run(arguments),
            Self::Events(arguments) => events::run(arguments),
            Self::Token(arguments) => token::run(arguments),
            Self::Gc(arguments) => gc::run(arguments),
            Self::Export(arguments) => export::run(arguments),
            Self::Stress(arguments) => stress::run(arguments),
            Self::Doctor(arguments) => doctor::run(arguments),
            Self::OpenApi(arguments) => openapi::run(arguments),
        }
    }
}

impl Cli {
    /// What `up` is told where nothing is said: its defaults, and what the environment says.
    fn up_without_arguments() -> up::Up {
        match Self::try_parse_from(["management", "up"]).map(|cli| cli.command) {
            Ok(Some(Command::Up(up))) => *up,
            _ => up::Up::default(),
        }
    }
}

/// Runs the program. Results go to stdout, everything else to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; where even stderr is gone there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Failure::USAGE));
        }
    };
    let outcome = match cli.command {
        None => up::run(&Cli::up_without_arguments()),
        Some(command) => command.run(),
    };
    match outcome {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(failure) => {
            terminal::say(&format!("error: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
