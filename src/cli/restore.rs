//! `management restore`: a job from its checkpoints, or the records of a system from a backup.

use std::path::PathBuf;

use clap::Args;
use model::JobId;

use super::failure::{Failure, Outcome};
use super::job_actions::restore_job;
use super::keep::put_back;
use super::server::ServerArguments;
use super::shape::Shape;
use super::stores::StoreArguments;

/// Begin a job again from its checkpoints, or put a backup in the place of the records of a live system that does not run
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management restore j12                      what did not succeed of job j12 is tried again,
                                              from its checkpoints (`management checkpoint`)
  management restore backup-monday --force    all records (`management backup`)

A job's id is a job; a folder of such a name is written ./j12. Of a backup, everything
is checked before anything is replaced.")]
pub struct Restore {
    /// A job's id, as in j12, or the folder of a backup
    #[arg(value_name = "JOB|BACKUP")]
    what: String,
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    stores: StoreArguments,
    /// Replace records that are there, by those of the backup
    #[arg(long)]
    force: bool,
    /// How the answer about a job is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `restore`.
pub fn run(arguments: &Restore) -> Result<Outcome, Failure> {
    match JobId::parse(&arguments.what) {
        Some(_) if arguments.force => Err(Failure::usage("--force is for a backup: a job replaces nothing")),
        Some(_) => restore_job(&arguments.what, &arguments.server, arguments.output),
        None => put_back(&arguments.stores, &PathBuf::from(&arguments.what), arguments.force),
    }
}
