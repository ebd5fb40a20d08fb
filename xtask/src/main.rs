//! Developer commands, run as `cargo xtask COMMAND`. Each calls cargo or the programs that it built; no rule of the project lives here.
#![expect(clippy::print_stdout, reason = "what a developer command finds goes to stdout")]

mod bench;
mod check;
mod estimates;
mod live;
mod parts;
mod real;
mod run;
mod scenarios;
mod test;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What goes wrong is told as a sentence.
type Outcome = Result<(), String>;

#[derive(Parser)]
#[command(about = "Developer commands")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// All tests: says which real parts are there, then runs unit, integration and doc tests
    Test,
    /// Formatting, lints, doors between crates, and a smoke run of the benches and of the release build
    Check,
    /// The doors between crates, as cargo resolves them
    Doors,
    /// The figures of docs/performance.md, beside what they should be
    Bench(bench::Options),
    /// The programs of others that tests run against: gets, starts and stops them
    RealParts(real::Options),
    /// Requests made from the OpenAPI document, against a system with simulated workers
    Schemathesis(live::schemathesis::Options),
    /// Memory and processor time of a system that idles or works for a while
    Soak(live::soak::Options),
    /// What a live system should reach, measured from outside
    LiveBench(live::bench::Options),
    /// Writes the JSON schemas in docs/schema anew from the types
    Schema,
    /// The page in web/: checks its sources, builds the files that are committed, or measures it in a browser
    #[command(subcommand)]
    Web(web::Step),
    /// Writes the scenario files of the speed table anew
    Scenarios {
        /// Where to
        #[arg(long, default_value = "tests/scenarios")]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Task::Test => test::run(),
        Task::Check => check::run(),
        Task::Doors => check::doors(),
        Task::Bench(options) => bench::run(&options),
        Task::RealParts(options) => real::run(&options),
        Task::Schemathesis(options) => live::schemathesis::run(&options),
        Task::Soak(options) => live::soak::run(&options),
        Task::LiveBench(options) => live::bench::run(&options),
        Task::Schema => run::cargo(&["test", "--lib", "schema"]).env("WHARFINGER_BLESS", "1").done(),
        Task::Web(step) => web::run(step),
        Task::Scenarios { folder } => scenarios::write(&folder),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
