//! `management store copy`: all records from one kind of store to the other.

use clap::{Args, Subcommand};

use super::failure::{Failure, Outcome};
use super::shape::Shape;
use super::stores::StoreArguments;
use super::terminal;
use super::values::words;
use crate::config::StoreEngine;

/// Copy records between kinds of stores
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management store copy --from embedded --to mongodb")]
pub struct Store {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    Copy(CopyArguments),
}

/// Copy all records of a live system that does not run to the other kind of store
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  WHARFINGER_MONGODB_URI=mongodb://127.0.0.1/ management store copy --from embedded --to mongodb
  management store copy --from mongodb --to embedded --replace

The connection string of the database comes from that variable, or from the file that `store.uri_file` of the actors file names. \
Neither side may be in use. What is copied stays where it is; `store.engine` says which of the two `up` opens.")]
struct CopyArguments {
    /// The kind that is copied
    #[arg(long, value_name = "KIND", value_parser = words(&StoreEngine::ALL, StoreEngine::word))]
    from: StoreEngine,
    /// The kind that is written
    #[arg(long, value_name = "KIND", value_parser = words(&StoreEngine::ALL, StoreEngine::word))]
    to: StoreEngine,
    /// Replace records that are there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    stores: StoreArguments,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// What was copied.
#[derive(serde::Serialize)]
struct Copied {
    from: String,
    to: String,
    turn: u64,
    stores: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Store) -> Result<Outcome, Failure> {
    let Deed::Copy(CopyArguments { from, to, replace, stores, output }) = &arguments.deed;
    if from == to {
        return Err(Failure::usage(format!("--from and --to are both {}: a copy goes to the other kind", from.word())));
    }
    let [source, target] = stores.pair(*from, *to)?;
    terminal::say(&format!("copying {} to {}", source.name(), target.name()));
    let contents = source.copy(&target, *replace, &mut |step| terminal::say(&format!("  {step}")))?;
    let copied = Copied { from: source.name(), to: target.name(), turn: contents.turn, stores: contents.stores };
    output.print(&copied, |copied| {
        let stores: Vec<&str> = copied.stores.iter().map(|store| store.trim_end_matches(".db")).collect();
        format!("{} copied to {}, as of turn {}\n", stores.join(", "), copied.to, copied.turn)
    })?;
    Ok(Outcome::Done)
}
