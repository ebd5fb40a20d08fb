//! `management why`: why a job waited, from the files of its run.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::failure::{Failure, Outcome};
use super::terminal;
use crate::report::why::why;

/// Say why a job waited, and where it ran
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management simulate scenario.json --out run && management why tide-3 --run run
  management why j17 --run run -o json

For every wait: what was short, by how much, on which node, and from when until when.")]
pub struct Why {
    /// The job: its name, or its id, as in j17
    job: String,
    /// The output folder of the run
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// How the result is printed: table or json
    #[arg(short, long, default_value = "table", value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(["table", "json"]).map(|format| format == "json"))]
    output: bool,
}

/// Runs the command.
pub fn run(arguments: &Why) -> Result<Outcome, Failure> {
    let why = why(&arguments.run, &arguments.job)?;
    let text =
        if arguments.output { format!("{:#}\n", serde_json::to_value(&why).expect("plain data has a JSON form")) } else { why.to_string() };
    terminal::print(&text)?;
    Ok(Outcome::Done)
}
