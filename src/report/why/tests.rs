//! Round trips: a run is written to its files and asked about.

use model::{Bytes, Cause, Cores, Event, JobId, JobState, Millis, NodeId, NodeState, ShapeId, TaskState, WaitReason};
use tempfile::TempDir;

use super::{Why, WhyError, why};
use crate::report::files::OutputFolder;
use crate::report::fixture::{job, job_state, key, node, nodes, recorder, released, reserved, run, task};
use crate::report::recorder::{GanttOptions, RunEnd};

fn waiting(shape: u32, reason: Option<WaitReason>) -> Event {
    Event::Waiting { shape: ShapeId(shape), reason }
}

fn shaped(job: u32, shape: u32) -> Event {
    Event::Shaped { task: key(job, 0), end: 1, shape: ShapeId(shape) }
}

fn cores_short(by: u32) -> Option<WaitReason> {
    Some(WaitReason::CoresShort { short_by: Cores(by), nearest: NodeId(3) })
}

/// Writes a run of these jobs, each of `count` instances, and these events.
fn written(jobs: &[&str], count: u32, events: &[(u64, Event)]) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let folder = OutputFolder::create(&out.path().join("run")).unwrap();
    let mut recorder = recorder(&nodes(2, 4, 8), 0, GanttOptions::default());
    for (index, name) in jobs.iter().enumerate() {
        recorder.admitted(Millis(0), JobId(index as u32), &job(name, count), Millis(0));
    }
    let mut log = folder.event_log().unwrap();
    for (time, event) in events {
        recorder.event(Millis(*time), event);
        log.event(Millis(*time), event);
    }
    assert_eq!(log.finish().unwrap(), events.len() as u64);
    folder.write_recording(&recorder.finish(RunEnd { time: Millis(60_000), ..RunEnd::default() })).unwrap();
    folder.finish().unwrap();
    out
}

fn ask(out: &TempDir, job: &str) -> Result<Why, WhyError> {
    why(&out.path().join("run"), job)
}

/// Waits with the reason of its shape, runs, loses its node, waits again, is moved, succeeds.
fn eventful() -> TempDir {
    let it = key(1, 0);
    let (one, two, three) = (run(1, 1), run(2, 2), run(2, 3));
    written(
        &["ebb", "tide"],
        1,
        &[
            (0, shaped(0, 5)),
            (1_000, waiting(5, cores_short(4))),
            (10_100, task(it, one, TaskState::Blocked, TaskState::Ready, None)),
            (10_100, shaped(1, 5)),
            (20_000, waiting(5, cores_short(2))),
            (21_000, waiting(5, cores_short(2))),
            (22_400, task(it, one, TaskState::Ready, TaskState::Scheduled, None)),
            (22_400, waiting(5, None)),
            (22_400, reserved(it, one, 0, "0-1", 1)),
            (22_500, task(it, one, TaskState::Scheduled, TaskState::Running, None)),
            (30_000, node(0, NodeState::Ready, NodeState::Unreachable)),
            (30_000, released(it, one, 0, 2, 1)),
            (30_000, task(it, one, TaskState::Running, TaskState::Lost, Some(Cause::NodeLost))),
            (30_000, task(it, one, TaskState::Lost, TaskState::Ready, Some(Cause::NodeLost))),
            (
                30_500,
                waiting(
                    5,
                    Some(WaitReason::GangShort { fitted: 3, of: 4, cores: Cores(2), memory: Bytes::ZERO, nearest: Some(NodeId(1)) }),
                ),
            ),
            (31_000, task(it, two, TaskState::Ready, TaskState::Scheduled, None)),
            (31_000, reserved(it, two, 1, "0,2", 1)),
            (31_000, task(it, two, TaskState::Scheduled, TaskState::Running, None)),
            (40_000, reserved(it, three, 0, "1-2", 1)),
            (40_000, task(it, three, TaskState::Running, TaskState::Migrating, None)),
            (41_000, released(it, two, 1, 2, 1)),
            (41_000, task(it, three, TaskState::Migrating, TaskState::Running, None)),
            (50_000, released(it, three, 0, 2, 1)),
            (50_000, task(it, three, TaskState::Running, TaskState::Succeeded, Some(Cause::Exit(0)))),
            (50_000, job_state(1, JobState::Running, JobState::Succeeded, None)),
        ],
    )
}

#[test]
fn the_text_tells_the_whole_story() {
    let out = eventful();
    let text = ask(&out, "tide").unwrap().to_string();
    let expected = "\
j1 (tide): succeeded, submitted at 0 s, started 22.5 s later, ended at 50 s
j1 (tide) task run[0]: waited 12.3 s
    4 cores short on the nearest node, n3 (from 10.1 s to 20 s)
    2 cores short on the nearest node, n3 (from 20 s to 22.4 s)
j1 (tide) task run[0]: waited 1 s
    the next scheduling round has not come yet (from 30 s to 30.5 s)
    only 3 of the gang's 4 tasks fit at once; the next lacks 2 cores on the nearest node, n1 (from 30.5 s to 31 s)
    attempt 1 on n0, cores 0-1, 1 GiB: ran from 22.5 s to 30 s, then lost (node_lost)
    attempt 2 on n1, cores 0,2, 1 GiB: ran from 31 s to 41 s, then moved
    attempt 2 on n0, cores 1-2, 1 GiB: ran from 41 s to 50 s, then succeeded (exit code 0)
";
    assert_eq!(text, expected);
    assert_eq!(ask(&out, "j1").unwrap().to_string(), expected);
}

