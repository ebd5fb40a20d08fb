//! `worker launch <run folder> <guard>`: becomes the user's program.
//!
//! What has to be done in the new process before it is the program is done here by a process of our own, in safe code, and not between
//! fork and exec. Its standard input is the pipe on which the guard hears how far it came: one mark right before the program is
//! executed, the reason where that fails, and the end of the pipe where it does not.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use model::CpuSet;
use rustix::fs::Mode;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, Signal};

use crate::cgroup;
use crate::run::{Engine, LaunchFile, ProcessEngine, RunFolder};

/// What is said right before the program is executed. A pipe that ends without it belonged to a process that died before.
pub const EXECUTING: u8 = b'!';

/// Becomes the program of a run; returns only where that fails.
#[must_use]
pub fn launch(folder: &Path, guard: u32) -> ExitCode {
    let Ok(mut report) = take_stdin() else { return ExitCode::FAILURE };
    let folder = RunFolder::at(folder.to_owned());
    let cause = match prepare(&folder, guard) {
        Ok((launch, process)) => {
            let _ = report.write_all(&[EXECUTING]);
            let (program, arguments) = launch.launch.container.command.split_first().expect("the guard refuses an empty command");
            let environment = launch.environment(&process, &folder);
            let error = Command::new(program).args(arguments).env_clear().envs(environment).current_dir(folder.work()).exec();
            format!("cannot run `{program}`: {error}")
        }
        Err(error) => error.to_string(),
    };
    let _ = report.write_all(cause.as_bytes());
    ExitCode::FAILURE
}

fn take_stdin() -> io::Result<File> {
    let taken = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::stdio::dup2_stdin(&File::open("/dev/null")?)?;
    Ok(File::from(taken))
}

fn prepare(folder: &RunFolder, guard: u32) -> io::Result<(LaunchFile, ProcessEngine)> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A guard that died before the line above sends no signal any more.
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if u32::try_from(parent) != Ok(guard) {
        return Err(io::Error::other("the guard is gone"));
    }
    let launch = folder.launch()?;
    let Engine::Process(process) = launch.engine.clone() else {
        return Err(io::Error::other("it is run by another engine"));
    };
    // Before affinity: a cpuset that is joined sets it anew.
    cgroup::join(&process.hierarchies, &launch.group);
    pin(&launch.launch.cpuset)?;
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    // A program that could take on other rights could also no longer be killed by a guard without them.
    rustix::thread::set_no_new_privs(true)?;
    // Where the host runs out of memory, the task goes before its guard and the worker. Raising needs no rights.
    let _ = fs::write("/proc/self/oom_score_adj", "300");
    Ok((launch, process))
}

fn pin(cores: &CpuSet) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    if let Some(beyond) = cores.iter().find(|&core| core as usize >= rustix::thread::CpuSet::MAX_CPU) {
        return Err(io::Error::other(format!("no task can be pinned to core {beyond}")));
    }
    cores.iter().for_each(|core| set.set(core as usize));
    let refused = |error| io::Error::other(format!("cannot be pinned to cores {cores}: {error}"));
    rustix::thread::sched_setaffinity(None, &set).map_err(refused)?;
    // The kernel takes a set of which one core exists. Pinning is real: all of them or none.
    let given = rustix::thread::sched_getaffinity(None)?;
    match cores.iter().find(|&core| !given.is_set(core as usize)) {
        Some(core) => Err(io::Error::other(format!("cannot be pinned to cores {cores}: core {core} is not to be had"))),
        None => Ok(()),
    }
}
