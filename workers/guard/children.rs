//! The processes below a guard: reaping them, and killing them until none is left.

use std::fs;
use std::fs::File;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, wait};

/// The pipe to the worker, which was given as standard output. Its place is taken by `/dev/null`, so that no child gets it.
pub fn take_stdout() -> io::Result<File> {
    let taken = fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let null = File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(File::from(taken))
}

/// Reaps whoever has ended, orphans of the task among them. Answers the status of `main` if it was one of them, and whether any child
/// is left.
pub fn reap(main: Pid) -> (Option<WaitStatus>, bool) {
    let mut ended = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == main => ended = Some(status),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return (ended, true),
            Err(_) => return (ended, false),
        }
    }
}

/// Sends a signal to the task's whole group; to the main process alone while it has not made the group yet.
pub fn signal(main: Pid, signal: Signal) {
    if kill_process_group(main, signal) == Err(Errno::SRCH) {
        // Not reaped yet, so the number is still its own.
        let _ = kill_process(main, signal);
    }
}

/// Kills everything below this process until nobody is left, and reaps it. `ended` is the status of the main process, where that was
/// reaped already; `kill_group` kills the task's cgroup.
///
/// Whoever loses its parent becomes a child of this process, so a task may flee into as many sessions as it likes: each turn finds all that
/// it has become.
pub fn end_all(main: Pid, mut ended: Option<WaitStatus>, kill_group: impl Fn()) -> Option<WaitStatus> {
    let mut wait = Duration::from_micros(200);
    loop {
        let (status, left) = reap(main);
        ended = ended.or(status);
        if !left {
            return ended;
        }
        kill_group();
        // Once the main process is reaped, its number may be that of a stranger's group.
        if ended.is_none() {
            signal(main, Signal::KILL);
        }
        for pid in below(rustix::process::getpid()) {
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_millis(20));
    }
}

/// All descendants of a process.
fn below(process: Pid) -> Vec<Pid> {
    let mut found = children_of(process);
    let mut index = 0;
    while index < found.len() {
        found.extend(children_of(found[index]));
        index += 1;
    }
    found
}

/// The children of all threads of a process.
fn children_of(process: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect::<Vec<_>>()).collect()
}
