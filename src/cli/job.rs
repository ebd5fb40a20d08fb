//! `management job`: one job of a live system with its tasks.

use clap::Args;
use model::Name;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{Shape, facts, grid, labels, memory, moment, span};
use crate::api::body::{Instance, Job, Task};
use crate::client::Call;

/// Show a job of a live system with its tasks
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management job j12
  management job j12 -o json")]
pub struct Arguments {
    /// The job's id, as in j12
    job: String,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let job: Job = arguments.server.client()?.read(&Call::get(&["v1", "jobs", &arguments.job]))?;
    arguments.output.print(&job, table)?;
    Ok(Outcome::Done)
}

/// The job for people.
pub fn table(job: &Job) -> String {
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let told = facts(&[
        ("job", Some(format!("{} ({})", job.id, job.name))),
        ("state", Some(job.state.word().to_owned())),
        ("reason", job.reason.clone()),
        ("tenant", job.tenant.as_ref().map(Name::to_string)),
        ("labels", known(labels(&job.labels))),
        ("priority", (job.priority != 0).then(|| job.priority.to_string())),
        ("submitted", Some(moment(job.submitted_at))),
        ("started", job.started_at.map(|at| format!("{}, {} later", moment(at), span(Some(job.submitted_at), job.started_at)))),
        ("ended", job.ended_at.map(|at| format!("{}, {} after its submission", moment(at), span(Some(job.submitted_at), job.ended_at)))),
    ]);
    let rows = job.tasks.iter().flat_map(|(name, task)| {
        let instances = if task.instances.is_empty() { std::slice::from_ref(&task.instance) } else { &task.instances[..] };
        instances.iter().map(move |instance| row(name, task, instance))
    });
    let header = ["task", "state", "attempt", "node", "cores", "memory", "started", "ran", "why"];
    told + &grid(&header, &["attempt", "memory", "ran"], rows.collect())
}

fn row(name: &Name, task: &Task, instance: &Instance) -> Vec<String> {
    let cores = match &instance.placement {
        Some(placement) => placement.cpuset.to_string(),
        None => format!("({})", task.cores),
    };
    vec![
        if task.count > 1 { format!("{name}[{}]", instance.index) } else { name.to_string() },
        instance.state.word().to_owned(),
        instance.attempt.to_string(),
        instance.node.as_ref().map(Name::to_string).unwrap_or_default(),
        cores,
        memory(task.memory_bytes),
        instance.started_at.map(moment).unwrap_or_default(),
        span(instance.started_at, instance.ended_at),
        why(instance),
    ]
}

/// Why it waits, or how it ended.
fn why(instance: &Instance) -> String {
    if let Some(reason) = &instance.reason {
        return reason.detail.clone();
    }
    if !instance.waiting_for.is_empty() {
        return format!("waits for {}", instance.waiting_for.iter().map(Name::as_str).collect::<Vec<_>>().join(", "));
    }
    match (&instance.cause, instance.exit_code) {
        (Some(cause), Some(code)) if cause == "exit" => format!("exit code {code}"),
        (Some(cause), Some(code)) => format!("{cause}, exit code {code}"),
        (Some(cause), None) => cause.clone(),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => String::new(),
    }
}
