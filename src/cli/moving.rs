//! Waiting for moves: how far they are on stderr, and what came of them. Ctrl-C ends the waiting, not the moves.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use actors::MovePhase;
use clap::Args;
use model::{Name, TaskState};
use serde::Serialize;

use super::failure::{Failure, Outcome};
use super::shape::{Shape, grid, memory};
use super::terminal;
use super::watch::{Watch, interrupted, is_interrupted};
use crate::api::body::{Fetched, Holder, Instance, Job, Move, NodeDetail, Progress};
use crate::client::{Call, Client};
use crate::report::quantity::Quantity;

/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(200);
/// Between two questions to a node.
const ASK: Duration = Duration::from_secs(1);
/// A node that is drained is left to itself when nothing has moved for so long.
const STILL: Duration = Duration::from_secs(10);

/// Which running task instance.
#[derive(Debug, Args)]
pub struct WhichInstance {
    /// The job's id, as in j12
    pub job: String,
    /// The task's name
    pub task: Name,
    /// Which instance of it
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub index: u32,
}

/// What is known of a task instance.
pub fn instance(client: &Client, job: &str, task: &Name, index: u32) -> Result<Option<Instance>, Failure> {
    let job: Job = client.read(&Call::get(&["v1", "jobs", job]))?;
    let known = job.tasks.get(task).map(|task| match &task.instances[..] {
        [] => (index == 0).then(|| task.instance.clone()),
        instances => instances.get(index as usize).cloned(),
    });
    Ok(known.flatten())
}

/// Waits until a task that was told to move runs again, wherever that is.
pub fn follow(client: &Client, job: &str, task: &Name, before: &Instance, output: Shape) -> Result<Outcome, Failure> {
    interrupted();
    let watch = Watch::waiting(false, "it moves");
    let mut come = Come { asked: None, words: String::new() };
    let since = before.moved.as_ref().map(|moved| moved.since);
    loop {
        let now = instance(client, job, task, before.index)?.filter(|now| now.attempt == before.attempt);
        let moved = now.as_ref().and_then(|now| now.moved.as_ref()).filter(|moved| since != Some(moved.since));
        let runs = now.as_ref().is_some_and(|now| matches!(now.state, TaskState::Running | TaskState::Migrating));
        match moved {
            _ if !runs => {
                watch.clear();
                return Err(Failure::other(format!("{job} {task}[{}] has ended, or begins anew, before it moved", before.index)));
            }
            Some(moved) if moved.downtime_ms.is_some() => {
                watch.clear();
                output.print(moved, |moved| format!("{job} {task}[{}] {}\n", before.index, told(moved)))?;
                return Ok(if moved.phase == MovePhase::Moved { Outcome::Done } else { Outcome::Failed });
            }
            Some(moved) if moved.phase == MovePhase::Restoring => {
                watch.says(format!("{job} {task}[{}] {}{}", before.index, told(moved), come.words(client, job, task, before.index)));
            }
            Some(moved) => watch.says(format!("{job} {task}[{}] {}", before.index, told(moved))),
            None => watch.says(format!("{job} {task}[{}] waits for room", before.index)),
        }
        if is_interrupted() {
            watch.clear();
            terminal::say(&format!("interrupted: the move goes on; see `management job {job}`"));
            return Ok(Outcome::Interrupted);
        }
        sleep(LOOK);
    }
}

/// How much of a checkpoint has come.
struct Come {
    asked: Option<Instant>,
    words: String,
}

impl Come {
    /// In words that follow others, not older than a second. Its node may be busy with it, and say nothing.
    fn words(&mut self, client: &Client, job: &str, task: &Name, index: u32) -> &str {
        if self.asked.is_none_or(|asked| asked.elapsed() > ASK) {
            let call = Call::get(&["v1", "jobs", job, "tasks", task.as_str(), "progress"]).query("index", Some(index)).once();
            let fetch = client.read(&call).ok().and_then(|progress: Progress| progress.fetch);
            let fetch = fetch.filter(|fetch| fetch.what == Fetched::Checkpoint);
            self.words = fetch.map_or_else(String::new, |fetch| format!(", of which {} have come", memory(fetch.bytes)));
            self.asked = Some(Instant::now());
        }
        &self.words
    }
}

/// How long a task can have stood still, where that is known, in words that follow others.
pub fn stood_still(downtime_ms: Option<u64>) -> String {
    downtime_ms.map_or_else(String::new, |ms| format!("; it stood still for {} at most", Quantity::Time.show(ms as f64 / 1000.0)))
}

