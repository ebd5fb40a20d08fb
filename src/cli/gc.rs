//! `management gc`: what is left over on the nodes, and its removal.

use clap::Args;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{Shape, grid};
use super::terminal;
use crate::api::body::{Gc, GcQuestion};
use crate::client::Call;

/// Remove what is left over on the nodes of a live system
#[derive(Debug, Args)]
#[command(
    name = "gc",
    after_help = "Examples:
  management gc --dry-run     what there is
  management gc               remove it

Each worker looks for containers, processes and folders of runs that it does not
have, and names the checkpoints of jobs that are not known any more. A system
that works leaves nothing but those. Networks of jobs go by themselves when no
job uses them. Exit code 1: a node did not answer, or something stayed."
)]
pub struct Arguments {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `gc`.
pub fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let dry_run = arguments.dry_run;
    let call = Call::post(&["v1", "gc"]).json(&GcQuestion { dry_run }).repeatable();
    let found: Gc = arguments.server.client()?.read(&call)?;
    arguments.output.print(&found, |found| table(found, dry_run))?;
    for node in &found.silent {
        terminal::say(&format!("{node} does not answer, so nothing is known of it"));
    }
    let stayed = !dry_run && found.leftovers.iter().any(|one| !one.removed);
    Ok(if stayed || !found.silent.is_empty() { Outcome::Failed } else { Outcome::Done })
}

fn table(found: &Gc, dry_run: bool) -> String {
    if found.leftovers.is_empty() {
        return "nothing is left over\n".to_owned();
    }
    let became = |removed: bool| match (dry_run, removed) {
        (true, _) => "would be removed",
        (false, true) => "removed",
        (false, false) => "stays: its worker's log says why",
    };
    let rows = found.leftovers.iter().map(|one| {
        let kind = serde_json::to_value(one.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        vec![one.node.to_string(), kind, one.name.clone(), became(one.removed).to_owned()]
    });
    grid(&["node", "kind", "name", "became"], &[], rows.collect())
}
