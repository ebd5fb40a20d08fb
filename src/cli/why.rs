//! `management why`: why a job waited, from the files of its run, or why it waits in a live system.

use std::path::PathBuf;

use clap::Args;
use model::Seconds;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{moment, plain};
use super::terminal;
use crate::api::body;
use crate::client::Call;
use crate::report::table::OutputFormat;
use crate::report::why::{Why, why};

/// Say why a job waited and where it ran, or why it waits in a live system
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management simulate scenario.json --out run && management why tide-3 --run run
  management why j17 --run run -o json
  management why j12

With --run, for every wait: what was short, by how much, on which node, and from when until when. \
Without it the live system is asked why the job's tasks wait now.")]
pub struct Arguments {
    /// The job: its id, as in j17; with --run also its name
    job: String,
    /// The output folder of a run; without it the live system is asked
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "token_file", "ca", "timeout"])]
    run: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Some(run) = &arguments.run else { return ask(arguments) };
    let why = why(run, &arguments.job)?;
    let text = match arguments.output {
        OutputFormat::Table => why.to_string(),
        OutputFormat::Json => format!("{:#}\n", serde_json::to_value(&why).expect("plain data has a JSON form")),
        OutputFormat::Csv => csv(&why),
    };
    terminal::print(&text)?;
    Ok(Outcome::Done)
}

/// Asks the live system.
fn ask(arguments: &Arguments) -> Result<Outcome, Failure> {
    let why: body::Why = arguments.server.client()?.read(&Call::get(&["v1", "jobs", &arguments.job, "why"]))?;
    terminal::print(&match arguments.output {
        OutputFormat::Table => told(&why),
        OutputFormat::Json => format!("{:#}\n", serde_json::to_value(&why).expect("bodies are plain data, which JSON writes")),
        OutputFormat::Csv => return Err(Failure::usage("csv is for a run's files (--run); a live system answers as table or json")),
    })?;
    Ok(Outcome::Done)
}

/// What waits, and why.
fn told(why: &body::Why) -> String {
    let reason = why.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut text = format!("{} ({}): {}{reason}\n", why.id, why.name, why.state.word());
    if why.waiting.is_empty() {
        text += "nothing of it waits";
        text +=
            &if why.state.is_terminal() { format!("; how its tasks ended is shown by `management job {}`\n", why.id) } else { "\n".into() };
    }
    for waiting in &why.waiting {
        let reason = &waiting.reason;
        text += &format!("{}[{}]: {} (since {})\n", waiting.task, waiting.index, plain(&reason.detail), moment(reason.since));
        if !waiting.waiting_for.is_empty() {
            let names: Vec<&str> = waiting.waiting_for.iter().map(model::Name::as_str).collect();
            text += &format!("    waits for {}\n", names.join(", "));
        }
    }
    text
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
