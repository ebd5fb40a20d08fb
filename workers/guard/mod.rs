//! `worker guard <run folder>`: the process that stands between a worker and one task.
//!
//! It has a session of its own, so that nothing that ends the worker ends it. It starts the task, keeps its output, hears requests to
//! stop, kills it when the lease has run out, and writes how it ended when no process of it is left. It needs no worker for any of that.
//! One thread waits for everything at once; that of a process has no runtime in it, because a node may have hundreds.

mod children;
mod container;
mod ending;
mod exec;
mod logs;
mod meter;
mod output;
mod prepare;
mod task;
mod watch;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

pub use exec::launch;

use crate::run::{Engine, ExitRecord, RunFolder, Stream, Why, wall_time};
use task::Task;

/// Runs the guard of a run folder to its end.
#[must_use]
pub fn run(folder: &Path) -> ExitCode {
    match guard(&RunFolder::at(folder.to_owned())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("the guard gives up: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn guard(folder: &RunFolder) -> io::Result<()> {
    // A worker that was told to end at a terminal is told as a group; the guard leaves it first of all.
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let status = children::take_stdout()?;
    let Some(mut lock) = folder.try_lock()? else {
        return Err(io::Error::other("another guard, or a worker that gave this run up, holds the lock"));
    };
    if folder.has("begun") || folder.has("exit.json") {
        return Err(io::Error::other("this run has been before, and is never started twice"));
    }
    io::Write::write_all(&mut lock, format!("{}\n", std::process::id()).as_bytes())?;
    let record = record(folder, status);
    tell_user(folder, &record);
    // The lock goes with this process, after the record is there. On a full disk the end waits for room: the run keeps its cores, and nobody
    // has to guess later.
    while let Err(error) = folder.put_exit(&record) {
        if !folder.path().is_dir() {
            return Err(error);
        }
        note(&format!("the end cannot be recorded yet: {error}"));
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Why the program did not begin stands where its user looks first: in its own output, which is empty otherwise.
fn tell_user(folder: &RunFolder, record: &ExitRecord) {
    if let (false, Why::LaunchFailed { cause: words } | Why::Failed { words, .. }) = (record.begun, &record.why)
        && let Err(error) = fs::write(folder.output(Stream::Err, 0), format!("{words}\n"))
    {
        note(&format!("its user is not told why: {error}"));
    }
}

/// Runs what the folder says; how it ended.
fn record(folder: &RunFolder, status: File) -> ExitRecord {
    let failed = |cause: String| ExitRecord::never_begun(Why::LaunchFailed { cause }, wall_time());
    let file = match folder.launch() {
        Ok(file) => file,
        Err(error) => return failed(error.to_string()),
    };
    if let Some(fault) = file.launch.fault(&file.engine) {
        return failed(fault);
    }
    match file.engine.clone() {
        Engine::Docker(docker) => container::to_its_end(folder, &file, &docker, status),
        Engine::Process(_) => match Task::prepare(folder, file, status) {
            Ok(task) => watch::to_its_end(task),
            Err(error) => failed(error.to_string()),
        },
    }
}

/// Says what went wrong, in the guard's log.
pub(crate) fn note(sentence: &str) {
    use io::Write;
    // Where the log itself fails there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{} {sentence}", wall_time().0);
}
