//! `management stress`: plays an arrival process against a live system.

mod job;
mod report;
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};
use model::{Millis, Seconds};
use serde_json::json;

use self::job::JobArguments;
use self::report::Report;
use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::Shape;
use super::terminal;
use super::values::positive_span;
use super::watch::{Watch, interrupted};
use crate::api::body::Health;
use crate::client::{Call, Client, ClientError, new_key};
use crate::stress::{Load, LoadIter, Play, Process, Share, Submitter};

/// No play has more jobs: each leaves a figure in memory, and a name on the server.
const MOST_JOBS: u64 = 10_000_000;

/// Play an arrival process against a live system
///
/// Jobs of one template are submitted step by step as the process says: the same that scenarios take, with the same draws for a seed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management stress steady --a 20 --steps 30
  management stress bursty --lambda 0.05 --task-cores 2 --command \"sleep 2\" --wait
  management stress incremental --a 5 --b 10 --interval 500ms --template job.json -o json
  management stress random --lower 0 --upper 40 --rate 200 --connections 16

The jobs carry the label `stress` with the session, so that `management jobs --label stress=SESSION` finds \
them. Ctrl-C ends it with a partial report and exit code 130; what was taken goes on.")]
pub struct Stress {
    #[command(subcommand)]
    process: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// a jobs in every step
    #[command(after_help = "Examples:\n  management stress steady --a 20 --steps 30")]
    Steady {
        /// Jobs a step
        #[arg(long, value_name = "JOBS")]
        a: u64,
        #[command(flatten)]
        play: Box<PlayArguments>,
    },
    /// ceil(X) jobs in a step, X exponential
    #[command(after_help = "Examples:\n  management stress bursty --lambda 0.05 --steps 60 --wait")]
    Bursty {
        /// Rate of the exponential; its mean is 1 / lambda jobs
        #[arg(long, value_name = "X")]
        lambda: f64,
        #[command(flatten)]
        play: Box<PlayArguments>,
    },
    /// a t + b jobs in step t
    #[command(after_help = "Examples:\n  management stress incremental --a 5 --b 10 --interval 500ms")]
    Incremental {
        /// Rise from step to step
        #[arg(long, value_name = "X", allow_negative_numbers = true)]
        a: f64,
        /// Jobs in the first step
        #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
        b: f64,
        #[command(flatten)]
        play: Box<PlayArguments>,
    },
    /// From lower to upper jobs in a step, uniform
    #[command(after_help = "Examples:\n  management stress random --lower 0 --upper 40 --rate 200")]
    Random {
        /// Fewest jobs of a step
        #[arg(long, value_name = "JOBS", default_value_t = 0)]
        lower: u64,
        /// Most jobs of a step
        #[arg(long, value_name = "JOBS")]
        upper: u64,
        #[command(flatten)]
        play: Box<PlayArguments>,
    },
}

#[derive(Debug, Args)]
struct PlayArguments {
    /// How many steps
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: u64,
    /// Length of a step
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = positive_span)]
    interval: Seconds,
    /// The jobs of a step come evenly over it, not all at its beginning
    #[arg(long)]
    spread: bool,
    /// Seed of the draws
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Never more jobs a second than this
    #[arg(long, value_name = "JOBS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Submissions under way at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Wait until all jobs have ended, and report their waits
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    job: JobArguments,
    #[command(flatten)]
    server: ServerArguments,
    /// How the report is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
    /// No progress and no notes on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Stress) -> Result<Outcome, Failure> {
    let (word, value, play) = match &arguments.process {
        Kind::Steady { a, play } => ("steady", json!({ "a": a }), play),
        Kind::Bursty { lambda, play } => ("bursty", json!({ "lambda": lambda }), play),
        Kind::Incremental { a, b, play } => ("incremental", json!({ "a": a, "b": b }), play),
        Kind::Random { lower, upper, play } => ("random", json!({ "lower": lower, "upper": upper }), play),
    };
    // The parameters are checked where those of scenarios are.
    let process: Process = serde_json::from_value(json!({ word: value })).map_err(|error| Failure::usage(error.to_string()))?;
    let options = play.server.options()?;
    let client = Client::new(options.clone())?;
    let _: Health = client.read(&Call::get(&["healthz"]))?;
    let session = new_key()[..8].to_owned();
    let template = play.job.template(&session)?;
    let Seconds(interval) = play.interval;
    let mix = vec![Share { job: template.job().clone(), weight: 1.0 }];
    let load = Load { process, start: Millis::ZERO, interval, steps: play.steps, spread: play.spread, mix };
    let arrivals = Arc::new(load).arrivals(play.seed, 0);
    let planned = count(&arrivals)?;
    if !play.quiet {
        terminal::say(&format!("{planned} jobs for {}, session {session}", client.address()));
    }
    let (stop, sent) = (interrupted(), AtomicU64::new(0));
    let (over, watch) = (AtomicBool::new(false), Watch::jobs(play.quiet, planned));
    let played = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                watch.at(sent.load(Ordering::Relaxed));
                thread::sleep(Duration::from_millis(100));
            }
        });
        let plan = Play { arrivals, rate: play.rate.into(), connections: play.connections.into(), stop, sent: &sent };
        let played = plan.run(|| {
            let mut submitter = Submitter::new(options.clone(), template.clone()).expect("a client was made of the same options");
            move |name: &model::Name| submitter.submit(name)
        });
        over.store(true, Ordering::Relaxed);
        played
    });
    watch.clear();
    let was_interrupted = stop.load(Ordering::Relaxed);
    let waits = (play.wait && !was_interrupted && played.tally.accepted > 0).then(|| waits::of(&client, &session, play.quiet)).transpose();
    // What was measured is told even where the server is gone by now.
    let (waits, trouble) = waits.map_or_else(|trouble| (None, Some(trouble)), |waits| (waits, None));
    let report = Report::new(session, play.seed, planned, &played, waits);
    play.output.print(&report, Report::table)?;
    match trouble {
        Some(trouble) => Err(trouble.into()),
        None if was_interrupted || stop.load(Ordering::Relaxed) => {
            terminal::say("interrupted: the report is partial");
            Ok(Outcome::Interrupted)
        }
        None if !played.whole => {
            let cause = "it has stopped answering; the report is partial".to_owned();
            Err(ClientError::Unreachable { address: client.address().clone(), cause }.into())
        }
        None => Ok(Outcome::Done),
    }
}

/// How many jobs there are.
fn count(arrivals: &LoadIter) -> Result<u64, Failure> {
    let planned = arrivals.clone().take(MOST_JOBS as usize + 1).count() as u64;
    match planned {
        0 => Err(Failure::usage("the process brings no job in so many steps")),
        1..=MOST_JOBS => Ok(planned),
        _ => Err(Failure::usage(format!("the process brings more than {MOST_JOBS} jobs: take fewer steps, or jobs a step"))),
    }
}
