//! `cargo xtask live-bench`: what a live system should reach, measured from outside. Clients and server share the machine. Ratios to
//! the aims, not tests.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::containers;
use super::figures::{Aim, Figure, table};
use super::server::{self, Launch, Server};
use crate::{Outcome, run};

/// How long what is steady is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Only these parts (else all that need no real parts)
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// The program (else the release build)
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Writes the table to a file too, as Markdown
    #[arg(long)]
    save: Option<PathBuf>,
}

/// Figures that are taken of one server.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    /// An idle system: processor time, and from submission to start
    Idle,
    /// A real worker on an idle system: from submission to a running process, and how soon its death is noticed among many
    Worker,
    /// Submissions that are answered once they are durable
    Submits,
    /// 10,000 simulated workers: joining, heartbeats, placing 150,000 tasks, memory
    Fleet,
    /// 100,000 tasks in the store, and a kill -9
    Restart,
    /// Containers of three real Dockers, which have to be up: starts, and 200 jobs beside what `simulate` says of them
    Containers,
}

/// Those that need nothing but this machine.
const ALONE: [Part; 5] = [Part::Idle, Part::Worker, Part::Submits, Part::Fleet, Part::Restart];

/// Measures part by part. A part that fails is told, and the others go on.
///
/// # Errors
/// When a part failed, or the program does not build.
pub fn run(options: &Options) -> Outcome {
    let program = server::program(options.binary.as_deref())?;
    let parts = if options.part.is_empty() { ALONE.to_vec() } else { options.part.clone() };
    let (mut figures, mut failures) = (Vec::new(), Vec::new());
    for part in parts {
        println!("\n== live-bench: {part:?}");
        let measured = match part {
            Part::Idle => idle(&program, &mut figures),
            Part::Worker => worker(&program, &mut figures),
            Part::Submits => submits(&program, &mut figures),
            Part::Fleet => fleet(&program, &mut figures),
            Part::Restart => restart(&program, &mut figures),
            Part::Containers => containers::measure(&program, &mut figures),
        };
        if let Err(error) = measured {
            println!("failed: {error}");
            failures.push(format!("{part:?}: {error}"));
        }
    }
    let report = table(&figures);
    println!("\n{report}");
    if let Some(file) = &options.save {
        std::fs::write(run::root().join(file), &report).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn launch(program: &Path, name: &'static str, workers: u32, cores: u32) -> Launch {
    // 10,000 workers send 11,111 heartbeats a second, a little more than is aimed at.
    let settings = vec![("WHARFINGER_INTERVALS__HEARTBEAT_S", "0.9".to_owned())];
    Launch { program: program.to_owned(), name, workers, cores, settings }
}

fn idle(program: &Path, figures: &mut Vec<Figure>) -> Outcome {
    let server = Launch { settings: Vec::new(), ..launch(program, "idle", 2, 8) }.start()?;
    // What a start leaves to do is not idling.
    sleep(WATCHED);
    let cores = cores_over(&server, 3 * WATCHED)?;
    figures.push(Figure { name: "idle, 2 workers", unit: "cores", value: cores, aim: Aim::AtMost(0.01) });
    let report = server.stress(&["steady", "--a", "5", "--steps", "20", "--spread", "--wait"])?;
    let wait_s = number(&report["jobs"]["wait_s"]["p99"], "jobs.wait_s.p99")?;
    figures.push(Figure { name: "submit to simulated start, idle, p99", unit: "ms", value: wait_s * 1e3, aim: Aim::AtMost(150.0) });
    server.stop()
}

fn worker(program: &Path, figures: &mut Vec<Figure>) -> Outcome {
    let mut server = Launch { settings: Vec::new(), ..launch(program, "worker", 0, 0) }.start()?;
    let worker = server.worker("real", "0.2", &[])?;
    let report = server.stress(&["steady", "--a", "5", "--steps", "20", "--spread", "--wait", "--command", "true"])?;
    let wait_s = number(&report["jobs"]["wait_s"]["p99"], "jobs.wait_s.p99")?;
    figures.push(Figure { name: "submit to running process, idle, p99", unit: "ms", value: wait_s * 1e3, aim: Aim::AtMost(150.0) });
    drop(worker);
    server.stop()?;
    // As many heartbeats a second as fit: of 1,000 nodes five times as often as of 10,000.
    for (name, workers, frequency, most) in
        [("death to suspicion, 1,000 nodes", 1_000, "0.2", 3.0), ("death to suspicion, 10,000 nodes", 10_000, "1", 15.0)]
    {
        let settings = vec![("WHARFINGER_INTERVALS__HEARTBEAT_S", frequency.to_owned())];
        let mut server = Launch { settings, ..launch(program, "death", workers, 16) }.start()?;
        let worker = server.worker("real", frequency, &[])?;
        // It has to be silent from some point of its rhythm, not from its join.
        sleep(Duration::from_secs(3));
        let start = Instant::now();
        drop(worker);
        server.wait_until("aware of a death", |server| Ok(server.node("real")?["suspect"] == true))?;
        figures.push(Figure { name, unit: "s", value: start.elapsed().as_secs_f64(), aim: Aim::AtMost(most) });
        server.stop()?;
    }
    Ok(())
}

fn submits(program: &Path, figures: &mut Vec<Figure>) -> Outcome {
    let server = launch(program, "submits", 100, 64).start()?;
    let play = |jobs: &str, connections: &str| {
        server.stress(&["steady", "--a", jobs, "--steps", "10", "--spread", "--rate", "20000", "--connections", connections])
    };
    let (offered, most) = (play("2000", "32")?, play("8000", "64")?);
    for (report, names, aims) in [
        (&offered, ["durable submits, 2,000 a second offered", "their p99"], (Aim::None, Aim::AtMost(50.0))),
        (&most, ["durable submits, as many as 64 connections bring", "their p99"], (Aim::AtLeast(2_000.0), Aim::None)),
    ] {
        let (rate, p99) = (number(&report["accepted_per_s"], "accepted_per_s")?, number(&report["latency_ms"]["p99"], "latency_ms.p99")?);
        figures.push(Figure { name: names[0], unit: "jobs/s", value: rate, aim: aims.0 });
        figures.push(Figure { name: names[1], unit: "ms", value: p99, aim: aims.1 });
        if report["accepted"] != report["planned"] {
            println!("refused: {}, unanswered: {}", report["refused"], report["unanswered"]);
        }
    }
    server.stop()
}

fn fleet(program: &Path, figures: &mut Vec<Figure>) -> Outcome {
    const WORKERS: u32 = 10_000;
    const TASKS: f64 = 150_000.0;
    // From the start of the process, since all may have joined before the first answer.
    let start = Instant::now();
    let mut server = launch(program, "fleet", WORKERS, 16).spawn_anew()?;
    server.wait_ready()?;
    server.wait_until("joined by all workers", |server| Ok(server.metric("wharfinger_nodes{state=\"ready\"")? >= f64::from(WORKERS)))?;
    figures.push(Figure { name: "exec to 10,000 workers joined", unit: "s", value: start.elapsed().as_secs_f64(), aim: Aim::AtMost(5.0) });
    let (before, start) = (server.metric("wharfinger_heartbeats_total")?, Instant::now());
    let cores = cores_over(&server, WATCHED)?;
    let beats = (server.metric("wharfinger_heartbeats_total")? - before) / start.elapsed().as_secs_f64();
    figures.push(Figure { name: "heartbeats of 10,000 workers", unit: "1/s", value: beats, aim: Aim::AtLeast(10_000.0) });
    figures.push(Figure { name: "processor time meanwhile", unit: "cores", value: cores, aim: Aim::AtMost(1.0) });
    let start = Instant::now();
    submit_tasks(&server, "150")?;
    let submitted = start.elapsed();
    server.wait_until("running all tasks", |server| Ok(server.metric("wharfinger_tasks{state=\"running\"")? >= TASKS))?;
    let rate = TASKS / start.elapsed().as_secs_f64();
    figures.push(Figure { name: "tasks submitted, placed and started", unit: "1/s", value: rate, aim: Aim::AtLeast(10_000.0) });
    figures.push(Figure { name: "of that time, until all were submitted", unit: "s", value: submitted.as_secs_f64(), aim: Aim::None });
    let usage = server.usage()?;
    figures.push(Figure { name: "memory with 150,000 tasks", unit: "MB", value: usage.memory_mb, aim: Aim::AtMost(2_000.0) });
    figures.push(Figure { name: "the most memory before", unit: "MB", value: usage.peak_mb, aim: Aim::None });
    server.stop()
}

/// Gives a server what it shall find again.
type Fill = fn(&Server) -> Outcome;

fn restart(program: &Path, figures: &mut Vec<Figure>) -> Outcome {
    const TASKS: f64 = 100_000.0;
    let cases: [(_, Fill); 2] = [
        ("kill -9 to ready, 100 jobs of 1,000 tasks", |server| submit_tasks(server, "100")),
        ("kill -9 to ready, 100,000 jobs of a task", submit_jobs),
    ];
    for (name, submit) in cases {
        let mut server = launch(program, "restart", 100, 64).start()?;
        submit(&server)?;
        let kept = |server: &Server| server.metric("wharfinger_tasks{");
        server.wait_until("in possession of all tasks", |server| Ok(kept(server)? >= TASKS))?;
        let start = Instant::now();
        server.kill_and_spawn()?;
        server.wait_ready()?;
        figures.push(Figure { name, unit: "s", value: start.elapsed().as_secs_f64(), aim: Aim::AtMost(2.0) });
        let after = kept(&server)?;
        if after < TASKS {
            return Err(format!("{after} of {TASKS} tasks are there after kill -9"));
        }
        server.stop()?;
    }
    Ok(())
}

/// 100,000 jobs of a short task.
fn submit_jobs(server: &Server) -> Outcome {
    let rate = ["steady", "--a", "10000", "--steps", "10", "--spread", "--rate", "20000", "--connections", "64"];
    let report = server.stress(&[&rate[..], &["--task-mem", "16m", "--command", "true"]].concat())?;
    if report["accepted"] == report["planned"] { Ok(()) } else { Err(format!("jobs were refused or unanswered: {report}")) }
}

/// Jobs of 1,000 tasks that run for longer than the measurement lasts.
fn submit_tasks(server: &Server, jobs: &str) -> Outcome {
    let file = server.folder().join("job.json");
    let task = json!({"kind": "container", "count": 1000, "resources": {"cores": 1, "memory": "16m"}, "simulate": {"duration_s": {"constant": 86_400}}});
    let document = json!({"name": "bench", "tasks": {"run": task}});
    std::fs::write(&file, document.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
    let template = file.to_str().ok_or("the target folder's name is not UTF-8")?;
    let report = server.stress(&["steady", "--a", jobs, "--steps", "1", "--template", template])?;
    if report["accepted"] == report["planned"] { Ok(()) } else { Err(format!("jobs were refused or unanswered: {report}")) }
}

/// Processor time over a while, in cores.
fn cores_over(server: &Server, span: Duration) -> Result<f64, String> {
    let (before, start) = (server.usage()?, Instant::now());
    sleep(span);
    Ok((server.usage()?.cpu_s - before.cpu_s) / start.elapsed().as_secs_f64())
}

/// A number of a report.
///
/// # Errors
/// When it is none.
pub fn number(value: &Value, name: &str) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("the report has no {name}"))
}
