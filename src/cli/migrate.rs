//! `management migrate`: moves a running task to another node, with what it has in memory.

use clap::Args;
use model::Name;

use super::failure::{Failure, Outcome};
use super::moving::{self, WhichInstance};
use super::server::ServerArguments;
use super::shape::Shape;
use crate::api::body::{GroupMigration, Migration};
use crate::client::Call;

/// Move a running task to another node: it is checkpointed, and goes on there from where it was
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management migrate j12 web
  management migrate j12 web --index 2 --to pier-3

Containers move, processes do not. Whatever fails, the task goes on: there, or
where it was. The command waits until it does, and says what was carried over
and how long the task stood still at most; it fails where the task stayed.
`management events --follow` shows each step.")]
pub struct Migrate {
    #[command(flatten)]
    which: WhichInstance,
    /// The node to move to (else where the policy says)
    #[arg(long, value_name = "NODE")]
    to: Option<Name>,
    /// Do not wait until it has moved
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `migrate`.
pub fn run(arguments: &Migrate) -> Result<Outcome, Failure> {
    let Migrate { which: WhichInstance { job, task, index }, to, .. } = arguments;
    let client = arguments.server.client()?;
    // One that is not known the server refuses.
    let before = if arguments.no_wait { None } else { moving::instance(&client, job, task, *index)? };
    let moves = vec![Migration { job: job.clone(), task: task.clone(), index: *index, to: to.clone() }];
    let call = Call::post(&["v1", "jobs", "actions", "migrate"]).json(&GroupMigration { moves });
    let taken: GroupMigration = client.read(&call)?;
    if let Some(before) = before {
        return moving::follow(&client, job, task, &before, arguments.output);
    }
    arguments.output.print(&taken, |_| {
        let target = to.as_ref().map_or_else(|| "where the policy says".to_owned(), |node| format!("to {node}"));
        format!("{job} {task}[{index}] moves {target}\n")
    })?;
    Ok(Outcome::Done)
}
