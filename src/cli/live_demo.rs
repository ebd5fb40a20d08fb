//! `management demo --live`: the live system, two local workers with real processes, a short stress run; nothing is left behind.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use model::document::native_job;
use model::{Answer, CpuSet, JobId, NodeState, Request, Submission};

use super::failure::{Failure, Outcome};
use super::logging::{self, LogFormat};
use super::terminal;
use super::up::launch::{Launch, Launched};
use super::up::{NO_WORKER_PROGRAM, worker_program};
use crate::config;
use crate::runtime::{ActorName, Door};

/// Jobs of the stress run, each of two tasks.
const JOBS: usize = 24;
/// Jobs that are submitted together, and the time between.
const BURST: usize = 4;
const BETWEEN: Duration = Duration::from_millis(250);
/// How long joining, and the whole run, may take on a slow machine.
const JOINING: Duration = Duration::from_secs(30);
const RUNNING: Duration = Duration::from_secs(180);
/// How long the workers have to leave.
const LEAVING: Duration = Duration::from_secs(20);

/// Runs the demo.
pub fn run(quiet: bool) -> Result<Outcome, Failure> {
    logging::start_quiet(LogFormat::Text);
    let worker = worker_program().ok_or_else(|| Failure::other(NO_WORKER_PROGRAM))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::system("the threads cannot be started", &error))?;
    let folder = tempfile::Builder::new().prefix("wharfinger-demo-").tempdir();
    let folder = folder.map_err(|error| Failure::system("a temporary folder cannot be made", &error))?;
    runtime.block_on(async {
        tokio::select! {
            done = demo(folder.path(), &worker, quiet) => done,
            // The workers go with their handles, and their tasks with the lease file.
            _ = tokio::signal::ctrl_c() => Ok(Outcome::Interrupted),
        }
    })
}

async fn demo(folder: &Path, worker: &Path, quiet: bool) -> Result<Outcome, Failure> {
    let say = |text: String| {
        if !quiet {
            terminal::say(&text)
        }
    };
    // Ports that are free, and a lease that is short: whatever happens, the tasks end soon.
    let variables = ["FE__PORT", "GM__PORT", "GM__WORKER_PORT", "DC__PORT"].map(|key| (format!("WHARFINGER_{key}"), "0".to_owned()));
    let config = config::read(None, variables)?;
    let launch = Launch { config, actor: None, state: folder.join("state"), join_token: None, fleet: None };
    let launched = launch.start().await?;
    let address = launched.rest[&ActorName::FrontEnd];
    terminal::print(&format!("The system is up: http://{address}/docs/\n"))?;
    let mut workers = Vec::new();
    for (number, cores) in core_ranges()?.into_iter().enumerate() {
        say(format!("starting worker n{} on cores {cores}", number + 1));
        workers.push(start(worker, number + 1, &cores, &launched, folder)?);
    }
    let door = launched.system.door.clone();
    let run = stress(&door, workers.len(), &say).await;
    say("stopping the workers".into());
    let left = leave(workers).await;
    launched.stop().await;
    let summary = run?;
    terminal::print(&summary)?;
    if !left {
        terminal::say("a worker had to be killed; its tasks have ended with its lease");
    }
    Ok(Outcome::Done)
}

/// Two halves of the cores that this process may use; on one core, it twice.
fn core_ranges() -> Result<[CpuSet; 2], Failure> {
    let affinity =
        rustix::thread::sched_getaffinity(None).map_err(|error| Failure::system("the cores cannot be asked for", &error.into()))?;
    let usable: Vec<u32> = (0..rustix::thread::CpuSet::MAX_CPU).filter(|&core| affinity.is_set(core)).map(|core| core as u32).collect();
    let half = usable.len().div_ceil(2);
    let (one, other) = usable.split_at(half);
    let other = if other.is_empty() { one } else { other };
    Ok([one.iter().copied().collect(), other.iter().copied().collect()])
}

