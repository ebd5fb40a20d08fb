//! Containers of three real Dockers: how soon one runs, and a steady load beside what `simulate` says of the same.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::bench::number;
use super::figures::{Aim, Figure};
use super::server::{Launch, Server, Worker};
use crate::real::{self, Part};
use crate::{Outcome, run};

/// Starts that are timed, of each kind.
const STARTS: usize = 10;
/// Between two of them, of either kind.
const PAUSE: Duration = Duration::from_secs(3);
/// What each may have.
const MEMORY_OF_ONE: &str = "16m";
/// Jobs of the steady load, each of two containers of six seconds.
const JOBS: &str = "200";
/// Between two of them: four fifths of what six cores could run.
const BETWEEN: &str = "2.5s";
/// What a node offers.
const CORES: u32 = 2;
const MEMORY: &str = "256MiB";

/// Measures with the engines of `cargo xtask real-parts`.
pub fn measure(program: &Path, figures: &mut Vec<Figure>) -> Outcome {
    let swarm = Part::Swarm.state().ok_or("the Docker engines are not up: cargo xtask real-parts up --only swarm")?;
    let image = swarm["image"].as_str().ok_or("the image has no name")?;
    let engines = swarm["nodes"].as_array().ok_or("there are no engines")?;
    starts(program, image, &engines[0], figures)?;
    load(program, image, engines, figures)
}

/// From a submission to a running container, beside `docker run`.
fn starts(program: &Path, image: &str, engine: &Value, figures: &mut Vec<Figure>) -> Outcome {
    let socket = engine["socket"].as_str().ok_or("an engine has no socket")?;
    // Half before and half after ours, as seldom, with the same limits and network.
    let mut by_docker = runs(socket, image, STARTS / 2)?;
    let mut server = Launch { program: program.to_owned(), name: "starts", workers: 0, cores: 0, settings: Vec::new() }.start()?;
    let worker = join(&mut server, 0, engine)?;
    let (steps, interval) = (STARTS.to_string(), format!("{}s", PAUSE.as_secs()));
    let load = [
        "steady",
        "--a",
        "1",
        "--steps",
        &steps,
        "--interval",
        &interval,
        "--task-mem",
        MEMORY_OF_ONE,
        "--image",
        image,
        "--command",
        "sleep 1",
        "--wait",
    ];
    let report = server.stress(&load)?;
    drop(worker);
    server.stop()?;
    by_docker.extend(runs(socket, image, STARTS / 2)?);
    by_docker.sort_by(f64::total_cmp);
    let median = by_docker[STARTS / 2];
    let ours = number(&report["jobs"]["wait_s"]["p50"], "jobs.wait_s.p50")? * 1e3;
    figures.push(Figure { name: "docker run, median", unit: "ms", value: median, aim: Aim::None });
    figures.push(Figure {
        name: "submit to a running container, median, with half a round of 100 ms",
        unit: "ms",
        value: ours,
        aim: Aim::None,
    });
    figures.push(Figure {
        name: "the one by the other, without the half round",
        unit: "",
        value: (ours - 50.0) / median,
        aim: Aim::AtMost(1.2),
    });
    Ok(())
}

/// How long `docker run` takes each time, in milliseconds.
fn runs(socket: &str, image: &str, times: usize) -> Result<Vec<f64>, String> {
    let one = |number| {
        let name = format!("live-bench-{number}");
        let limits = ["--cpuset-cpus", "0", "--memory", MEMORY_OF_ONE, "--name", &name];
        let start = Instant::now();
        real::docker(socket, &[&["run", "--detach"], &limits[..], &[image, "sleep", "60"]].concat())?;
        let took = start.elapsed().as_secs_f64() * 1e3;
        real::docker(socket, &["rm", "--force", &name])?;
        std::thread::sleep(PAUSE);
        Ok(took)
    };
    (0..times).map(one).collect()
}

