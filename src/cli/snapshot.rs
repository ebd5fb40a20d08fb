//! `management snapshot`: the state of a simulated cluster at a time, or of a live system now, saved.

use std::path::{Path, PathBuf};

use clap::Args;
use model::{Progress, Seconds};
use serde_json::json;

use super::arguments::ExperimentArguments;
use super::experiment::Experiment;
use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::values::positive_span;
use super::watch::{Watch, interrupted};
use super::{file, terminal};
use crate::client::{Call, ClientError};
use crate::report::table::OutputFormat;
use crate::sim::simulation::{self, RunOptions};
use crate::sim::snapshot::snapshot;
use crate::sim::world::World;
use model::document::{InstanceState, SavedState, StateDocument};

/// Save the state of a simulated cluster at a time, or of a live system now
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management snapshot scenario.json --at 1h --state-out state.json
  management simulate --state state.json --policy l2
  management simulate scenario.json --state state.json --from 1h
  management snapshot --state-out now.json && management simulate --state now.json

Without a scenario, a trace or a state it is the live system that is saved. The state has the nodes, what runs where and until when, and the queue. A simulation that starts from it \
counts its times from the moment of the state, so `--from` takes up the load where it was left.")]
pub struct Snapshot {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// When, from the start of the simulation; a live system is saved as it is now
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    at: Option<Seconds>,
    #[command(flatten)]
    server: ServerArguments,
    /// File for the state (docs/formats/state.md)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    state_out: PathBuf,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: OutputFormat,
    /// No progress and no notes on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Snapshot) -> Result<Outcome, Failure> {
    let of = &arguments.experiment;
    let is_live = of.scenario.is_none() && of.load.trace.is_none() && of.cluster.state.is_none();
    let at = match arguments.at {
        None if is_live => return live(arguments),
        Some(_) if is_live => {
            return Err(Failure::usage(
                "--at is a time of a simulation: name a scenario, a trace or a state; a live system is saved as it is now",
            ));
        }
        None => return Err(Failure::usage("--at TIME is needed: when of the simulation the state is saved")),
        Some(Seconds(at)) => at,
    };
    let experiment = Experiment::read(&arguments.experiment)?;
    let scenario = experiment.scenario()?;
    let mut config = scenario.config(scenario.base().seed)?;
    let at = config.start.plus(at);
    config.until = Some(at);
    let watch = Watch::run(arguments.quiet, config.until);
    let mut state = SavedState::default();
    let mut take = |world: &World| state = snapshot(world, &config.nodes, at);
    let options = RunOptions {
        interrupted: Some(interrupted()),
        progress: Some(&|progress| watch.show(progress)),
        at_end: Some(&mut take),
        ..RunOptions::default()
    };
    let recording = simulation::run(&config, scenario.input.open(config.seed)?, options)?;
    watch.clear();
    if recording.summary.partial {
        terminal::say("interrupted before the time of the snapshot: nothing was written");
        return Ok(Outcome::Interrupted);
    }
    file::write(&arguments.state_out, |out| state.write(out))?;
    terminal::print(&Saved::of(&state).rendered(&arguments.state_out, arguments.output))?;
    Ok(Outcome::Done)
}

/// Saves the live system as it is now.
fn live(arguments: &Snapshot) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let bytes = client.ask(&Call::get(&["v1", "snapshot"]))?.bytes()?;
    // Read before it is written: what no simulation could start from is not saved.
    let document: StateDocument = serde_json::from_slice(&bytes)
        .map_err(|error| ClientError::Answer { address: client.address().clone(), cause: format!("a state: {error}") })?;
    file::write(&arguments.state_out, |out| std::io::Write::write_all(out, &bytes))?;
    terminal::print(&Saved::live(&document).rendered(&arguments.state_out, arguments.output))?;
    Ok(Outcome::Done)
}

/// What is told of a saved state.
struct Saved {
    time: Seconds,
    nodes: usize,
    down: usize,
    jobs: usize,
    running: usize,
    waiting: usize,
    succeeded: usize,
}

impl Saved {
    fn of(state: &SavedState) -> Self {
        let count = |of: fn(&Progress) -> bool| state.jobs.iter().flat_map(|job| &job.progress).filter(|progress| of(progress)).count();
        Self {
            time: Seconds(state.time),
            nodes: state.nodes.len(),
            down: state.nodes.iter().filter(|node| node.down).count(),
            jobs: state.jobs.len(),
            running: count(|progress| matches!(progress, Progress::Running { .. })),
            waiting: count(|progress| *progress == Progress::Waiting),
            succeeded: count(|progress| *progress == Progress::Succeeded),
        }
    }

    /// The same of a document, where instances that are not named wait.
    fn live(document: &StateDocument) -> Self {
        let count = |state: InstanceState| document.jobs.iter().flat_map(|job| &job.instances).filter(|it| it.state == state).count();
        let instances = |task: &model::document::NativeTask| task.count.or(task.replicas).unwrap_or(1) as usize;
        let all: usize = document.jobs.iter().flat_map(|job| job.job.tasks.values()).map(instances).sum();
        let (running, succeeded) = (count(InstanceState::Running), count(InstanceState::Succeeded));
        Self {
            time: document.time_s,
            nodes: document.nodes.iter().map(|nodes| nodes.names.len()).sum(),
            down: document.nodes.iter().map(|nodes| nodes.down.len()).sum(),
            jobs: document.jobs.len(),
            running,
            waiting: all.saturating_sub(running + succeeded),
            succeeded,
        }
    }

    fn rendered(&self, file: &Path, format: OutputFormat) -> String {
        let Self { time, nodes, down, jobs, running, waiting, succeeded } = self;
        let file = file.display();
        match format {
            OutputFormat::Table => format!(
                "state at {}: {jobs} jobs on {nodes} nodes ({down} down)\ntasks: {running} running, {waiting} waiting, {succeeded} succeeded\nin {file}\n",
                time.0
            ),
            OutputFormat::Json => {
                let tasks = json!({ "running": running, "waiting": waiting, "succeeded": succeeded });
                let state =
                    json!({ "time_s": time, "nodes": nodes, "nodes_down": down, "jobs": jobs, "tasks": tasks, "file": file.to_string() });
                format!("{state:#}\n")
            }
            OutputFormat::Csv => format!(
                "time_s,nodes,nodes_down,jobs,running,waiting,succeeded\n{},{nodes},{down},{jobs},{running},{waiting},{succeeded}\n",
                time.0.as_secs()
            ),
        }
    }
}