/// A worker, which is killed when nobody holds it any more.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(worker: &Path, number: usize, cores: &CpuSet, launched: &Launched, folder: &Path) -> Result<Worker, Failure> {
    let address = |actor| launched.system.addresses[&actor].to_string();
    let token: PathBuf = launched.token_file.clone().unwrap_or_default();
    let log = folder.join(format!("n{number}.log"));
    let log = File::create(&log).map_err(|error| Failure::system(log.display(), &error))?;
    let mut command = Command::new(worker);
    command.arg("0.2").args(["--name", &format!("n{number}"), "--cores", &cores.to_string(), "--memory", "512MiB"]);
    command.args(["--manager", &address(ActorName::GlobalManager), "--discovery", &address(ActorName::Discovery)]);
    command.arg("--token-file").arg(token).arg("--state").arg(folder.join(format!("n{number}")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().map(Worker).map_err(|error| Failure::system(worker.display(), &error))
}

/// Waits for the workers, submits, waits for the ends; the answer is what is told of it.
async fn stress(door: &Door, workers: usize, say: &impl Fn(String)) -> Result<String, Failure> {
    let ready = |view: &actors::View| view.nodes().iter().filter(|node| node.state == NodeState::Ready).count() == workers;
    until(JOINING, || door.view(ready)).await.ok_or_else(|| Failure::other("the workers did not join in time"))?;
    say(format!("{workers} workers have joined; submitting {JOBS} jobs of two tasks"));
    let began = Instant::now();
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(submit(door, number).await?);
        if number % BURST == BURST - 1 {
            tokio::time::sleep(BETWEEN).await;
            say(progress(door, &jobs));
        }
    }
    let ended = || door.view(|view| jobs.iter().all(|id| view.job(*id).is_some_and(|job| job.state.is_terminal())));
    let mut said = Instant::now();
    let all = until(RUNNING, || {
        if said.elapsed() > Duration::from_secs(1) {
            said = Instant::now();
            say(progress(door, &jobs));
        }
        ended()
    });
    all.await.ok_or_else(|| Failure::other("the jobs did not end in time"))?;
    Ok(summary(door, &jobs, began.elapsed()))
}

async fn submit(door: &Door, number: usize) -> Result<JobId, Failure> {
    let text = format!(
        r#"{{"name": "demo-{number}", "tasks": {{"work": {{"kind": "container", "count": 2, "command": ["sleep", "0.{}"],
            "resources": {{"cores": 1, "memory": "16m"}}}}}}}}"#,
        1 + number % 5
    );
    let spec = native_job(&text).map_err(|error| Failure::other(error.to_string()))?;
    let submission = Submission::new(spec, door.now());
    match door.ask(Request::Submit(Box::new(submission))).await {
        Ok(Answer::Accepted(id) | Answer::Known(id)) => Ok(id),
        Ok(Answer::Refused(refusal)) => Err(Failure::other(refusal)),
        Ok(Answer::Done) => Err(Failure::other("a submission was answered as an operation")),
        Err(trouble) => Err(Failure::other(trouble)),
    }
}

fn progress(door: &Door, jobs: &[JobId]) -> String {
    let states = states(door, jobs);
    let counted: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    format!("jobs: {}", counted.join(", "))
}

fn states(door: &Door, jobs: &[JobId]) -> BTreeMap<&'static str, usize> {
    let mut states = BTreeMap::new();
    door.view(|view| {
        for job in jobs.iter().filter_map(|id| view.job(*id)) {
            *states.entry(job.state.word()).or_default() += 1;
        }
    });
    states
}

fn summary(door: &Door, jobs: &[JobId], took: Duration) -> String {
    let counted: Vec<String> = states(door, jobs).iter().map(|(state, count)| format!("{count} {state}")).collect();
    let totals = door.view(actors::View::totals);
    format!(
        "{} jobs in {:.1} s: {}. {} placements, {} attempts lost with their nodes. Everything is stopped, and nothing is left behind.\n",
        jobs.len(),
        took.as_secs_f64(),
        counted.join(", "),
        totals.placed,
        totals.lost
    )
}

/// Asks the workers to leave and waits; false: one had to be killed.
async fn leave(mut workers: Vec<Worker>) -> bool {
    for worker in &workers {
        // Its number is its own until it is waited for, which only its handle does.
        if let Some(pid) = rustix::process::Pid::from_raw(worker.0.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
    until(LEAVING, || workers.iter_mut().all(|worker| worker.0.try_wait().is_ok_and(|status| status.is_some()))).await.is_some()
}

/// Waits until something holds; none: it did not in time.
async fn until(patience: Duration, mut holds: impl FnMut() -> bool) -> Option<()> {
    let end = Instant::now() + patience;
    while !holds() {
        if Instant::now() > end {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Some(())
}
