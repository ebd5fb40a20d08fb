//! Golden counts: losses, retries, evictions, moves, rejections, and what must never happen.

use model::{Cause, JobId, JobState, Millis, NodeState, TaskState};

use super::end;
use crate::report::fixture::{job, job_state, key, node, nodes, recorder, released, reserved, run, task};
use crate::report::recorder::{GanttOptions, Recorder};

fn begin(count: u32) -> Recorder {
    let mut recorder = recorder(&nodes(2, 4, 8), 0, GanttOptions::default());
    recorder.admitted(Millis(0), JobId(0), &job("tide", count), Millis(0));
    for i in 0..count {
        recorder.event(Millis(0), &task(key(0, i), run(1, 1), TaskState::Blocked, TaskState::Ready, None));
    }
    recorder
}

fn start(recorder: &mut Recorder, time: u64, instance: u32, attempt: u16, placement: u16, on: u32) {
    let (it, run) = (key(0, instance), run(attempt, placement));
    recorder.event(Millis(time), &task(it, run, TaskState::Ready, TaskState::Scheduled, None));
    recorder.event(Millis(time), &reserved(it, run, on, "0-1", 1));
    recorder.event(Millis(time), &task(it, run, TaskState::Scheduled, TaskState::Running, None));
}

fn succeed(recorder: &mut Recorder, time: u64, instance: u32, attempt: u16, placement: u16, on: u32) {
    let (it, run) = (key(0, instance), run(attempt, placement));
    recorder.event(Millis(time), &released(it, run, on, 2, 1));
    recorder.event(Millis(time), &task(it, run, TaskState::Running, TaskState::Succeeded, Some(Cause::Exit(0))));
}

#[test]
fn a_lost_attempt_is_tried_again() {
    let mut recorder = begin(1);
    let it = key(0, 0);
    start(&mut recorder, 1_000, 0, 1, 1, 0);
    recorder.event(Millis(3_000), &node(0, NodeState::Ready, NodeState::Unreachable));
    recorder.event(Millis(3_000), &released(it, run(1, 1), 0, 2, 1));
    recorder.event(Millis(3_000), &task(it, run(1, 1), TaskState::Running, TaskState::Lost, Some(Cause::NodeLost)));
    recorder.event(Millis(3_000), &task(it, run(1, 1), TaskState::Lost, TaskState::Ready, Some(Cause::NodeLost)));
    start(&mut recorder, 4_000, 0, 2, 2, 1);
    succeed(&mut recorder, 5_000, 0, 2, 2, 1);
    recorder.event(Millis(5_000), &job_state(0, JobState::Running, JobState::Succeeded, None));
    let recording = recorder.finish(end(5_000));
    let tasks = recording.summary.tasks;
    assert_eq!((tasks.placed, tasks.completed, tasks.lost_attempts, tasks.lost, tasks.duplicated), (2, 1, 1, 0, 0));
    assert_eq!((recording.jobs[0].retries, recording.jobs[0].evictions), (1, 0));
    // The wait is that of the first start: one second.
    assert!((recording.summary.task_wait_s.max - 1.0).abs() < 1e-9);
    // Capacity falls to one node of 4 cores for the last 2 s: (2 x 2 + 2 x 1) / (8 x 3 + 4 x 2).
    assert!((recording.summary.utilisation.cores_mean - 6.0 / 32.0).abs() < 1e-9);
    assert_eq!(recording.marks, [(Millis(3_000), "node n0 lost".to_owned())]);
}

#[test]
fn a_move_is_no_retry_and_no_duplicate() {
    let mut recorder = begin(1);
    let it = key(0, 0);
    start(&mut recorder, 0, 0, 1, 1, 0);
    recorder.event(Millis(1_000), &reserved(it, run(1, 2), 1, "0-1", 1));
    recorder.event(Millis(1_000), &task(it, run(1, 2), TaskState::Running, TaskState::Migrating, None));
    recorder.event(Millis(2_000), &released(it, run(1, 1), 0, 2, 1));
    recorder.event(Millis(2_000), &task(it, run(1, 2), TaskState::Migrating, TaskState::Running, None));
    // A second move comes to nothing.
    recorder.event(Millis(3_000), &reserved(it, run(1, 3), 0, "0-1", 1));
    recorder.event(Millis(3_000), &task(it, run(1, 3), TaskState::Running, TaskState::Migrating, None));
    recorder.event(Millis(4_000), &released(it, run(1, 3), 0, 2, 1));
    recorder.event(Millis(4_000), &task(it, run(1, 2), TaskState::Migrating, TaskState::Running, None));
    succeed(&mut recorder, 5_000, 0, 1, 2, 1);
    recorder.event(Millis(5_000), &job_state(0, JobState::Running, JobState::Succeeded, None));
    let recording = recorder.finish(end(5_000));
    let tasks = recording.summary.tasks;
    assert_eq!((tasks.placed, tasks.migrated, tasks.evicted, tasks.duplicated, tasks.lost), (3, 1, 0, 0, 0));
    assert_eq!((recording.jobs[0].migrations, recording.jobs[0].retries), (1, 0));
    assert_eq!(recording.gantt.bars.len(), 3);
}

