//! `management why`: why a job waited, from the files of its run.

use std::path::PathBuf;

use clap::Args;
use model::Seconds;

use super::failure::{Failure, Outcome};
use super::terminal;
use crate::report::table::OutputFormat;
use crate::report::why::{Why, why};

/// Say why a job waited, and where it ran
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management simulate scenario.json --out run && management why tide-3 --run run
  management why j17 --run run -o json

For every wait: what was short, by how much, on which node, and from when until when.")]
pub struct Arguments {
    /// The job: its name, or its id, as in j17
    job: String,
    /// The output folder of the run
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let why = why(&arguments.run, &arguments.job)?;
    let text = match arguments.output {
        OutputFormat::Table => why.to_string(),
        OutputFormat::Json => format!("{:#}\n", serde_json::to_value(&why).expect("plain data has a JSON form")),
        OutputFormat::Csv => csv(&why),
    };
    terminal::print(&text)?;
    Ok(Outcome::Done)
}

/// One row a reason.
fn csv(why: &Why) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut row = |cells: [String; 7]| writer.write_record(cells).expect("memory takes all rows");
    row(["job", "name", "task", "index", "from_s", "until_s", "reason"].map(String::from));
    for task in &why.tasks {
        for reason in task.waits.iter().flat_map(|wait| &wait.reasons) {
            let seconds = |at: Seconds| at.0.as_secs().to_string();
            let until = reason.until_s.map_or_else(String::new, seconds);
            let (job, index, from) = (why.job.to_string(), task.index.to_string(), seconds(reason.from_s));
            row([job, why.name.clone(), task.task.clone(), index, from, until, reason.text.clone()]);
        }
    }
    String::from_utf8(writer.into_inner().expect("memory takes all bytes")).expect("names and reasons are text")
}