#[test]
fn the_json_has_typed_reasons() {
    let out = eventful();
    let json = serde_json::to_value(ask(&out, "j1").unwrap()).unwrap();
    let reason = &json["tasks"][0]["waits"][0]["reasons"][0];
    assert_eq!((&reason["code"], &reason["short_by"], &reason["nearest"]), (&"cores_short".into(), &4.into(), &3.into()));
    assert_eq!((&reason["from_s"], &reason["until_s"]), (&10.1.into(), &20.0.into()));
    assert_eq!(json["tasks"][0]["attempts"][2]["cpuset"], "1-2");
    assert_eq!(json["job"], "j1");
}

#[test]
fn a_job_that_never_ran_has_waited_to_the_end() {
    let out = written(
        &["ebb"],
        1,
        &[
            (500, task(key(0, 0), run(1, 1), TaskState::Blocked, TaskState::Ready, None)),
            (500, shaped(0, 1)),
            (600, waiting(1, Some(WaitReason::NoNode))),
        ],
    );
    let text = ask(&out, "ebb").unwrap().to_string();
    assert!(text.contains("task run[0]: has waited since 0.5 s\n    the next scheduling round"), "{text}");
    assert!(text.contains("no node is open for new tasks (from 0.6 s to the end of the run)"), "{text}");
}

#[test]
fn every_reason_survives_the_file() {
    let head = key(7, 3);
    let reasons = [
        WaitReason::NextRound,
        WaitReason::NoNode,
        WaitReason::CoresShort { short_by: Cores(4), nearest: NodeId(9) },
        WaitReason::MemoryShort { short_by: Bytes(1 << 59), nearest: NodeId(0) },
        WaitReason::Constraints,
        WaitReason::AntiAffinity,
        WaitReason::PinTaken { short_by: Cores(2) },
        WaitReason::PortsTaken { port: 65_535, nearest: NodeId(2) },
        WaitReason::NotPinned,
        WaitReason::GangShort { fitted: 1, of: 64, cores: Cores(1), memory: Bytes::ZERO, nearest: Some(NodeId(0)) },
        WaitReason::BehindHead { head },
        WaitReason::NoEstimate { head },
        WaitReason::WouldDelay { head, promised: Millis(123_456) },
        WaitReason::Evicting { victims: 3 },
        WaitReason::Dependencies,
        WaitReason::NoTarget,
    ];
    let mut events = vec![(0, task(key(0, 0), run(1, 1), TaskState::Blocked, TaskState::Ready, None)), (0, shaped(0, 2))];
    events.extend(reasons.iter().enumerate().map(|(index, reason)| (index as u64 * 10, waiting(2, Some(*reason)))));
    let out = written(&["ebb"], 1, &events);
    let told: Vec<WaitReason> = ask(&out, "ebb").unwrap().tasks[0].waits[0].reasons.iter().map(|reason| reason.reason).collect();
    assert_eq!(told, reasons);
}

#[test]
fn an_unknown_job_is_met_with_the_nearest_name() {
    let out = written(&["ebb", "neap-tide", "same", "same"], 1, &[]);
    let say = |job: &str| ask(&out, job).unwrap_err().to_string();
    assert_eq!(say("neaptide"), "no job `neaptide` in this run; the nearest name is `neap-tide`");
    assert_eq!(say("j9"), "no job `j9` in this run");
    assert_eq!(say("same"), "2 jobs are named `same`: ask by id, as in j2 or j3");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(why(empty.path(), "ebb"), Err(WhyError::NoRun { .. })));
}

#[test]
fn instances_are_told_apart() {
    let events: Vec<_> = (0..3u32)
        .flat_map(|i| {
            let it = key(0, i);
            [
                (0, task(it, run(1, 1), TaskState::Blocked, TaskState::Ready, None)),
                (u64::from(i) * 1_000, task(it, run(1, 1), TaskState::Ready, TaskState::Scheduled, None)),
            ]
        })
        .collect();
    let mut events = events;
    events.sort_by_key(|(time, _)| *time);
    let out = written(&["ebb"], 3, &events);
    let told = ask(&out, "ebb").unwrap();
    let waits: Vec<_> = told.tasks.iter().map(|task| (task.index, task.waits[0].until_s.unwrap().0.0)).collect();
    assert_eq!(waits, [(0, 0), (1, 1_000), (2, 2_000)]);
}
