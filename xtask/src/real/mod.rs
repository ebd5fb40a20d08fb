//! `cargo xtask real-parts`: the programs of others that tests run against, from Debian's packages and PyPI, cached below `target`, started and
//! stopped by their process ids.
//!
//! Each part is a module that gets what it needs, starts it, and says in `target/real-parts/PART.json` what a test has to know of it. A part is
//! up while that file is there, of this start of the machine, and its processes live.

mod criu;
mod mongo;
mod packages;
mod registry;
mod sshd;
mod swarm;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
pub use swarm::docker;

use crate::{Outcome, run};

/// What to do with which parts.
#[derive(Args)]
pub struct Options {
    /// What to do
    #[arg(default_value = "up")]
    deed: Deed,
    /// Which parts (else all)
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

/// What can be done with parts.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deed {
    /// Gets what is missing, and starts what is not up
    Up,
    /// Stops them; what was fetched stays
    Down,
    /// Says which are up
    Status,
}

/// The parts that can be had.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Three Docker engines in network namespaces of their own, with a CRIU that works
    Swarm,
    /// Two sshds on free ports of the loopback interface
    Sshd,
    /// A server that speaks MongoDB's protocol
    Mongo,
}

/// All of them.
const ALL: [Part; 3] = [Part::Swarm, Part::Sshd, Part::Mongo];

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Swarm => "swarm",
            Self::Sshd => "sshd",
            Self::Mongo => "mongo",
        }
    }

    fn up(self, folder: &Path) -> Result<Value, String> {
        match self {
            Self::Swarm => swarm::up(folder),
            Self::Sshd => sshd::up(folder),
            Self::Mongo => mongo::up(folder),
        }
    }

    fn down(self, folder: &Path, state: &Value) -> Outcome {
        match self {
            Self::Swarm => swarm::down(folder, state),
            Self::Sshd => sshd::down(folder, state),
            Self::Mongo => mongo::down(state),
        }
    }

    fn file(self) -> PathBuf {
        folder().join(self.name()).with_extension("json")
    }

    /// What is known of it, if it is up.
    pub fn state(self) -> Option<Value> {
        let state: Value = serde_json::from_str(&fs::read_to_string(self.file()).ok()?).ok()?;
        let up = state["boot"] == boot() && pids(&state).all(lives);
        up.then_some(state)
    }
}

/// Does what is asked.
///
/// # Errors
/// Which part cannot be got or started, and why.
pub fn run(options: &Options) -> Outcome {
    let parts: Vec<Part> = if options.only.is_empty() { ALL.to_vec() } else { options.only.clone() };
    for &part in &parts {
        match options.deed {
            Deed::Up => up(part)?,
            Deed::Down => down(part)?,
            Deed::Status => {}
        }
    }
    println!("\nreal parts, in {}:", folder().display());
    for part in parts {
        match part.state() {
            Some(state) => println!("  up    {}: {}", part.name(), state["says"].as_str().unwrap_or_default()),
            None => println!("  down  {}", part.name()),
        }
    }
    Ok(())
}

fn up(part: Part) -> Outcome {
    if part.state().is_some() {
        return Ok(());
    }
    // What an earlier start left halfway goes first.
    down(part)?;
    let folder = folder();
    let began = Instant::now();
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut state = part.up(&folder).map_err(|error| format!("{}: {error}", part.name()))?;
    state["boot"] = boot().into();
    put(&part.file(), &state.to_string())?;
    println!("{}: up after {:.1} s", part.name(), began.elapsed().as_secs_f64());
    Ok(())
}

fn down(part: Part) -> Outcome {
    let mut state: Value = fs::read_to_string(part.file()).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if state["boot"] != boot() {
        // Its processes went with the machine; their ids may be those of others now.
        state = Value::Null;
    }
    part.down(&folder(), &state)?;
    match fs::remove_file(part.file()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", part.file().display())),
        _ => Ok(()),
    }
}

/// Where parts lie.
fn folder() -> PathBuf {
    run::target().join("real-parts")
}

/// Which start of the machine this is: a folder of parts outlives it, process ids do not.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The processes that a part consists of.
fn pids(state: &Value) -> impl Iterator<Item = Pid> {
    let listed = state["pids"].as_array().into_iter().flatten();
    listed.filter_map(|pid| Pid::from_raw(i32::try_from(pid.as_i64()?).ok()?))
}

fn lives(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

/// Starts a command of `setsid` that stays: in a session of its own, so that a Ctrl-C here is not for it. What it says goes to a log.
fn start(mut command: Command, log: &Path) -> Result<u32, String> {
    let said = |error: std::io::Error| format!("{}: {error}", log.display());
    let out = fs::File::create(log).map_err(said)?;
    let errors = out.try_clone().map_err(said)?;
    let child = command.stdin(Stdio::null()).stdout(out).stderr(errors).spawn();
    child.map(|child| child.id()).map_err(|error| format!("setsid: {error}"))
}

/// Kills processes at once.
fn kill(state: &Value) {
    for pid in pids(state) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Writes a file of a part.
fn put(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Waits for something that takes a moment.
fn wait_for(what: &str, most: Duration, mut done: impl FnMut() -> bool) -> Outcome {
    let began = Instant::now();
    while !done() {
        if began.elapsed() > most {
            return Err(format!("{what} is not there after {} s", most.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