/// A move in words.
fn told(moved: &Move) -> String {
    let Move { from, to, phase, bytes, downtime_ms, .. } = moved;
    let size = bytes.map_or_else(String::new, |bytes| format!(" with {}", memory(bytes)));
    let still = stood_still(*downtime_ms);
    match phase {
        MovePhase::Preparing => format!("runs on {from}; {to} makes ready for it"),
        MovePhase::Checkpointing => format!("is checkpointed on {from}, to go to {to}"),
        MovePhase::Restoring => format!("goes from {from} to {to}{size}"),
        MovePhase::Moved => format!("has moved from {from} to {to}{size}{still}"),
        MovePhase::Stayed => format!("is on {from} as before: the move to {to} came to nothing{still}"),
    }
}

/// What a node held that was drained, and what became of it.
#[derive(Debug, Serialize)]
struct Left {
    job: String,
    task: Name,
    index: u32,
    /// `moved`, `anew`, `ended` or `here`.
    outcome: &'static str,
    /// In words.
    detail: String,
}

/// What a node holds whose tasks are known.
pub fn held(client: &Client, node: &str) -> Result<Vec<Holder>, Failure> {
    let node: NodeDetail = client.read(&Call::get(&["v1", "nodes", node]))?;
    Ok(node.tasks)
}

/// Waits until a node that is drained has let go of what it can, and says of each task what became of it.
pub fn emptied(client: &Client, node: &Name, before: &[Holder], output: Shape) -> Result<Outcome, Failure> {
    interrupted();
    let watch = Watch::waiting(false, &format!("{node} is empty"));
    let (mut last, mut changed) = (Vec::new(), Instant::now());
    let (left, waiting) = loop {
        let jobs: BTreeMap<&str, Option<Job>> =
            before.iter().map(|holder| (&holder.job[..], client.read(&Call::get(&["v1", "jobs", &holder.job])).ok())).collect();
        let left: Vec<Left> = before.iter().filter_map(|holder| left(jobs[&holder.job[..]].as_ref(), holder, node)).collect();
        let here = left.iter().filter(|left| left.outcome == "here").count();
        watch.says(format!("{} of {} tasks have left {node}", left.len() - here, left.len()));
        let now: Vec<String> = left.iter().map(|left| left.detail.clone()).collect();
        if now != last {
            (last, changed) = (now, Instant::now());
        }
        if here == 0 || changed.elapsed() > STILL || is_interrupted() {
            break (left, here > 0);
        }
        sleep(LOOK);
    };
    watch.clear();
    output.print(&left, |left| {
        let rows = left.iter().map(|left| vec![left.job.clone(), format!("{}[{}]", left.task, left.index), left.detail.clone()]);
        grid(&["job", "task", "became"], &[], rows.collect())
    })?;
    if is_interrupted() {
        return Ok(Outcome::Interrupted);
    }
    Ok(if waiting { Outcome::Failed } else { Outcome::Done })
}

fn left(job: Option<&Job>, holder: &Holder, node: &Name) -> Option<Left> {
    let name = holder.task.clone()?;
    let task = job.and_then(|job| job.tasks.get(&name));
    let found = task.map(|task| task.instances.get(holder.index as usize).unwrap_or(&task.instance));
    let (outcome, detail) = match found {
        None => ("ended", "is forgotten".to_owned()),
        Some(it) if it.state.is_terminal() => ("ended", format!("has {}", it.state.word())),
        Some(it) if it.state.holds_cores() && it.node.as_ref() == Some(node) => ("here", stays(it)),
        Some(it) if it.attempt > holder.attempt || !it.state.holds_cores() => ("anew", anew(it)),
        Some(it) => ("moved", it.moved.as_ref().map_or_else(|| "has moved".to_owned(), told)),
    };
    Some(Left { job: holder.job.clone(), task: name, index: holder.index, outcome, detail })
}

fn stays(it: &Instance) -> String {
    match (&it.moved, it.state) {
        (Some(moved), TaskState::Migrating) => told(moved),
        (_, TaskState::Running) => "is still here: no other node can take it now; it moves as soon as one can".to_owned(),
        (_, state) => format!("is still here: {}", state.word()),
    }
}

fn anew(it: &Instance) -> String {
    match (&it.node, it.state.holds_cores()) {
        (Some(node), true) => format!("begins anew on {node}"),
        _ => format!("waits to begin anew{}", it.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", reason.detail))),
    }
}
