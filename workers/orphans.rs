//! Processes that a killed guard left behind: found by the run marker in their environment, or by the session of their task.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use model::Millis;
use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};

use crate::run::{RUN_MARKER, RunId};

/// The session of a task whose guard is dead, for those of its processes that have thrown their environment away.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Its id: the main process, which died with the guard.
    pub id: i32,
    /// Members that are younger may be of another session, whose leader was given the same number. In time since boot.
    pub until: Millis,
}

/// Kills every process of the sessions, and every process of the runs below `runs` that is `doomed`; returns when none of them is left.
///
/// One look at all processes can miss a child that is born during it, but then it finds the parent; so the last look is the one that
/// finds nobody.
pub fn kill(runs: &Path, sessions: &[Session], doomed: impl Fn(RunId) -> bool) {
    let mut wait = Duration::from_millis(1);
    loop {
        let orphan = |pid: &Pid| run_of(*pid, runs).is_some_and(&doomed) || is_member(*pid, sessions);
        let found: Vec<Pid> = processes().filter(orphan).collect();
        if found.is_empty() {
            return;
        }
        for pid in found {
            // It may be gone already.
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_millis(50));
    }
}

/// The runs below `runs` that some process says it belongs to.
pub fn runs(runs: &Path) -> BTreeSet<RunId> {
    processes().filter_map(|pid| run_of(pid, runs)).collect()
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// The run that a process says it belongs to. A zombie, a kernel thread and another user's process say nothing.
fn run_of(pid: Pid, runs: &Path) -> Option<RunId> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let prefix = format!("{RUN_MARKER}=");
    let entry = environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(prefix.as_bytes()))?;
    let path = String::from_utf8_lossy(entry);
    let name = path.strip_prefix(&*runs.to_string_lossy())?.strip_prefix('/')?;
    RunId::parse(name)
}

fn is_member(pid: Pid, sessions: &[Session]) -> bool {
    if sessions.is_empty() {
        return false;
    }
    let Ok(stat) = Process::new(pid.as_raw_nonzero().get()).and_then(|process| process.stat()) else { return false };
    let born = Millis(stat.starttime * 1000 / procfs::ticks_per_second().max(1));
    stat.state != 'Z' && sessions.iter().any(|session| session.id == stat.session && born <= session.until)
}
