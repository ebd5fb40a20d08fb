//! The rule of the folder, and the files' contents.

use std::fs;

use model::{Event, JobId, JobState, Millis, TaskState};

use super::{EventColumn, JobColumn, OutputError, OutputFolder, SheetReader, names};
use crate::report::fixture::{job, job_state, key, nodes, recorder, released, reserved, run, task};
use crate::report::recorder::{GanttOptions, RunEnd};
use crate::report::summary::Summary;

fn entries(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write_run(target: &std::path::Path) -> Result<(), OutputError> {
    let folder = OutputFolder::create(target)?;
    folder.write_config(&serde_json::json!({"seed": 7}))?;
    fs::write(folder.path(names::REPORT), "<html>").unwrap();
    folder.finish().map(drop)
}

#[test]
fn a_folder_appears_whole_and_is_replaced_only_if_ours() {
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("deep").join("run");
    write_run(&target).unwrap();
    assert_eq!(entries(&target), [".wharfinger-run.json", names::CONFIG, names::REPORT]);
    write_run(&target).unwrap();
    assert_eq!(entries(target.parent().unwrap()), ["run"], "nothing temporary is left");
    // A file of the user's keeps the folder from being replaced, and stays.
    fs::write(target.join("notes.txt"), "mine").unwrap();
    let error = write_run(&target).unwrap_err();
    assert!(matches!(&error, OutputError::NotOurs { stranger, .. } if stranger.ends_with("notes.txt")), "{error}");
    assert_eq!(fs::read_to_string(target.join("notes.txt")).unwrap(), "mine");
    assert_eq!(entries(target.parent().unwrap()), ["run"]);
}

#[test]
fn an_unfinished_folder_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("run");
    {
        let folder = OutputFolder::create(&target).unwrap();
        let mut log = folder.event_log().unwrap();
        log.event(Millis(0), &job_state(0, JobState::Accepted, JobState::Queued, None));
        drop(log);
    }
    assert!(entries(out.path()).is_empty());
    fs::write(&target, "a file").unwrap();
    assert!(matches!(OutputFolder::create(&target), Err(OutputError::NotAFolder { .. })));
}

#[test]
fn an_empty_folder_is_taken_and_a_foreign_one_is_not() {
    let out = tempfile::tempdir().unwrap();
    write_run(out.path()).unwrap();
    let foreign = tempfile::tempdir().unwrap();
    fs::create_dir(foreign.path().join("src")).unwrap();
    assert!(matches!(write_run(foreign.path()), Err(OutputError::NotOurs { .. })));
}

#[test]
fn a_stranger_that_appears_meanwhile_is_not_lost() {
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("run");
    let folder = OutputFolder::create(&target).unwrap();
    fs::create_dir(&target).unwrap();
    fs::write(target.join("notes.txt"), "mine").unwrap();
    assert!(matches!(folder.finish(), Err(OutputError::NotOurs { .. })));
    assert_eq!(entries(out.path()), ["run"]);
}

/// More events than a row group holds come back in order and complete.
#[test]
fn the_event_log_spans_row_groups() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join(names::EVENTS);
    let mut log = super::EventLog::create(&path).unwrap();
    let count = 300_000u32;
    for i in 0..count {
        let (it, first) = (key(i, i % 7), run(1, 2));
        let event: Event = match i % 3 {
            0 => reserved(it, first, i % 50, "0-3,8", 2),
            1 => task(it, first, TaskState::Scheduled, TaskState::Running, None),
            _ => released(it, first, i % 50, 5, 2),
        };
        log.event(Millis(u64::from(i)), &event);
    }
    assert_eq!(log.finish().unwrap(), u64::from(count));
    let reader = SheetReader::open(&path).unwrap();
    assert!(reader.groups() >= 2);
    let mut next = 0i64;
    for group in 0..reader.groups() {
        let (seq, jobs) = (reader.ints(group, EventColumn::Seq.name()).unwrap(), reader.ints(group, EventColumn::Job.name()).unwrap());
        let cpusets = reader.texts(group, EventColumn::Cpuset.name()).unwrap();
        for ((seq, job), cpuset) in seq.into_iter().zip(jobs).zip(cpusets) {
            assert_eq!((seq, job), (Some(next + 1), Some(next)));
            assert_eq!(cpuset.is_some(), next % 3 == 0);
            next += 1;
        }
    }
    assert_eq!(next, i64::from(count));
    assert!(!reader.may_hold(0, EventColumn::Job.name(), i64::from(count) - 1));
}

#[test]
fn a_recording_is_written_in_all_its_forms() {
    let out = tempfile::tempdir().unwrap();
    let folder = OutputFolder::create(&out.path().join("run")).unwrap();
    let mut recorder = recorder(&nodes(2, 4, 8), 0, GanttOptions::default());
    let (it, first) = (key(0, 0), run(1, 1));
    recorder.admitted(Millis(500), JobId(0), &job("tide", 1), Millis(500));
    recorder.admitted(Millis(600), JobId(1), &job("ebb", 2), Millis(600));
    for (time, event) in [
        (1_000, reserved(it, first, 0, "0-1", 1)),
        (1_000, task(it, first, TaskState::Scheduled, TaskState::Running, None)),
        (3_000, released(it, first, 0, 2, 1)),
        (3_000, task(it, first, TaskState::Running, TaskState::Succeeded, None)),
        (3_000, job_state(0, JobState::Running, JobState::Succeeded, None)),
    ] {
        recorder.event(Millis(time), &event);
    }
    let recording = recorder.finish(RunEnd { time: Millis(4_000), ..RunEnd::default() });
    folder.write_recording(&recording).unwrap();
    let target = folder.finish().unwrap();

    let summary: Summary = serde_json::from_slice(&fs::read(target.join(names::SUMMARY)).unwrap()).unwrap();
    assert_eq!(summary, recording.summary);
    let jobs = fs::read_to_string(target.join(names::JOBS_CSV)).unwrap();
    let rows: Vec<&str> = jobs.lines().collect();
    assert_eq!(rows[1], "j0,tide,succeeded,,,0,1,2,1073741824,0.5,1.0,3.0,0.5,2.0,2.5,0,0,0");
    assert_eq!(rows[2], "j1,ebb,accepted,,,0,2,4,2147483648,0.6,,,,,,0,0,0");
    let series = fs::read_to_string(target.join(names::UTILISATION)).unwrap();
    assert_eq!(series.lines().nth(2), Some("1,1,2,8,1073741824,0,1,1"));
    let reader = SheetReader::open(&target.join(names::JOBS)).unwrap();
    assert_eq!(reader.ints(0, JobColumn::Ended.name()).unwrap(), [Some(3_000), None]);
    assert!(reader.ints(0, "tide").is_err());
}

/// The documentation names every figure and every column.
#[test]
fn the_documentation_is_complete() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    let summary = serde_json::to_value(Summary::default()).unwrap();
    let mut names: Vec<String> = Vec::new();
    for (name, value) in summary.as_object().unwrap() {
        match value.as_object() {
            Some(fields) if !fields.contains_key("p95") => names.extend(fields.keys().map(|field| format!("{name}.{field}"))),
            _ => names.push(name.clone()),
        }
    }
    names.extend(super::event_row::FIELDS.iter().chain(super::jobs::FIELDS).map(|field| field.0.to_owned()));
    for name in names {
        // `nodes_used.mean`, `.peak`: the second of two may leave its prefix out.
        let short = name.split_once('.').map_or(name.as_str(), |(_, field)| field);
        assert!(text.contains(&format!("`{name}`")) || text.contains(&format!("`.{short}`")), "{name} is not documented");
    }
}