#[test]
fn evictions_count_once_however_they_are_told() {
    let mut recorder = begin(3);
    // Preempted, through a grace period.
    start(&mut recorder, 0, 0, 1, 1, 0);
    recorder.event(Millis(10), &task(key(0, 0), run(1, 1), TaskState::Running, TaskState::Stopping, Some(Cause::Preempted)));
    recorder.event(Millis(20), &released(key(0, 0), run(1, 1), 0, 2, 1));
    recorder.event(Millis(20), &task(key(0, 0), run(1, 1), TaskState::Stopping, TaskState::Ready, Some(Cause::Preempted)));
    // Rolled back before it ran.
    recorder.event(Millis(30), &reserved(key(0, 1), run(1, 1), 0, "0-1", 1));
    recorder.event(Millis(30), &task(key(0, 1), run(1, 1), TaskState::Ready, TaskState::Scheduled, None));
    recorder.event(Millis(40), &released(key(0, 1), run(1, 1), 0, 2, 1));
    recorder.event(Millis(40), &task(key(0, 1), run(1, 1), TaskState::Scheduled, TaskState::Ready, Some(Cause::RolledBack)));
    // Refused by the ledger: nothing was held, nothing is evicted.
    recorder.event(Millis(50), &task(key(0, 2), run(1, 1), TaskState::Ready, TaskState::Scheduled, None));
    recorder.event(Millis(60), &task(key(0, 2), run(1, 1), TaskState::Scheduled, TaskState::Ready, Some(Cause::RolledBack)));
    // Preempted, but it ended well within its grace.
    start(&mut recorder, 70, 2, 2, 2, 1);
    recorder.event(Millis(80), &task(key(0, 2), run(2, 2), TaskState::Running, TaskState::Stopping, Some(Cause::Preempted)));
    recorder.event(Millis(90), &task(key(0, 2), run(2, 2), TaskState::Stopping, TaskState::Succeeded, Some(Cause::Exit(0))));
    let recording = recorder.finish(end(100));
    assert_eq!((recording.summary.tasks.evicted, recording.jobs[0].evictions), (2, 2));
    assert_eq!((recording.summary.jobs.running, recording.summary.tasks.lost), (1, 0));
}

#[test]
fn outcomes_add_up() {
    let mut recorder = recorder(&nodes(1, 4, 8), 0, GanttOptions::default());
    for index in 0..6 {
        recorder.admitted(Millis(0), JobId(index), &job("tide", 2), Millis(0));
    }
    let running = |job: u32| task(key(job, 0), run(1, 1), TaskState::Scheduled, TaskState::Running, None);
    let mut at = |event: model::Event| recorder.event(Millis(5), &event);
    // 0 could never run, 1 succeeds, 2 fails, 3 is stopped before it ran, 4 runs, 5 waits.
    at(task(key(0, 0), run(0, 0), TaskState::Ready, TaskState::Failed, Some(Cause::Unplaceable)));
    at(job_state(0, JobState::Accepted, JobState::Failed, Some(Cause::Unplaceable)));
    for job in [1, 2, 4] {
        at(running(job));
    }
    for (job, to) in [(1, TaskState::Succeeded), (2, TaskState::Failed), (3, TaskState::Stopped)] {
        at(task(key(job, 0), run(1, 1), TaskState::Running, to, None));
        at(task(key(job, 1), run(1, 1), TaskState::Running, to, None));
    }
    at(job_state(1, JobState::Running, JobState::Succeeded, None));
    at(job_state(2, JobState::Running, JobState::Failed, None));
    at(job_state(3, JobState::Queued, JobState::Stopped, Some(Cause::Requested)));
    let recording = recorder.finish(end(10));
    let jobs = recording.summary.jobs;
    assert_eq!((jobs.rejected, jobs.completed, jobs.failed, jobs.running, jobs.waiting), (1, 1, 2, 1, 1));
    assert_eq!(jobs.submitted, jobs.rejected + jobs.completed + jobs.failed + jobs.running + jobs.waiting);
    let tasks = recording.summary.tasks;
    assert_eq!((tasks.submitted, tasks.completed, tasks.failed, tasks.lost), (12, 2, 4, 0));
    assert_eq!(recording.jobs[0].rejected, Some(Cause::Unplaceable));
}

#[test]
fn our_own_bugs_would_show() {
    let mut recorder = begin(4);
    // Instance 0: a second attempt is reserved while the first still holds its cores.
    start(&mut recorder, 0, 0, 1, 1, 0);
    recorder.event(Millis(1), &reserved(key(0, 0), run(2, 2), 1, "0-1", 1));
    // Instance 1: succeeds twice.
    start(&mut recorder, 1, 1, 1, 1, 0);
    succeed(&mut recorder, 2, 1, 1, 1, 0);
    succeed(&mut recorder, 2, 1, 1, 1, 0);
    // Instance 2: runs elsewhere without having left. Instance 3: never ends though its job does.
    start(&mut recorder, 3, 2, 1, 1, 0);
    recorder.event(Millis(4), &task(key(0, 2), run(1, 2), TaskState::Running, TaskState::Running, None));
    recorder.event(Millis(5), &task(key(0, 0), run(1, 1), TaskState::Running, TaskState::Succeeded, None));
    recorder.event(Millis(5), &task(key(0, 2), run(1, 2), TaskState::Running, TaskState::Succeeded, None));
    recorder.event(Millis(5), &job_state(0, JobState::Running, JobState::Succeeded, None));
    let tasks = recorder.finish(end(5)).summary.tasks;
    assert_eq!((tasks.duplicated, tasks.lost), (3, 1));
}
