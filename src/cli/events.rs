//! `management events`: what happens in a live system.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use model::Name;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{Shape, plain};
use super::terminal;
use crate::api::body::{EventBody, Problem};
use crate::client::{Call, Client, ClientError, Frame};

/// Who does not follow has seen all when nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(1);
/// Who does not follow stops at events so much later than its own beginning, where they never cease.
const LATE_MS: u64 = 2000;
/// The wait before a follower comes back.
const PAUSE: Duration = Duration::from_millis(500);

/// Print what happens in a live system
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management events
  management events --follow --type job.state,node.state
  management events --since 4711 --job j12 -o json

Without --follow: the events that are kept, after --since. With it: those that happen from now on, or \
after --since; a connection that breaks is made anew, and none is missed. JSON is one event a line.")]
pub struct Events {
    /// Only events after this number
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Only events of these types, joined by commas: job.state, task.state, node.state, node.action, policy.changed
    #[arg(long = "type", value_name = "TYPES")]
    kinds: Option<String>,
    /// Only events of this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Go on with what happens
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &Events) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let mut since = arguments.since.or((!arguments.follow).then_some(0));
    loop {
        let end = listen(arguments, &client, &mut since, begun)?;
        if end == End::Over || !arguments.follow {
            return Ok(Outcome::Done);
        }
        thread::sleep(PAUSE);
    }
}

#[derive(PartialEq, Eq)]
enum End {
    /// There is nothing more to show, or nobody to show it to.
    Over,
    /// The connection broke, or the server stopped.
    Broken,
}

/// Shows the events of one connection.
fn listen(arguments: &Events, client: &Client, since: &mut Option<u64>, begun: u64) -> Result<End, Failure> {
    let call = Call::get(&["v1", "events"])
        .query("since", *since)
        .query("type", arguments.kinds.as_deref())
        .query("job", arguments.job.as_deref());
    let frames = client.frames(&call, (!arguments.follow).then_some(SILENCE))?;
    for frame in frames {
        // Silence ends who does not follow, and a broken connection is made anew by who does.
        let Ok(frame) = frame else { break };
        let event = read(client, &frame)?;
        // After a new connection an event may come twice.
        if since.is_some_and(|since| event.seq <= since) {
            continue;
        }
        if !arguments.follow && event.time.0.0 > begun.saturating_add(LATE_MS) {
            return Ok(End::Over);
        }
        *since = Some(event.seq);
        let line = match arguments.output {
            Shape::Table => line(&event),
            Shape::Json => serde_json::to_string(&event).expect("bodies are plain data, which JSON writes"),
        };
        if !terminal::print_on(&format!("{line}\n"))? {
            return Ok(End::Over);
        }
    }
    Ok(End::Broken)
}

fn read(client: &Client, frame: &Frame) -> Result<EventBody, Failure> {
    if frame.event == "problem"
        && let Ok(problem) = serde_json::from_str::<Problem>(&frame.data)
    {
        return Err(ClientError::Refused(Box::new(problem)).into());
    }
    let cause = |error: serde_json::Error| ClientError::Answer { address: client.address().clone(), cause: format!("an event: {error}") };
    Ok(serde_json::from_str(&frame.data).map_err(cause)?)
}

/// An event on one line.
fn line(event: &EventBody) -> String {
    let what = match (&event.job, &event.task, &event.node) {
        (Some(job), Some(task), _) => format!("{job} {task}[{}]", event.index.unwrap_or_default()),
        (Some(job), None, _) => job.clone(),
        (None, _, Some(node)) => node.to_string(),
        (None, ..) => String::new(),
    };
    let change = match (&event.from, &event.to) {
        (Some(from), Some(to)) => format!("{from} -> {to}"),
        (None, Some(to)) => to.clone(),
        (_, None) => String::new(),
    };
    let node = event.node.as_ref().filter(|_| event.job.is_some()).map(|node: &Name| format!("on {node}"));
    let reason = event.reason.as_ref().map(|reason| format!("({reason})"));
    let data = Some(event.data.to_string()).filter(|data| !matches!(data.as_str(), "{}" | "null"));
    let parts = [Some(event.kind.clone()), Some(what), Some(change), node, reason, data];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    plain(&format!("{:>6}  {}  {}", event.seq, event.time, parts.join(" ")))
}
