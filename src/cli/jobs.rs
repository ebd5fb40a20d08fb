//! `management jobs`: the jobs of a live system.

use clap::Args;
use model::JobState;

use super::failure::{Failure, Outcome};
use super::pages::{self, Wanted};
use super::server::ServerArguments;
use super::shape::{Shape, grid, moment, span};
use super::terminal;
use super::values::words;
use crate::api::body::{JobList, JobSummary, TaskCounts};

const STATES: [JobState; 8] = [
    JobState::Accepted,
    JobState::Queued,
    JobState::Deploying,
    JobState::Running,
    JobState::Stopping,
    JobState::Succeeded,
    JobState::Failed,
    JobState::Stopped,
];

/// List the jobs of a live system, latest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management jobs
  management jobs --state running --label team=planning
  management jobs --all -o json")]
pub struct Jobs {
    /// Only jobs in this state
    #[arg(long, value_name = "STATE", value_parser = words(&STATES, JobState::word))]
    state: Option<JobState>,
    /// Only jobs with this label
    #[arg(long, value_name = "NAME=VALUE")]
    label: Option<String>,
    /// No more jobs than this
    #[arg(long, value_name = "JOBS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &Jobs) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let wanted = Wanted {
        state: arguments.state.map(|state| state.word().to_owned()),
        label: arguments.label.clone(),
        most: (!arguments.all).then_some(arguments.limit),
    };
    let (jobs, more) = pages::jobs(&client, &wanted)?;
    arguments.output.print(&JobList { jobs, next_cursor: None }, |list| table(&list.jobs))?;
    if more && arguments.output == Shape::Table {
        terminal::say(&format!("note: these are the latest {}; --all shows the others too", arguments.limit));
    }
    Ok(Outcome::Done)
}

fn table(jobs: &[JobSummary]) -> String {
    let row = |job: &JobSummary| {
        vec![
            job.id.clone(),
            job.name.to_string(),
            job.state.word().to_owned(),
            counts(&job.tasks),
            moment(job.submitted_at),
            span(Some(job.submitted_at), job.started_at),
            span(job.started_at, job.ended_at),
            job.reason.clone().unwrap_or_default(),
        ]
    };
    let header = ["job", "name", "state", "tasks", "submitted", "waited", "ran", "reason"];
    grid(&header, &["waited", "ran"], jobs.iter().map(row).collect())
}

fn counts(tasks: &TaskCounts) -> String {
    match tasks.by_state.iter().next() {
        Some((state, _)) if tasks.by_state.len() == 1 => format!("{} {state}", tasks.total),
        _ => tasks.by_state.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", "),
    }
}
