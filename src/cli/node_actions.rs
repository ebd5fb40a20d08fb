//! `management drain`, `undrain`, `cordon` and `uncordon`: what may be asked of a node.

use clap::Args;

use super::failure::{Failure, Outcome};
use super::moving;
use super::server::ServerArguments;
use super::shape::Shape;
use crate::api::body::{NodeAction, NodeDeed, NodeTaken};
use crate::client::{Call, Client};

/// Empty a node of a live system: no new tasks, and what runs goes elsewhere
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management drain pier-1
  management drain pier-1 --migrate

Without --migrate tasks are stopped and begin anew elsewhere. With it the command
waits, and says of each task what became of it; it fails where some could not leave.
`management node pier-1` shows what is left.")]
pub struct Drain {
    #[command(flatten)]
    which: Which,
    /// Move running tasks with their state where that is possible
    #[arg(long)]
    migrate: bool,
    /// Do not wait until what can move has moved
    #[arg(long, requires = "migrate")]
    no_wait: bool,
}

/// Take a drained node of a live system back
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management undrain pier-1")]
pub struct Undrain {
    #[command(flatten)]
    which: Which,
}

/// Give a node of a live system no new tasks; what runs stays
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management cordon pier-1")]
pub struct Cordon {
    #[command(flatten)]
    which: Which,
}

/// Give a node of a live system new tasks again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management uncordon pier-1")]
pub struct Uncordon {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// The node's name or id
    node: String,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `drain`.
pub fn drain(arguments: &Drain) -> Result<Outcome, Failure> {
    let Drain { which, migrate, no_wait } = arguments;
    if !migrate || *no_wait {
        return act(which, NodeDeed::Drain, *migrate);
    }
    let client = which.server.client()?;
    let held = moving::held(&client, &which.node)?;
    let taken = take(&client, which, NodeDeed::Drain, true)?;
    moving::emptied(&client, &taken.node, &held, which.output)
}

/// Runs `undrain`.
pub fn undrain(arguments: &Undrain) -> Result<Outcome, Failure> {
    act(&arguments.which, NodeDeed::Undrain, false)
}

/// Runs `cordon`.
pub fn cordon(arguments: &Cordon) -> Result<Outcome, Failure> {
    act(&arguments.which, NodeDeed::Cordon, false)
}

/// Runs `uncordon`.
pub fn uncordon(arguments: &Uncordon) -> Result<Outcome, Failure> {
    act(&arguments.which, NodeDeed::Uncordon, false)
}

fn take(client: &Client, which: &Which, action: NodeDeed, migrate: bool) -> Result<NodeTaken, Failure> {
    // Each of them says how the node shall be, so asking twice is asking once.
    let call = Call::post(&["v1", "nodes", &which.node, "actions"]).json(&NodeAction { action, migrate }).repeatable();
    Ok(client.read(&call)?)
}

fn act(which: &Which, action: NodeDeed, migrate: bool) -> Result<Outcome, Failure> {
    let taken = take(&which.server.client()?, which, action, migrate)?;
    which.output.print(&taken, |taken| {
        let done = match action {
            NodeDeed::Drain => "is being emptied",
            NodeDeed::Undrain => "is taken back",
            NodeDeed::Cordon => "gets no new tasks",
            NodeDeed::Uncordon => "gets new tasks again",
        };
        format!("{} {done}\n", taken.node)
    })?;
    Ok(Outcome::Done)
}
