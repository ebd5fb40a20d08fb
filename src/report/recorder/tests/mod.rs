//! Golden values from hand-made event sequences.

mod cost;
mod naive;
mod story;

use model::{Bytes, Cause, JobState, Millis, NodeState, TaskState};

use super::{GanttOptions, RunEnd};
use crate::report::fixture::{job, job_state, key, node, nodes, recorder, released, reserved, run, task};
use crate::report::summary::Spread;

fn end(time: u64) -> RunEnd {
    RunEnd {
        time: Millis(time),
        policy: "best-fit".to_owned(),
        seed: 7,
        delivered: 100,
        wall_s: 0.5,
        peak_rss: Bytes(1 << 20),
        ..RunEnd::default()
    }
}

fn same(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn an_empty_run_is_all_zero() {
    let recording = recorder(&nodes(2, 4, 8), 0, GanttOptions::default()).finish(end(0));
    assert_eq!(recording.summary.jobs.submitted, 0);
    assert_eq!(recording.summary.wait_s, Spread::default());
    same(recording.summary.utilisation.cores_mean, 0.0);
    assert!(recording.series.used_cores.is_empty() && recording.gantt.bars.is_empty());
    same(recording.summary.events_per_s, 200.0);
}

/// One job of two instances on two nodes of 4 cores and 8 GiB:
/// submitted at 1 s, instance 0 runs 2 s to 6 s with 2 cores and 8 GiB on n0, instance 1 runs 3 s to 5 s with 4 cores and 1 GiB on n1.
#[test]
fn times_and_integrals_are_exact() {
    let mut recorder = recorder(&nodes(2, 4, 8), 0, GanttOptions::default());
    let (a, b, first) = (key(0, 0), key(0, 1), run(1, 1));
    recorder.admitted(Millis(1_000), model::JobId(0), &job("tide", 2), Millis(1_000));
    let mut at = |time: u64, event: model::Event| recorder.event(Millis(time), &event);
    at(1_000, task(a, first, TaskState::Blocked, TaskState::Ready, None));
    at(1_000, task(b, first, TaskState::Blocked, TaskState::Ready, None));
    at(1_000, job_state(0, JobState::Accepted, JobState::Queued, None));
    at(2_000, task(a, first, TaskState::Ready, TaskState::Scheduled, None));
    at(2_000, reserved(a, first, 0, "0-1", 8));
    at(2_000, task(a, first, TaskState::Scheduled, TaskState::Running, None));
    at(3_000, task(b, first, TaskState::Ready, TaskState::Scheduled, None));
    at(3_000, reserved(b, first, 1, "0-3", 1));
    at(3_000, task(b, first, TaskState::Scheduled, TaskState::Running, None));
    at(5_000, released(b, first, 1, 4, 1));
    at(5_000, task(b, first, TaskState::Running, TaskState::Succeeded, Some(Cause::Exit(0))));
    at(6_000, released(a, first, 0, 2, 8));
    at(6_000, task(a, first, TaskState::Running, TaskState::Succeeded, Some(Cause::Exit(0))));
    at(6_000, job_state(0, JobState::Running, JobState::Succeeded, None));
    // What follows the last end is no part of the means.
    at(9_000, node(1, NodeState::Ready, NodeState::Left));
    let recording = recorder.finish(end(10_000));
    let summary = &recording.summary;

    assert_eq!((summary.jobs.submitted, summary.jobs.completed), (1, 1));
    assert_eq!((summary.tasks.submitted, summary.tasks.placed, summary.tasks.completed), (2, 2, 2));
    same(summary.wait_s.mean, 1.0);
    same(summary.task_wait_s.mean, 1.5);
    same(summary.task_wait_s.p50, 1.0);
    same(summary.task_wait_s.max, 2.0);
    same(summary.turnaround_s.p99, 5.0);
    same(summary.slowdown.mean, 5.0 / 4.0);
    same(summary.bounded_slowdown.mean, 1.0);
    same(summary.makespan_s, 5.0);
    // 2 cores x 4 s + 4 cores x 2 s over 8 cores x 5 s.
    same(summary.utilisation.cores_mean, 16.0 / 40.0);
    same(summary.utilisation.cores_peak, 6.0 / 8.0);
    same(summary.utilisation.memory_mean, (8.0 * 4.0 + 1.0 * 2.0) / 80.0);
    // n0 has 2 free cores and no free memory for 4 s: 2 stranded cores. n1 has no free cores: none.
    same(summary.fragmentation.stranded_cores_mean, 2.0 * 4.0 / 5.0);
    same(summary.fragmentation.stranded_share_mean, 2.0 * 4.0 / 40.0);
    same(summary.nodes_used.mean, 6.0 / 5.0);
    assert_eq!(summary.nodes_used.peak, 2);

    assert_eq!(recording.series.bin, Millis(1_000));
    assert_eq!(recording.series.used_cores, [0.0, 0.0, 2.0, 6.0, 6.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(recording.series.waiting_tasks[..4], [0.0, 2.0, 1.0, 0.0]);
    assert_eq!(recording.series.running_tasks[1..7], [0.0, 1.0, 2.0, 2.0, 1.0, 0.0]);
    assert_eq!(recording.series.capacity_cores[8..], [8.0, 4.0]);
    assert_eq!(recording.heat.ratio[1][2..6], [0.0, 1.0, 1.0, 0.0]);
    let bars: Vec<_> =
        recording.gantt.bars.iter().map(|bar| (bar.task.instance, bar.from.0, bar.until.0, bar.cpuset.to_string())).collect();
    assert_eq!(bars, [(0, 2_000, 6_000, "0-1".to_owned()), (1, 3_000, 5_000, "0-3".to_owned())]);
    assert_eq!(recording.marks, [(Millis(9_000), "node n1 removed".to_owned())]);
}

#[test]
fn warmup_leaves_early_jobs_and_times_out() {
    let mut recorder = recorder(&nodes(1, 4, 8), 4_000, GanttOptions::default());
    for (index, submitted) in [(0, 0), (1, 6_000)] {
        let (it, first) = (key(index, 0), run(1, 1));
        recorder.admitted(Millis(submitted), model::JobId(index), &job("tide", 1), Millis(submitted));
        let mut at = |time: u64, event: model::Event| recorder.event(Millis(time), &event);
        at(submitted, task(it, first, TaskState::Blocked, TaskState::Ready, None));
        at(submitted + 2_000, reserved(it, first, 0, "0-3", 2));
        at(submitted + 2_000, task(it, first, TaskState::Scheduled, TaskState::Running, None));
        at(submitted + 5_000, released(it, first, 0, 4, 2));
        at(submitted + 5_000, task(it, first, TaskState::Running, TaskState::Succeeded, None));
        at(submitted + 5_000, job_state(index, JobState::Running, JobState::Succeeded, None));
    }
    let summary = recorder.finish(end(11_000)).summary;
    assert_eq!(summary.jobs.completed, 2);
    same(summary.wait_s.mean, 2.0);
    same(summary.makespan_s, 11.0);
    // From 4 s to 11 s: held from 4 s to 5 s and from 8 s to 11 s.
    same(summary.utilisation.cores_mean, 4.0 / 7.0);
}

#[test]
fn a_window_keeps_the_bars_that_reach_into_it() {
    let options = GanttOptions { window: Some((Millis(4_000), Millis(8_000))), nodes: vec![model::NodeId(1)] };
    let mut recorder = recorder(&nodes(2, 4, 8), 0, options);
    recorder.admitted(Millis(0), model::JobId(0), &job("tide", 5), Millis(0));
    let spans = [(0, 1, 1_000, 3_000), (1, 1, 2_000, 5_000), (2, 0, 5_000, 6_000), (3, 1, 7_000, 9_000), (4, 1, 8_000, 9_000)];
    let mut events: Vec<_> = spans.iter().map(|&(i, on, from, _)| (from, reserved(key(0, i), run(1, 1), on, "0", 1))).collect();
    events.extend(spans.iter().map(|&(i, on, _, until)| (until, released(key(0, i), run(1, 1), on, 1, 1))));
    events.sort_by_key(|(time, _)| *time);
    for (time, event) in events {
        recorder.event(Millis(time), &event);
    }
    let gantt = recorder.finish(end(10_000)).gantt;
    assert_eq!((gantt.from, gantt.until), (Millis(4_000), Millis(8_000)));
    assert_eq!(gantt.bars.iter().map(|bar| bar.task.instance).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn the_chart_is_bounded() {
    let count = super::MOST_BARS as u32 + 10;
    let mut recorder = recorder(&nodes(1, 4, 8), 0, GanttOptions::default());
    recorder.admitted(Millis(0), model::JobId(0), &job("tide", count), Millis(0));
    for i in 0..count {
        recorder.event(Millis(u64::from(i)), &reserved(key(0, i), run(1, 1), 0, "0", 1));
        recorder.event(Millis(u64::from(i) + 1), &released(key(0, i), run(1, 1), 0, 1, 1));
    }
    let gantt = recorder.finish(end(10_000)).gantt;
    assert_eq!((gantt.bars.len(), gantt.until, gantt.left_out), (super::MOST_BARS, Millis(2_000), 0));
}
