//! The command line: one file a subcommand, which parses, calls and renders. No rules of scheduling or simulation live here.

mod arguments;
mod compare;
mod configuration;
mod demo;
mod experiment;
mod failure;
mod keep;
mod live_demo;
mod logging;
mod pack;
mod provenance;
mod replay;
mod run_folder;
mod simulate;
mod size;
mod snapshot;
mod terminal;
mod threads;
mod up;
mod values;
mod watch;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "management",
    version,
    about = "Wharfinger: a container cluster in virtual time, scheduled by the code that would run a live one",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 malformed or contradictory input, 4 a replay parted\n\
                  from its journal, 6 a job was rejected and --strict was given, 130 interrupted (the partial\n\
                  result is still written).\n\n\
                  Start with `management demo`, or `management simulate --help`."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Box<up::Up>),
    Backup(keep::Backup),
    Restore(keep::Restore),
    Simulate(Box<simulate::Simulate>),
    Replay(replay::Replay),
    Compare(Box<compare::Compare>),
    Size(Box<size::Size>),
    Pack(pack::Pack),
    Why(why::Arguments),
    Snapshot(Box<snapshot::Snapshot>),
    Demo(demo::Demo),
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
        Some(Command::Up(arguments)) => up::run(&arguments),
        Some(Command::Backup(arguments)) => keep::backup(&arguments),
        Some(Command::Restore(arguments)) => keep::restore(&arguments),
        Some(Command::Simulate(arguments)) => simulate::run(&arguments),
        Some(Command::Replay(arguments)) => replay::run(&arguments),
        Some(Command::Compare(arguments)) => compare::run(&arguments),
        Some(Command::Size(arguments)) => size::run(&arguments),
        Some(Command::Pack(arguments)) => pack::run(&arguments),
        Some(Command::Why(arguments)) => why::run(&arguments),
        Some(Command::Snapshot(arguments)) => snapshot::run(&arguments),
        Some(Command::Demo(arguments)) => demo::run(&arguments),
    };
    match outcome {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(failure) => {
            terminal::say(&format!("error: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
