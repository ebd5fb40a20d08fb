//! `management simulate`: one run.

use std::path::PathBuf;

use clap::Args;
use model::Millis;

use super::arguments::ExperimentArguments;
use super::experiment::Experiment;
use super::failure::{Failure, Outcome};
use super::run_folder::RunFolder;
use super::values::window;
use super::watch::{Watch, cut_short, interrupted};
use super::{configuration, terminal};
use crate::report::recorder::GanttOptions;
use crate::report::recording::Recording;
use crate::report::table::{self, OutputFormat};
use crate::sim::audit::audit;
use crate::sim::simulation::{self, RunOptions};
use crate::sim::world::World;

/// Run one scenario or trace under one policy
///
/// The load goes through the whole control plane in virtual time. Same arguments and seed, same journal hash.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management simulate scenario.json
  management simulate scenario.json --policy l2 --admission easy --seed 3 -o json
  management simulate --trace pods.csv --format openb --nodes 1523 --cores 96 --memory 384GiB
  management simulate --trace log.swf --format swf --nodes 68 --cores 48 --memory 128GiB \\
      --until 30d --scale-load 1.5 --out run --journal
  management simulate --state state.json --end 2h

A trace says what ran, not on which nodes: their number and size are yours to choose. \
With --out, DIR gets summary.json, jobs.csv, jobs.parquet, utilisation.csv, events.parquet, \
config.json and report.html, all or nothing. Ctrl-C ends the run with a partial result, which says \
so, and exit code 130.")]
pub struct Simulate {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// Write the run's files and report into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Write journal.jsonl into the folder too, for `management replay`
    #[arg(long, requires = "out", help_heading = "Output")]
    journal: bool,
    /// Window of the report's Gantt chart
    #[arg(long, value_name = "FROM..UNTIL", value_parser = window, help_heading = "Output")]
    gantt: Option<(Millis, Millis)>,
    /// End with exit code 6 when a job was rejected because no node could ever hold it
    #[arg(long, help_heading = "Output")]
    strict: bool,
    /// Count everything again after every step, and stop at the first difference (slow)
    #[arg(long, help_heading = "Output")]
    check: bool,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: OutputFormat,
    /// No progress and no notes on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Simulate) -> Result<Outcome, Failure> {
    let experiment = Experiment::read(&arguments.experiment)?;
    let scenario = experiment.scenario()?;
    let config = scenario.config(scenario.base().seed)?;
    let jobs = scenario.input.open(config.seed)?;
    let folder = arguments.out.as_deref().map(RunFolder::create).transpose()?;
    let watch = Watch::run(arguments.quiet, config.until);
    let mut notes = Vec::new();
    let mut check = |world: &World| audit(world).unwrap_or_else(|fault| panic!("at {}: {fault}; this is a bug", world.now()));
    let recording = simulation::run(
        &config,
        jobs,
        RunOptions {
            warmup: scenario.warmup,
            gantt: GanttOptions { window: arguments.gantt, ..GanttOptions::default() },
            journal: folder.as_ref().filter(|_| arguments.journal).map(RunFolder::journal).transpose()?,
            event_log: folder.as_ref().map(RunFolder::event_log).transpose()?,
            interrupted: Some(interrupted()),
            progress: Some(&|progress| watch.show(progress)),
            inspect: arguments.check.then_some(&mut check),
            notes: Some(&mut notes),
            ..RunOptions::default()
        },
    )?;
    watch.clear();
    if let Some(folder) = folder {
        folder.write_recording(&recording)?;
        let title = format!("{} on {} nodes", recording.summary.policy, recording.summary.nodes);
        let configuration = configuration::json(&experiment, &scenario, &config);
        folder.write_report(&title, &configuration, vec![(recording.summary.policy.clone(), &recording)])?;
        notes.push(format!("the run is in {}", folder.finish()?.display()));
    }
    if !arguments.quiet {
        notes.iter().for_each(|note| terminal::say(&format!("note: {note}")));
    }
    terminal::print(&table::run(&recording.summary, arguments.output))?;
    Ok(outcome(&recording, arguments.strict))
}

fn outcome(recording: &Recording, strict: bool) -> Outcome {
    match recording.summary.jobs.rejected {
        _ if recording.summary.partial => cut_short(),
        rejected if strict && rejected > 0 => {
            terminal::say(&format!("error: {rejected} jobs were rejected, and --strict was given; jobs.csv of --out has their reasons"));
            Outcome::Strict
        }
        _ => Outcome::Done,
    }
}
