//! `management export`: the history of a live system as a trace that `simulate` takes.

use std::io;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::failure::{Failure, Outcome};
use super::file;
use super::server::ServerArguments;
use super::terminal;
use crate::client::Call;

/// Write the history of a live system as a trace
///
/// Every task that has ended is a row; what ran live can be simulated under other policies and on other nodes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management export --format native --out history.csv
  management simulate --trace history.csv --format native --nodes 8 --cores 32 --memory 128GiB")]
pub struct Export {
    /// Format of the trace (docs/formats/trace-native.md)
    #[arg(long, value_name = "F", default_value = "native", value_parser = PossibleValuesParser::new(["native"]))]
    format: String,
    /// File for the trace (default: stdout)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
    /// No notes on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Export) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let reply = client.ask(&Call::get(&["v1", "export"]).query("format", Some(&arguments.format)))?;
    match &arguments.out {
        None => terminal::print(&String::from_utf8_lossy(&reply.bytes()?))?,
        Some(out) => {
            let mut reader = reply.reader();
            let bytes = file::write(out, |file| io::copy(&mut reader, file))?;
            if !arguments.quiet {
                terminal::say(&format!("note: {bytes} bytes are in {}", out.display()));
            }
        }
    }
    Ok(Outcome::Done)
}
