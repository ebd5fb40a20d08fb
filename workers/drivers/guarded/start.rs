//! What is done on threads of its own because it waits: a start writes what is to run, durably, and starts the guard; a resize asks Docker.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use engine::What;
use model::{Bytes, CpuSet};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::table::Guarded;
use super::{Shared, ready};
use crate::docker::{self, Docker};
use crate::run::{Engine, ExitRecord, Launch, LaunchFile, RunFolder, RunId, Why, boot_id, wall_time};

/// What a thread is to do.
#[derive(Debug)]
pub enum Deed {
    /// Start a run.
    Start(Box<Launch>),
    /// Make ready for one that is to come.
    Prepare(Box<Launch>),
    /// Let a container have these cores and this memory.
    Resize {
        /// Which run.
        id: RunId,
        /// The number to answer with.
        number: u16,
        /// All of its cores.
        cpuset: CpuSet,
        /// All of its memory.
        memory: Bytes,
    },
}

/// Does what the queue brings, until its other end is gone.
pub fn each(shared: &Shared, queue: &Mutex<Receiver<Deed>>) {
    loop {
        let next = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let launch = match next {
            Ok(Deed::Start(launch)) => *launch,
            Ok(Deed::Resize { id, number, cpuset, memory }) => {
                shared.tell(id, What::Resized { number, done: resize(shared, id, &cpuset, memory) });
                continue;
            }
            Ok(Deed::Prepare(launch)) => {
                ready::prepare(shared, RunId { task: launch.task, run: launch.run }, *launch);
                continue;
            }
            Err(_) => return,
        };
        let id = RunId { task: launch.task, run: launch.run };
        if shared.table.stop_asked(id) {
            shared.table.forget(id);
            shared.tell(id, What::Stopped);
            continue;
        }
        if let Err(error) = start(shared, id, launch) {
            tracing::warn!(job = %id.task.job, task = id.task.instance, attempt = id.run.attempt, %error, "a run could not be started");
            let stop_asked = shared.table.stop_asked(id);
            shared.table.forget(id);
            shared.tell(id, if stop_asked { What::Stopped } else { What::Refused });
        }
    }
}

/// Whether the container of a run has these cores and this memory now. What Docker refuses it has not done in part.
fn resize(shared: &Shared, id: RunId, cpuset: &CpuSet, memory: Bytes) -> bool {
    let Engine::Docker(engine) = &shared.settings.engine else { return false };
    let name = shared.runs.group(id);
    let asked = docker::block_on(async { Docker::connect(&engine.socket).await?.resize(&name, cpuset, memory).await });
    if let Err(error) = &asked {
        tracing::warn!(job = %id.task.job, task = id.task.instance, %cpuset, %memory, %error, "a container was not resized");
    }
    asked.is_ok()
}

fn start(shared: &Shared, id: RunId, launch: Launch) -> io::Result<()> {
    // A folder that is there already belongs to a run that was: it is never started again.
    let folder = RunFolder::create(shared.runs.folder(), id)?;
    let file = file_of(shared, id, launch);
    let watched = folder.put_launch(&file).and_then(|()| spawn(shared, &folder)).and_then(|guarded| shared.table.watch(id, guarded));
    watched.inspect_err(|error| close(&folder, error))
}

/// What is written of a run.
pub fn file_of(shared: &Shared, id: RunId, launch: Launch) -> LaunchFile {
    LaunchFile {
        launch,
        boot: boot_id(),
        output_cap: shared.settings.output_cap,
        group: shared.runs.group(id),
        engine: shared.settings.engine.clone(),
    }
}

/// Starts the guard of a run whose file is written.
fn spawn(shared: &Shared, folder: &RunFolder) -> io::Result<Guarded> {
    let control = folder.control()?;
    let (status, status_end) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&status, fcntl_getfl(&status)? | OFlags::NONBLOCK)?;
    let log = File::create(folder.file("guard.log"))?;
    let mut command = Command::new(&shared.settings.program);
    command.arg0("worker").arg("guard").arg(folder.path()).current_dir("/");
    let child = command.stdin(Stdio::null()).stdout(Stdio::from(status_end)).stderr(Stdio::from(log)).spawn()?;
    // The number is the guard's own until it is reaped, which nobody does before the descriptor says that it is gone.
    let pid = Pid::from_raw(child.id() as i32).expect("a process has a number");
    let guard = pidfd_open(pid, PidfdFlags::empty())?;
    Ok(Guarded { guard, status: Some(File::from(status)), control })
}

/// Keeps a guard that may have been started after all from starting anything. Where it was quicker it has the lock, and its run goes on
/// unwatched until its lease is over or a restarted worker finds it; that takes a worker that has run out of descriptors.
fn close(folder: &RunFolder, error: &io::Error) {
    if let Ok(Some(_lock)) = folder.try_lock()
        && !folder.has("exit.json")
    {
        let record = ExitRecord::never_begun(Why::LaunchFailed { cause: error.to_string() }, wall_time());
        if let Err(error) = folder.put_exit(&record) {
            tracing::error!(%error, folder = %folder.path().display(), "the end of a run could not be recorded");
        }
    }
}
