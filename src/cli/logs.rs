//! `management logs`: what a task of a live system wrote.

use std::io::{self, Read as _, Write as _};

use clap::Args;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::watch::{interrupted, is_interrupted};
use crate::client::{Call, Client, ClientError, Reply};

/// The largest part that the server sends at once.
const PART: u32 = 1 << 20;

/// Print what a task of a live system wrote
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management logs j12 train
  management logs j12 train --stderr --attempt 1
  management logs j12 sweep --index 3 --follow

The bytes are printed as they were written. A log that was cut at its beginning says so on stderr.")]
pub struct Logs {
    /// The job's id, as in j12
    job: String,
    /// The task's name
    task: String,
    /// Its standard error instead of its standard output
    #[arg(long)]
    stderr: bool,
    /// Which attempt (default: the latest)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    attempt: Option<u16>,
    /// Which instance, where the task has several
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// Go on until the run has ended
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// Runs the command.
pub fn run(arguments: &Logs) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let mut offset = 0;
    loop {
        match part(arguments, &client, &mut offset)? {
            Part::More => {}
            Part::Last => return Ok(Outcome::Done),
            Part::Interrupted => return Ok(Outcome::Interrupted),
        }
    }
}

enum Part {
    /// There may be more now.
    More,
    /// That was all that there is.
    Last,
    /// Somebody has had enough.
    Interrupted,
}

fn part(arguments: &Logs, client: &Client, offset: &mut u64) -> Result<Part, Failure> {
    let call = Call::get(&["v1", "jobs", &arguments.job, "tasks", &arguments.task, "logs"])
        .query("stream", Some(if arguments.stderr { "stderr" } else { "stdout" }))
        .query("attempt", arguments.attempt)
        .query("index", arguments.index)
        .query("offset", Some(*offset));
    if arguments.follow {
        // A quiet task is no dead server: how long it says nothing is its own affair.
        let reply = client.stream(&call.query("follow", Some(true)), Some(std::time::Duration::from_secs(3600)))?;
        // A second Ctrl-C, or this one, ends the program while it waits for more.
        *offset = at(&reply, *offset);
        return copy(reply, offset, client, true);
    }
    let reply = client.ask(&call.query("limit", Some(PART)))?;
    *offset = at(&reply, *offset);
    let before = *offset;
    copy(reply, offset, client, false)?;
    // A run that goes on may write more; without --follow what there is now is all.
    Ok(if is_interrupted() {
        Part::Interrupted
    } else if *offset == before {
        Part::Last
    } else {
        interrupted();
        Part::More
    })
}

/// Where the part begins; says so where that is later than asked for.
fn at(reply: &Reply, asked: u64) -> u64 {
    let begins = reply.header("x-log-offset").and_then(|offset| offset.parse().ok()).unwrap_or(asked);
    if begins > asked {
        super::terminal::say(&format!("note: {} bytes at the beginning are no longer kept", begins - asked));
    }
    begins
}

fn copy(reply: Reply, offset: &mut u64, client: &Client, follow: bool) -> Result<Part, Failure> {
    let mut reader = reply.reader();
    let mut stdout = io::stdout().lock();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = reader.read(&mut buffer).map_err(|error| ClientError::Unreachable {
            address: client.address().clone(),
            cause: format!("the log broke off ({error})"),
        })?;
        if count == 0 {
            return Ok(Part::Last);
        }
        *offset += count as u64;
        match stdout.write_all(&buffer[..count]).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Part::Last),
            written => written.map_err(|error| Failure::system("the log cannot be printed", &error))?,
        }
        if follow && is_interrupted() {
            return Ok(Part::Interrupted);
        }
    }
}
