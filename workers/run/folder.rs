//! The folder of one run: its name, made of numbers alone, and the files in it.
//!
//! | file | written by | says |
//! |---|---|---|
//! | `launch.json` | the worker, durably, before it starts a guard | what to run |
//! | `lock` | the guard, which holds a lock on it while it lives | the guard's process id |
//! | `control` | the worker; a FIFO | the request to stop, or to kill |
//! | `begun` | the guard, before it starts the program | from here on the program may have run |
//! | `fetch.json` | the guard of a container | how far it is with an image or a checkpoint that it fetches |
//! | `running.json` | the guard, once the program runs | process id and time |
//! | `stdout.N`, `stderr.N` | the guard | the output from byte N on; the latest two files are kept |
//! | `guard.log` | the guard | what went wrong without ending the run |
//! | `image/` | the guard of a container | its checkpoint, until the end is known where it matters |
//! | `keep` | the worker | its checkpoint is to be kept for later attempts |
//! | `refused` | the guard of a container | it could not be checkpointed, and runs on |
//! | `exit.json` | the guard, durably, when no process is left | how it ended |
//! | `reported` | the worker | the end is known where it matters, and the folder may go |
//! | `work/` | the task | its working folder |

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use engine::question::Fetch;
use model::{JobId, Millis, Run, TaskKey};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use serde::{Deserialize, Serialize};

use super::{ExitRecord, LaunchFile, files};

/// The mark of a run whose checkpoint is to be kept.
pub(crate) const KEEP: &str = "keep";

/// Which run: what its folder is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    /// The task instance.
    pub task: TaskKey,
    /// Which run of it.
    pub run: Run,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, run } = self;
        write!(f, "{}-{}-{}-{}", task.job.0, task.instance, run.attempt, run.placement)
    }
}

impl RunId {
    /// Reads the name of a folder; anything that we would not have written is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let task = TaskKey { job: JobId(parts.next()?.parse().ok()?), instance: parts.next()?.parse().ok()? };
        let run = Run { attempt: parts.next()?.parse().ok()?, placement: parts.next()?.parse().ok()? };
        let id = Self { task, run };
        (id.to_string() == name).then_some(id)
    }
}

/// What a worker asks of a guard, over the FIFO of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Ask the task to stop, wait its grace period, kill it.
    Stop,
    /// Kill it at once.
    Kill,
    /// Checkpoint it, so that it can go on elsewhere.
    Checkpoint,
}

impl Request {
    /// As it is written.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Stop => b's',
            Self::Kill => b'k',
            Self::Checkpoint => b'c',
        }
    }
}

/// An output stream of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// What its files are called, before the number.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

/// What a guard says of its running task, for a worker that was restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The main process; also its group and its session.
    pub pid: i32,
    /// When the program began to run, since the epoch.
    pub started: Millis,
}

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder at a path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Makes the folder of a run that never was before. `runs` is the folder that it lies in.
    ///
    /// # Errors
    /// When it is there already, or cannot be made.
    pub fn create(runs: &Path, id: RunId) -> io::Result<Self> {
        let folder = Self(runs.join(id.to_string()));
        let mut private = DirBuilder::new();
        private.mode(0o700).create(&folder.0)?;
        private.create(folder.work())?;
        mkfifoat(CWD, folder.file("control"), Mode::RUSR | Mode::WUSR)?;
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The root of all runs, two folders up.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.0.parent().and_then(Path::parent).unwrap_or(Path::new("/"))
    }

    /// The value of the run marker: the folder's path.
    #[must_use]
    pub fn marker(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// The task's working folder.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.file("work")
    }

    /// The file of an output stream that begins with this byte of it.
    pub(crate) fn output(&self, stream: Stream, from: u64) -> PathBuf {
        self.file(&format!("{}.{from}", stream.name()))
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Says to its guard whether the checkpoint that it is about to be asked for is to be kept.
    pub(crate) fn set_kept(&self, keep: bool) -> io::Result<()> {
        match keep {
            true => files::put(&self.file(KEEP), b""),
            false if self.has(KEEP) => fs::remove_file(self.file(KEEP)),
            false => Ok(()),
        }
    }

    /// Whether a file is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// Opens the lock and takes it; nothing where a guard has it.
    pub(crate) fn try_lock(&self) -> io::Result<Option<File>> {
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.file("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The FIFO for requests. It is opened for reading too, so that it neither waits for the other end nor notices when that goes.
    pub(crate) fn control(&self) -> io::Result<File> {
        let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
        OpenOptions::new().read(true).write(true).custom_flags(flags as i32).open(self.file("control"))
    }

    /// What to run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn launch(&self) -> io::Result<LaunchFile> {
        Ok(serde_json::from_slice(&fs::read(self.file("launch.json"))?)?)
    }

    /// Writes what to run, durably with the names of all folders on the way. The name is given before the content is there: each sync costs
    /// a start some milliseconds, and whoever finds half a file knows that no guard was started from it.
    pub(crate) fn put_launch(&self, launch: &LaunchFile) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.file("launch.json"))?;
        file.write_all(&serde_json::to_vec(launch)?)?;
        file.sync_all()?;
        files::sync_folder(&self.0)?;
        files::sync_folder(self.0.parent().expect("a run's folder lies in that of all runs"))
    }

    /// What the guard says of the running task, once it runs.
    #[must_use]
    pub fn running(&self) -> Option<Running> {
        serde_json::from_str(&files::read(&self.file("running.json")).ok()??).ok()
    }

    pub(crate) fn put_running(&self, running: Running) -> io::Result<()> {
        files::put(&self.file("running.json"), &serde_json::to_vec(&running)?)
    }

    /// How far its guard is with what it fetches, if it has to fetch anything.
    #[must_use]
    pub fn fetching(&self) -> Option<Fetch> {
        serde_json::from_str(&files::read(&self.file("fetch.json")).ok()??).ok()
    }

    pub(crate) fn put_fetching(&self, fetch: Fetch) -> io::Result<()> {
        files::put(&self.file("fetch.json"), &serde_json::to_vec(&fetch)?)
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// When there is a record and it cannot be read.
    pub fn exit(&self) -> io::Result<Option<ExitRecord>> {
        files::read(&self.file("exit.json"))?.map(|text| Ok(serde_json::from_str(&text)?)).transpose()
    }

    pub(crate) fn put_exit(&self, record: &ExitRecord) -> io::Result<()> {
        files::put_durably(&self.file("exit.json"), &serde_json::to_vec(record)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers_and_nothing_else() {
        let id = RunId { task: TaskKey { job: JobId(7), instance: 12 }, run: Run { attempt: 2, placement: 3 } };
        assert_eq!(id.to_string(), "7-12-2-3");
        assert_eq!(RunId::parse("7-12-2-3"), Some(id));
        for name in ["", "7-12-2", "7-12-2-3-4", "07-12-2-3", "+7-12-2-3", "7-12-2-99999", "../1-1-1-1", "a-1-1-1"] {
            assert_eq!(RunId::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_run_has_its_folder_once() {
        let root = tempfile::tempdir().unwrap();
        let id = RunId::parse("1-0-1-1").unwrap();
        RunFolder::create(root.path(), id).unwrap();
        assert_eq!(RunFolder::create(root.path(), id).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
