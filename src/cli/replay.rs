//! `management replay`: the journalled inputs must give the journalled plans again.

use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::terminal;
use crate::journal::{ReplayError, Replayed, replay};
use crate::report::quantity::Count;
use crate::report::table::OutputFormat;
use crate::sim::input::{LineGuard, open_file};

/// The longest line of a journal, in bytes: a plan of a million placements is one line.
const LONGEST_RECORD: usize = 1 << 28;

/// Give a journal's inputs to a fresh scheduler and compare the plans
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management simulate scenario.json --out run --journal && management replay run/journal.jsonl
  management replay run/journal.jsonl -o json

Exit code 0: every plan came out the same. 4: journal and replay part, and it is said where. \
3: the journal cannot be read.")]
pub struct Replay {
    /// The journal, as `simulate --journal` wrote it
    journal: PathBuf,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
}

/// Runs the command.
pub fn run(arguments: &Replay) -> Result<Outcome, Failure> {
    let file = &arguments.journal;
    match replay(BufReader::new(LineGuard::up_to(open_file(file)?, LONGEST_RECORD))) {
        Ok(replayed) => {
            terminal::print(&same(&replayed, arguments.output))?;
            Ok(Outcome::Done)
        }
        Err(error @ ReplayError::Read { .. }) => Err(Failure::journal(file, &error)),
        Err(error @ (ReplayError::Parted { line, .. } | ReplayError::Hash { line, .. })) => {
            terminal::print(&parted(line, &error, arguments.output))?;
            terminal::say(&format!("error: {}", Failure::journal(file, &error)));
            Ok(Outcome::Parted)
        }
    }
}

fn same(replayed: &Replayed, format: OutputFormat) -> String {
    let Replayed { inputs, rounds, plans, journal_hash, complete } = replayed;
    match format {
        OutputFormat::Table => {
            let end = if *complete { "" } else { "\nthe journal has no end: its run was killed, or wrote on" };
            let [inputs, rounds, plans] = [*inputs, *rounds, *plans].map(Count);
            format!("same: {plans} plans from {inputs} inputs in {rounds} rounds\njournal {journal_hash}{end}\n")
        }
        OutputFormat::Json => {
            let mut value = json!({ "same": true });
            if let (Value::Object(fields), Ok(Value::Object(more))) = (&mut value, serde_json::to_value(replayed)) {
                fields.extend(more);
            }
            format!("{value:#}\n")
        }
        OutputFormat::Csv => {
            format!("same,inputs,rounds,plans,journal_hash,complete\ntrue,{inputs},{rounds},{plans},{journal_hash},{complete}\n")
        }
    }
}

fn parted(line: u64, error: &ReplayError, format: OutputFormat) -> String {
    match format {
        OutputFormat::Table => String::new(),
        OutputFormat::Json => format!("{:#}\n", json!({ "same": false, "line": line, "cause": error.to_string() })),
        OutputFormat::Csv => format!("same,line\nfalse,{line}\n"),
    }
}
