//! Watching: turns news of the guards into signals.

use std::fs;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use engine::What;
use rustix::event::Timespec;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Shared;
use super::table::{Guarded, News};
use crate::run::{ExitRecord, RunId};

/// How often a run is looked at that was found in the middle of its start.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Watches all runs until the table is closed.
pub fn all(shared: &Arc<Shared>) {
    loop {
        let silent = shared.table.silent();
        for &id in &silent {
            if shared.runs.run(id).running().is_some() {
                started(shared, id);
            }
        }
        let checkpointing = shared.table.checkpointing();
        for &id in checkpointing.iter().filter(|id| shared.runs.run(**id).has("refused")) {
            refused(shared, id);
        }
        let look = !silent.is_empty() || !checkpointing.is_empty();
        let Some(news) = shared.table.wait(look.then_some(LOOK)) else { return };
        for news in news {
            match news {
                News::Started(id) => started(shared, id),
                News::Refused(id) => refused(shared, id),
                News::Gone(id) => gone(shared, id),
            }
        }
    }
}

fn started(shared: &Shared, id: RunId) {
    if shared.table.note_started(id) {
        if id.run.placement > 1
            && let Err(error) = shared.runs.supersede(id)
        {
            tracing::warn!(job = %id.task.job, task = id.task.instance, %error, "the image that it goes on from stays");
        }
        shared.tell(id, What::Started);
    }
}

fn refused(shared: &Shared, id: RunId) {
    if shared.table.note_refused(id) {
        shared.tell(id, What::CheckpointRefused);
    }
}

fn gone(shared: &Arc<Shared>, id: RunId) {
    if let Ok(Some(record)) = shared.runs.run(id).exit() {
        return ended(shared, id, &record);
    }
    // Finding and killing what a killed guard has left may take time, in which others are not to wait.
    let shared = Arc::clone(shared);
    thread::spawn(move || conclude(&shared, id));
}

/// Finds out how a run ended whose guard was killed, and tells it.
fn conclude(shared: &Shared, id: RunId) {
    loop {
        match shared.runs.conclude(id) {
            Ok(record) => return ended(shared, id, &record),
            // A full disk, or descriptors run out. The run holds its cores until its end is recorded.
            Err(error) => {
                tracing::error!(job = %id.task.job, task = id.task.instance, %error, "the end of a run cannot be recorded yet");
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// Tells how a run ended.
fn ended(shared: &Shared, id: RunId, record: &ExitRecord) {
    if record.started.is_some() {
        started(shared, id);
    }
    let what = record.what(shared.table.stop_asked(id));
    shared.table.forget(id);
    shared.tell(id, what);
}

/// Watches a run that was found running.
pub fn adopt(shared: &Arc<Shared>, id: RunId) {
    shared.table.expect(id);
    let found = loop {
        match find(shared, id) {
            Ok(Some(guarded)) => break shared.table.watch(id, guarded),
            // It has the lock and has not written its number yet: a moment.
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = found {
        tracing::warn!(job = %id.task.job, task = id.task.instance, %error, "a guard that was running is not to be found");
        let shared = Arc::clone(shared);
        thread::spawn(move || conclude(&shared, id));
    }
}

/// The guard of a run, by the number in its lock. That the lock is still held after the guard was opened shows that the number was
/// not a stranger's by then.
fn find(shared: &Shared, id: RunId) -> io::Result<Option<Guarded>> {
    let folder = shared.runs.run(id);
    let text = fs::read_to_string(folder.file("lock"))?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    let held = folder.try_lock()?.is_none();
    match (pid, held) {
        (_, false) => Err(io::Error::other("its guard has ended meanwhile")),
        (None, true) => Ok(None),
        (Some(pid), true) => {
            let guard = pidfd_open(pid, PidfdFlags::empty())?;
            let control = folder.control()?;
            match folder.try_lock()? {
                None => Ok(Some(Guarded { guard, status: None, control })),
                Some(_) => Err(io::Error::other("its guard has ended meanwhile")),
            }
        }
    }
}