/// The steady load, live and simulated.
fn load(program: &Path, image: &str, engines: &[Value], figures: &mut Vec<Figure>) -> Outcome {
    // Beside the server's own folder, which goes with it.
    let kept = run::target().join("live").join("containers-kept");
    std::fs::create_dir_all(&kept).map_err(|error| format!("{}: {error}", kept.display()))?;
    let file = |name: &str| kept.join(name).display().to_string();
    let (journal, trace) = (file("journal.jsonl"), file("history.csv"));
    let settings = vec![("WHARFINGER_JOURNAL", journal.clone())];
    let mut server = Launch { program: program.to_owned(), name: "containers", workers: 0, cores: 0, settings }.start()?;
    let workers: Vec<Worker> = engines.iter().enumerate().map(|(at, engine)| join(&mut server, at, engine)).collect::<Result<_, _>>()?;
    let start = Instant::now();
    let task = ["--task-count", "2", "--task-mem", "16m", "--image", image, "--command", "sleep 6", "--wait"];
    let report = server.stress(&[&["steady", "--a", "1", "--steps", JOBS, "--interval", BETWEEN], &task[..]].concat())?;
    let makespan = start.elapsed().as_secs_f64();
    run::program_of(program, &["export", "--format", "native", "--out", &trace, "--server", &server.url()]).done()?;
    drop(workers);
    server.stop()?;

    let planned = number(&report["planned"], "planned")?;
    let succeeded = report["jobs"]["by_state"]["succeeded"].as_f64().unwrap_or_default();
    figures.push(Figure { name: "200 jobs of two containers: lost", unit: "jobs", value: planned - succeeded, aim: Aim::AtMost(0.0) });
    run::program_of(program, &["replay", &journal]).done()?;
    let (nodes, cores) = (engines.len().to_string(), CORES.to_string());
    let arguments =
        ["simulate", "--trace", &trace, "--format", "native", "--nodes", &nodes, "--cores", &cores, "--memory", MEMORY, "-o", "json"];
    let simulated = run::program_of(program, &arguments).output()?;
    let simulated: Value = serde_json::from_str(&simulated).map_err(|error| format!("simulate: {error}"))?;
    let wait = |report: &Value| number(&report["wait_s"]["mean"], "wait_s.mean");
    let waits = (wait(&report["jobs"])?, wait(&simulated)?);
    compare(figures, ["mean wait, live", "mean wait, simulated", "how far apart"], waits);
    let spans = (makespan, number(&simulated["makespan_s"], "makespan_s")?);
    compare(figures, ["makespan, live", "makespan, simulated", "how far apart they are"], spans);
    Ok(())
}

/// Two figures that should be within a tenth of each other.
fn compare(figures: &mut Vec<Figure>, names: [&'static str; 3], (live, simulated): (f64, f64)) {
    figures.push(Figure { name: names[0], unit: "s", value: live, aim: Aim::None });
    figures.push(Figure { name: names[1], unit: "s", value: simulated, aim: Aim::None });
    let apart = (live / simulated.max(1e-9)).max(simulated / live.max(1e-9));
    figures.push(Figure { name: names[2], unit: "", value: apart, aim: Aim::AtMost(1.1) });
}

/// A worker for an engine; the first manages the Swarm.
fn join(server: &mut Server, at: usize, engine: &Value) -> Result<Worker, String> {
    let said = |key: &str| engine[key].as_str().ok_or_else(|| format!("an engine has no {key}"));
    let (cores, part) = (format!("0-{}", CORES - 1), if at == 0 { "manager" } else { "member" });
    let swarm = ["--swarm", part, "--swarm-address", said("address")?, "--swarm-pool", "10.50.0.0/16"];
    let offer = ["--cores", &cores, "--memory", MEMORY, "--images", "127.0.0.1:0"];
    server.worker(said("name")?, "0.2", &[&["--engine", "docker", "--docker", said("socket")?], &swarm[..], &offer].concat())
}
