//! `management stop`, `retry` and, of a job, `restore`: what may be asked of a whole job.

use clap::Args;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::Shape;
use crate::api::body::{Action, JobAction, Taken};
use crate::client::Call;

/// Stop a job of a live system: what runs is stopped, what waits never runs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management stop j12

A task gets SIGTERM, its grace, then SIGKILL. `management job j12` shows how far it is.")]
pub struct Stop {
    #[command(flatten)]
    which: Which,
}

/// Try again what did not succeed of a job that has ended
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management retry j12

What succeeded stays; the rest gets its attempts anew.")]
pub struct Retry {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// The job's id, as in j12
    job: String,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `stop`.
pub fn stop(arguments: &Stop) -> Result<Outcome, Failure> {
    let Which { job, server, output } = &arguments.which;
    act(job, server, *output, JobAction::Stop)
}

/// Runs `retry`.
pub fn retry(arguments: &Retry) -> Result<Outcome, Failure> {
    let Which { job, server, output } = &arguments.which;
    act(job, server, *output, JobAction::Retry)
}

/// Tries a job again, from its checkpoints.
pub fn restore_job(job: &str, server: &ServerArguments, output: Shape) -> Result<Outcome, Failure> {
    act(job, server, output, JobAction::Restore)
}

fn act(job: &str, server: &ServerArguments, output: Shape, action: JobAction) -> Result<Outcome, Failure> {
    let call = Call::post(&["v1", "jobs", job, "actions"]).json(&Action { action });
    // Stopping twice is stopping; a second retry could meet the job ended again.
    let call = if action == JobAction::Stop { call.repeatable() } else { call };
    let taken: Taken = server.client()?.read(&call)?;
    let done = if action == JobAction::Stop { "is told to stop" } else { "is tried again" };
    output.print(&taken, |taken| format!("{} ({}) {done}\n", taken.id, taken.name))?;
    Ok(Outcome::Done)
}
