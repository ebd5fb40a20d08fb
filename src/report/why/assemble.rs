//! From a job's history to its answer: waits with their reasons, and places with their ends.

use model::{Millis, Run, Seconds, ShapeId, TaskState, WaitReason};

use super::find::{Found, Listed};
use super::history::{Fact, History};
use super::{Attempt, Reason, Wait, Why, WhyTask};

/// The whole answer.
pub fn answer(found: Found, history: &History) -> Why {
    let mut tasks = Vec::new();
    let mut instance = 0;
    for task in &found.tasks {
        for index in 0..task.count {
            let facts = history.facts.get(&instance).map(Vec::as_slice).unwrap_or_default();
            tasks.push(instance_answer(&found, task, index, facts, history));
            instance += 1;
        }
    }
    Why {
        job: found.job,
        name: found.name,
        state: found.state,
        rejected: found.rejected,
        submitted_s: Seconds(found.submitted),
        started_s: found.started.map(Seconds),
        ended_s: found.ended.map(Seconds),
        tasks,
    }
}

fn instance_answer(found: &Found, task: &Listed, index: u32, facts: &[(Millis, Fact)], history: &History) -> WhyTask {
    let mut waits = Vec::new();
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut state = TaskState::Blocked.word();
    let mut ready: Option<Millis> = None;
    let mut blocked = task.dependent.then_some(found.submitted);
    for (time, fact) in facts {
        match fact {
            Fact::Reserved { run, node, cpuset, memory } => attempts.push(Attempt {
                attempt: run.attempt,
                placement: run.placement,
                node: *node,
                cpuset: cpuset.clone(),
                memory_bytes: *memory,
                reserved_s: Seconds(*time),
                started_s: None,
                ended_s: None,
                outcome: None,
                cause: None,
                exit_code: None,
            }),
            Fact::Released { run } => {
                // The end of the run itself says more, whichever of the two comes first.
                if let Some(attempt) = of(&mut attempts, *run) {
                    attempt.ended_s.get_or_insert(Seconds(*time));
                }
            }
            Fact::Resized { run, cpuset, memory } => {
                if let Some(attempt) = of(&mut attempts, *run) {
                    (attempt.cpuset, attempt.memory_bytes) = (cpuset.clone(), *memory);
                }
            }
            Fact::State { run, to, cause, exit_code } => {
                state = to.as_str();
                waits.extend(blocked.take().filter(|from| from < time).map(|from| dependency_wait(from, Some(*time))));
                if let Some(from) = ready.take() {
                    waits.push(wait(from, Some(*time), facts, history));
                }
                if to == TaskState::Ready.word() {
                    ready = Some(*time);
                }
                if let Some(attempt) = of(&mut attempts, *run) {
                    change(attempt, *time, to, cause.as_ref(), *exit_code);
                }
            }
            Fact::Shaped { .. } => {}
        }
    }
    waits.extend(ready.map(|from| wait(from, None, facts, history)));
    if found.rejected.is_none() {
        waits.extend(blocked.map(|from| dependency_wait(from, None)));
    }
    let last = attempts.len().saturating_sub(1);
    for attempt in attempts.iter_mut().take(last) {
        if attempt.ended_s.is_some() && attempt.started_s.is_some() && attempt.outcome.is_none() {
            attempt.outcome = Some("moved".to_owned());
        }
    }
    WhyTask { task: task.name.clone(), index, state: state.to_owned(), waits, attempts }
}

fn of(attempts: &mut [Attempt], run: Run) -> Option<&mut Attempt> {
    attempts.iter_mut().rev().find(|attempt| (attempt.attempt, attempt.placement) == (run.attempt, run.placement))
}

fn change(attempt: &mut Attempt, time: Millis, to: &str, cause: Option<&String>, exit_code: Option<i64>) {
    let holds = [TaskState::Scheduled, TaskState::Migrating, TaskState::Stopping].iter().any(|state| state.word() == to);
    if to == TaskState::Running.word() {
        attempt.started_s.get_or_insert(Seconds(time));
        // A node that was only silent gives its runs back.
        attempt.outcome = None;
    } else if !holds && attempt.outcome.is_none() {
        attempt.ended_s.get_or_insert(Seconds(time));
        attempt.outcome = Some(to.to_owned());
        attempt.cause = cause.cloned();
        attempt.exit_code = exit_code;
    }
}

fn dependency_wait(from: Millis, until: Option<Millis>) -> Wait {
    let mut reasons = Vec::new();
    add(&mut reasons, from, until, WaitReason::Dependencies);
    Wait { from_s: Seconds(from), until_s: until.map(Seconds), reasons }
}

/// A wait for a place. The reasons of the instance's shape hold, also one that the shape had before the wait began;
/// where the shape has none yet, the next round has not looked at it.
fn wait(from: Millis, until: Option<Millis>, facts: &[(Millis, Fact)], history: &History) -> Wait {
    let end = until.unwrap_or(Millis::NEVER);
    let shapes: Vec<(Millis, ShapeId)> =
        facts.iter().filter_map(|(time, fact)| if let Fact::Shaped { shape } = fact { Some((*time, *shape)) } else { None }).collect();
    let mut reasons = Vec::new();
    for (since, to, shape) in pieces(&shapes, from, end) {
        let told = shape.and_then(|shape| history.reasons.get(&shape)).map(Vec::as_slice).unwrap_or_default();
        for (since, to, reason) in pieces(told, since, to) {
            let reason = reason.flatten().unwrap_or(WaitReason::NextRound);
            add(&mut reasons, since, (to != Millis::NEVER).then_some(to), reason);
        }
    }
    Wait { from_s: Seconds(from), until_s: until.map(Seconds), reasons }
}

/// Cuts `from..until` where `changes` says something new: (since, until, what holds). A change at the very beginning
/// holds from the beginning; before the first change nothing is known.
fn pieces<T: Copy>(changes: &[(Millis, T)], from: Millis, until: Millis) -> Vec<(Millis, Millis, Option<T>)> {
    let before = changes.partition_point(|(time, _)| *time <= from);
    let mut pieces = Vec::new();
    let mut open = (from, before.checked_sub(1).map(|last| changes[last].1));
    for &(time, value) in changes[before..].iter().take_while(|(time, _)| *time < until) {
        if time > open.0 {
            pieces.push((open.0, time, open.1));
        }
        open = (time, Some(value));
    }
    pieces.push((open.0, until, open.1));
    pieces
}

/// Adds a reason, or prolongs the last where it is the same.
fn add(reasons: &mut Vec<Reason>, from: Millis, until: Option<Millis>, reason: WaitReason) {
    match reasons.last_mut() {
        Some(last) if last.reason == reason => last.until_s = until.map(Seconds),
        _ => reasons.push(Reason { from_s: Seconds(from), until_s: until.map(Seconds), reason, text: reason.to_string() }),
    }
}
