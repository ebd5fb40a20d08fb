//! `management submit`: gives a job to a live system.

use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::job;
use super::server::ServerArguments;
use super::shape::{Shape, grid};
use super::terminal;
use super::watch::{interrupted, is_interrupted};
use crate::api::body::{Checked, Job, Taken, submission_key};
use crate::client::{Call, Client, ClientError, new_key};
use crate::sim::input::{open_file, read_failed};

/// No document is larger; the server takes less, and says how much.
const MOST_BYTES: u64 = 16 << 20;
/// With these the server blames the document.
const OF_DOCUMENT: [u16; 2] = [400, 413];
/// How often a job is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(250);

/// Submit a job to a live system
///
/// The job is durable when the answer comes. Every submission carries a key, so that it is safe to repeat one whose answer was lost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management submit job.json
  management submit job.json --wait -o json
  management submit job.json --dry-run
  management submit old-job.json --format swarm-job
  generate-job | management submit - --key nightly-2026-01-15

With --wait the command ends with the job, and with exit code 1 if the job did not succeed. Ctrl-C ends \
the waiting, not the job.")]
pub struct Submit {
    /// The job document (docs/formats/job.md); - is stdin
    #[arg(value_name = "FILE|-")]
    file: String,
    /// Format of the document
    #[arg(long, value_name = "F", default_value = "native", value_parser = PossibleValuesParser::new(["native", "swarm-job"]))]
    format: String,
    /// Look at the job and say where it could run, but do not submit it
    #[arg(long)]
    dry_run: bool,
    /// Key of the submission: the same key with the same document is the same job (default: a new one)
    #[arg(long, conflicts_with = "dry_run", value_parser = submission_key)]
    key: Option<String>,
    /// Wait until the job has ended, and show it
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &Submit) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let document = read(&arguments.file)?;
    let refused = |error: ClientError| {
        let of_document = matches!(&error, ClientError::Refused(problem) if OF_DOCUMENT.contains(&problem.status));
        let failure = Failure::from(error);
        if of_document { failure.of_file(&arguments.file) } else { failure }
    };
    let call = Call::post(&["v1", "jobs"]).query("format", Some(&arguments.format)).body("application/json", document);
    if arguments.dry_run {
        let checked: Checked = client.read(&call.query("dry_run", Some(true)).repeatable()).map_err(refused)?;
        arguments.output.print(&checked, looked_at)?;
        return Ok(Outcome::Done);
    }
    let key = arguments.key.clone().unwrap_or_else(new_key);
    let taken: Taken = client.read(&call.key(&key)).map_err(refused)?;
    if arguments.wait {
        return wait(&client, &taken, arguments.output);
    }
    arguments.output.print(&taken, |taken| format!("{} ({}): {}\n", taken.id, taken.name, taken.state.word()))?;
    Ok(Outcome::Done)
}

/// The document, as it is: the server reads it and names what is wrong with it.
fn read(file: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let source: Box<dyn io::Read> = if file == "-" { Box::new(io::stdin()) } else { Box::new(open_file(Path::new(file))?) };
    let count = source.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| read_failed(Path::new(file), &error))?;
    if count as u64 > MOST_BYTES {
        return Err(Failure::input(format!("{file}: it has more than {} MiB: no job is so large", MOST_BYTES >> 20)));
    }
    Ok(bytes)
}

fn wait(client: &Client, taken: &Taken, output: Shape) -> Result<Outcome, Failure> {
    interrupted();
    if output == Shape::Table {
        terminal::say(&format!("{} ({}) is taken; waiting for its end", taken.id, taken.name));
    }
    let look = Call::get(&["v1", "jobs", &taken.id]);
    loop {
        let job: Job = client.read(&look)?;
        let ended = job.state.is_terminal();
        if !ended && !is_interrupted() {
            thread::sleep(LOOK);
            continue;
        }
        output.print(&job, job::table)?;
        if !ended {
            terminal::say(&format!("interrupted: the job goes on; see `management job {}`", taken.id));
            return Ok(Outcome::Interrupted);
        }
        let succeeded = job.state == model::JobState::Succeeded;
        return Ok(if succeeded { Outcome::Done } else { Outcome::Failed });
    }
}

fn looked_at(checked: &Checked) -> String {
    let rows = checked.tasks.iter().map(|(name, task)| vec![name.to_string(), task.count.to_string(), task.nodes.to_string()]);
    let name = checked.job.get("name").unwrap_or(&json!("")).as_str().unwrap_or_default().to_owned();
    let verdict = if checked.placeable { "each task could run on some node" } else { "no node that is known now could hold every task" };
    let header = ["task", "instances", "nodes that could hold one"];
    format!("{}: {verdict}; nothing was submitted\n", super::shape::plain(&name)) + &grid(&header, &header[1..], rows.collect())
}
