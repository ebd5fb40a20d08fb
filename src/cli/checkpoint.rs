//! `management checkpoint`: keeps what a running task has in memory, for a later attempt.

use std::thread::sleep;

use clap::Args;
use model::TaskState;

use super::failure::{Failure, Outcome};
use super::moving::{self, LOOK, WhichInstance, stood_still};
use super::server::ServerArguments;
use super::shape::{Shape, memory};
use super::terminal;
use super::watch::{Watch, interrupted, is_interrupted};
use crate::api::body::{KeptCheckpoint, Taken, TaskAction, TaskDeed};
use crate::client::{Call, Client};

/// Keep a checkpoint of a running task, which goes on
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management checkpoint j12 web
  management checkpoint j12 web --index 2
  management restore j12      when it has failed or was stopped: from there on

Containers can be checkpointed, processes cannot. The worker of the task's node
keeps the latest checkpoint of each instance, and any node can go on from it
while that worker is there. The command waits until the task runs again, and
says how large the checkpoint is and how long the task stood still at most.")]
pub struct Checkpoint {
    #[command(flatten)]
    which: WhichInstance,
    /// Do not wait until it is made
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `checkpoint`.
pub fn run(arguments: &Checkpoint) -> Result<Outcome, Failure> {
    let WhichInstance { job, task, index } = &arguments.which;
    let client = arguments.server.client()?;
    // One that is not known the server refuses.
    let before = moving::instance(&client, job, task, *index)?;
    let action = TaskAction { action: TaskDeed::Checkpoint, to: None, index: Some(*index) };
    let call = Call::post(&["v1", "jobs", job, "tasks", task.as_str(), "actions"]).json(&action);
    let taken: Taken = client.read(&call)?;
    match before.filter(|_| !arguments.no_wait) {
        Some(before) => follow(&client, arguments, before.attempt, before.checkpoint.as_ref()),
        None => {
            arguments.output.print(&taken, |_| format!("{job} {task}[{index}] is checkpointed\n"))?;
            Ok(Outcome::Done)
        }
    }
}

/// Waits until the task runs again, with a checkpoint or without.
fn follow(client: &Client, arguments: &Checkpoint, attempt: u16, before: Option<&KeptCheckpoint>) -> Result<Outcome, Failure> {
    let WhichInstance { job, task, index } = &arguments.which;
    interrupted();
    let watch = Watch::waiting(false, "it is checkpointed");
    let mut stood = false;
    loop {
        let now = moving::instance(client, job, task, *index)?.filter(|now| now.attempt == attempt);
        let state = now.as_ref().map(|now| now.state);
        let made = now.and_then(|now| now.checkpoint).filter(|made| before.is_none_or(|before| before.made != made.made));
        match (made, state) {
            (Some(made), _) if made.downtime_ms.is_some() => {
                watch.clear();
                arguments.output.print(&made, |made| format!("{job} {task}[{index}] {}\n", told(made)))?;
                return Ok(Outcome::Done);
            }
            (_, Some(TaskState::Migrating)) => stood = true,
            (None, Some(TaskState::Running)) if stood => {
                watch.clear();
                return Err(Failure::other(format!(
                    "{job} {task}[{index}] could not be checkpointed, and runs on: the guard's words are in guard.log of its run on the node"
                )));
            }
            (_, Some(TaskState::Running)) => {}
            _ => {
                watch.clear();
                return Err(Failure::other(format!("{job} {task}[{index}] has ended, or begins anew, before it ran on from a checkpoint")));
            }
        }
        watch.says(format!("{job} {task}[{index}] is checkpointed"));
        if is_interrupted() {
            watch.clear();
            terminal::say(&format!("interrupted: the checkpoint is made all the same; see `management job {job}`"));
            return Ok(Outcome::Interrupted);
        }
        sleep(LOOK);
    }
}

/// A checkpoint in words.
fn told(made: &KeptCheckpoint) -> String {
    let KeptCheckpoint { node, bytes, downtime_ms, .. } = made;
    format!("has a checkpoint of {} on {node}{}", memory(*bytes), stood_still(*downtime_ms))
}
