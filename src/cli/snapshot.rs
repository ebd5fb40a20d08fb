//! `management snapshot`: the state of a simulated cluster at a time, saved.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use model::{Progress, Seconds};
use serde_json::json;

use super::arguments::ExperimentArguments;
use super::experiment::Experiment;
use super::failure::{Failure, Outcome};
use super::terminal;
use super::values::positive_span;
use super::watch::{Watch, interrupted};
use crate::report::table::OutputFormat;
use crate::sim::simulation::{self, RunOptions};
use crate::sim::snapshot::snapshot;
use crate::sim::world::World;
use model::document::SavedState;

/// Save the state of a simulated cluster at a time
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management snapshot scenario.json --at 1h --state-out state.json
  management simulate --state state.json --policy l2
  management simulate scenario.json --state state.json --from 1h

The state has the nodes, what runs where and until when, and the queue. A simulation that starts from it
counts its times from the moment of the state, so `--from` takes up the load where it was left.")]
pub struct Snapshot {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// When, from the start of the simulation
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    at: Seconds,
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
    let experiment = Experiment::read(&arguments.experiment)?;
    let scenario = experiment.scenario()?;
    let mut config = scenario.config(scenario.base().seed)?;
    let at = config.start.plus(arguments.at.0);
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
    write(&state, &arguments.state_out)?;
    terminal::print(&rendered(&state, &arguments.state_out, arguments.output))?;
    Ok(Outcome::Done)
}

/// Writes the file whole or not at all.
fn write(state: &SavedState, file: &Path) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::system(file.display(), error);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    let mut out = BufWriter::new(temporary.as_file_mut());
    state.write(&mut out).and_then(|()| out.flush()).map_err(|error| failed(&error))?;
    drop(out);
    temporary.persist(file).map_err(|error| failed(&error.error))?;
    Ok(())
}

fn rendered(state: &SavedState, file: &Path, format: OutputFormat) -> String {
    let count = |of: fn(&Progress) -> bool| state.jobs.iter().flat_map(|job| &job.progress).filter(|progress| of(progress)).count();
    let running = count(|progress| matches!(progress, Progress::Running { .. }));
    let waiting = count(|progress| *progress == Progress::Waiting);
    let succeeded = count(|progress| *progress == Progress::Succeeded);
    let down = state.nodes.iter().filter(|node| node.down).count();
    let (time, nodes, jobs, file) = (state.time, state.nodes.len(), state.jobs.len(), file.display());
    match format {
        OutputFormat::Table => format!(
            "state at {time}: {jobs} jobs on {nodes} nodes ({down} down)\ntasks: {running} running, {waiting} waiting, {succeeded} succeeded\nin {file}\n"
        ),
        OutputFormat::Json => {
            let tasks = json!({ "running": running, "waiting": waiting, "succeeded": succeeded });
            let state = json!({ "time_s": Seconds(time), "nodes": nodes, "nodes_down": down, "jobs": jobs, "tasks": tasks, "file": file.to_string() });
            format!("{state:#}\n")
        }
        OutputFormat::Csv => format!(
            "time_s,nodes,nodes_down,jobs,running,waiting,succeeded\n{},{nodes},{down},{jobs},{running},{waiting},{succeeded}\n",
            time.as_secs()
        ),
    }
}
