//! Moves of tasks that a scenario asks for. A task's key holds the number of its job, and that is known only when the jobs have
//! been counted; so moves are resolved for each seed, by one pass over the input as far as it is needed.

use model::{JobId, Millis, Name, Operation, TaskKey};

use super::faults::{JobReference, MigrateDocument};
use crate::sim::config::{Arrival, Deed};
use crate::sim::input::{Fault, InputError, JobInput, Source};

/// The most names that are remembered for the case that one was misspelt.
const MOST_NAMES: usize = 10_000;

/// The deeds of the moves. Their times count from `start`.
///
/// # Errors
/// When the input cannot be read; when a job, a task or an instance is not there, or its job arrives after the move.
pub(super) fn resolve(
    moves: &[MigrateDocument],
    input: &JobInput,
    seed: u64,
    start: Millis,
    source: &Source,
) -> Result<Vec<(Millis, Deed)>, InputError> {
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    let mut jobs: Vec<Option<(JobId, Arrival)>> = vec![None; moves.len()];
    let mut names: Vec<Name> = Vec::new();
    let mut missing = moves.len();
    for (number, arrival) in input.open(seed)?.enumerate() {
        if missing == 0 {
            break;
        }
        let arrival = arrival?;
        for (wanted, found) in moves.iter().zip(&mut jobs) {
            let hit = match &wanted.job {
                JobReference::Name(name) => *name == arrival.spec.name,
                JobReference::Number(wanted) => *wanted as usize == number,
            };
            if hit && found.is_none() {
                *found = Some((JobId(number as u32), arrival.clone()));
                missing -= 1;
            }
        }
        if names.len() < MOST_NAMES {
            names.push(arrival.spec.name);
        }
    }
    let deed = |(index, (wanted, job)): (usize, (&MigrateDocument, Option<_>))| {
        deed(wanted, job, start, &names).map_err(|(field, fault)| source.fault_at(&format!("faults.migrate[{index}].{field}"), fault))
    };
    moves.iter().zip(jobs).enumerate().map(deed).collect()
}

fn deed(
    wanted: &MigrateDocument,
    job: Option<(JobId, Arrival)>,
    start: Millis,
    names: &[Name],
) -> Result<(Millis, Deed), (&'static str, Fault)> {
    let Some((job, arrival)) = job else {
        let fault = match &wanted.job {
            JobReference::Name(name) => Fault::unknown("job", name.as_str(), names.iter().map(Name::as_str)),
            JobReference::Number(number) => Fault::Value(format!("there is no job {number}: they are counted from 0")),
        };
        return Err(("job", fault));
    };
    let body = &arrival.spec.body;
    let Some(task) = body.tasks.iter().position(|task| task.name == wanted.task) else {
        return Err(("task", Fault::unknown("task", wanted.task.as_str(), body.tasks.iter().map(|task| task.name.as_str()))));
    };
    let instances = body.instances_of(task);
    if wanted.index >= instances.len() as u32 {
        let cause = format!("it is {}, but the task has {} instances, counted from 0", wanted.index, instances.len());
        return Err(("index", Fault::Value(cause)));
    }
    let at = start.plus(wanted.at_s.0);
    if at < arrival.at {
        return Err(("at_s", Fault::Backwards(format!("it is moved at {at}, before its job arrives at {}", arrival.at))));
    }
    let task = TaskKey { job, instance: instances.start + wanted.index };
    Ok((at, Deed::Operate(Operation::Migrate { task, to: wanted.to.clone() })))
}
