//! What recording and logging cost, printed for a reader. Asserts no time.
//!
//! `cargo test --release --lib cost -- --ignored --nocapture`

use std::time::Instant;

use model::{Event, JobId, Millis, ShapeId, TaskState};

use super::end;
use crate::report::files::{EventLog, OutputFolder};
use crate::report::fixture::{job, key, nodes, recorder, released, reserved, run, task};
use crate::report::recorder::GanttOptions;

const JOBS: u32 = 1_000_000;
const NODES: u32 = 10_000;
/// Jobs that are alive at once, as far apart as in a long queue.
const ALIVE: u32 = 50_000;

/// The life of one job of one instance, six events of a task and one of its shape, told `ALIVE` jobs apart.
fn stream() -> impl Iterator<Item = (u32, [Event; 7])> {
    (0..JOBS).map(|index| {
        let (it, first, on) = (key(index, 0), run(1, 1), index.wrapping_mul(7_919) % NODES);
        let events = [
            task(it, first, TaskState::Blocked, TaskState::Ready, None),
            Event::Shaped { task: it, end: 1, shape: ShapeId(index % 100) },
            task(it, first, TaskState::Ready, TaskState::Scheduled, None),
            reserved(it, first, on, "0-3", 4),
            task(it, first, TaskState::Scheduled, TaskState::Running, None),
            released(it, first, on, 4, 4),
            task(it, first, TaskState::Running, TaskState::Succeeded, None),
        ];
        (index, events)
    })
}

#[test]
#[ignore = "prints what recording costs; run it by hand with --release"]
fn cost_of_an_event() {
    let spec = job("tide", 1);
    let events: Vec<_> = stream().collect();
    let count = (events.len() * 7) as f64;
    let specs = nodes(NODES as usize, 64, 256);
    let mut recorder = recorder(&specs, 0, GanttOptions::default());
    let begin = Instant::now();
    // Starts run ahead of ends by ALIVE jobs.
    for at in 0..JOBS + ALIVE {
        let now = Millis(u64::from(at) * 3);
        if let Some((index, events)) = events.get(at as usize) {
            recorder.admitted(now, JobId(*index), &spec, now);
            events[..5].iter().for_each(|event| recorder.event(now, event));
        }
        if let Some((_, events)) = at.checked_sub(ALIVE).and_then(|at| events.get(at as usize)) {
            events[5..].iter().for_each(|event| recorder.event(now, event));
        }
    }
    println!("a job: {} bytes", size_of::<crate::report::recording::JobRow>());
    println!("recorder: {:.0} ns an event", begin.elapsed().as_nanos() as f64 / count);
    let begin = Instant::now();
    let recording = recorder.finish(end(u64::from(JOBS + ALIVE) * 3));
    println!("finish: {:.0} ms for {JOBS} jobs", begin.elapsed().as_secs_f64() * 1e3);

    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("events.parquet");
    let mut log = EventLog::create(&path).unwrap();
    let begin = Instant::now();
    for (index, events) in &events {
        events.iter().for_each(|event| log.event(Millis(u64::from(*index) * 3), event));
    }
    println!("event log, caller's thread: {:.0} ns an event", begin.elapsed().as_nanos() as f64 / count);
    log.finish().unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len() as f64;
    println!("event log, to the end: {:.0} ns an event, {:.1} bytes an event", begin.elapsed().as_nanos() as f64 / count, bytes / count);

    let folder = OutputFolder::create(&out.path().join("run")).unwrap();
    let begin = Instant::now();
    folder.write_recording(&recording).unwrap();
    println!("summary, jobs and utilisation: {:.0} ms for {JOBS} jobs", begin.elapsed().as_secs_f64() * 1e3);
}
