//! The root of all runs of a worker: what was running, what has ended, and what nobody knows.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use engine::question::LogPart;
use model::Millis;

use super::{
    Engine, ExitRecord, LEASE_FILE, Launch, LaunchFile, LeaseFile, RunFolder, RunId, Stream, Why, boot_time, files, holder, log, wall_time,
};
use crate::orphans::Session;
use crate::{Error, cgroup, docker, image, orphans};

/// What is true of a run at the start of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Its guard lives.
    Running,
    /// It has ended, or it is lost and nothing of it is left.
    Ended(ExitRecord),
}

/// A run that was found at the start of a worker.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Which.
    pub id: RunId,
    /// What was to run.
    pub launch: Launch,
    /// How long its attempt has run, as far as is known: for the agent that adopts it.
    pub elapsed: Millis,
    /// What is true of it.
    pub truth: Truth,
}

impl Recovered {
    fn of(id: RunId, folder: &RunFolder, launch: Launch, truth: Truth) -> Self {
        let here = folder.running().map_or(Millis::ZERO, |running| wall_time().since(running.started));
        Self { id, elapsed: launch.elapsed.plus(here), launch, truth }
    }
}

/// The root folder. While this lives, no other worker can open it.
#[derive(Debug)]
pub struct Runs {
    root: PathBuf,
    runs: PathBuf,
    tag: String,
    trash: Trash,
    discarded: AtomicU64,
    _lock: File,
}

/// Folders that nobody needs any more.
#[derive(Clone, Debug)]
pub struct Trash(PathBuf);

impl Trash {
    /// Deletes what lies there. What cannot be deleted stays, said, and is tried again by the next worker of the folder.
    pub fn empty(&self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let path = entry.path();
            let removed = fs::remove_dir_all(&path).or_else(|_| {
                open_up(&path);
                fs::remove_dir_all(&path)
            });
            if let Err(error) = removed {
                tracing::warn!(path = %path.display(), %error, "what a task left cannot be deleted");
            }
        }
    }
}

/// Gives folders back the rights without which what lies in them cannot be deleted.
fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

impl Runs {
    /// Opens the root, and makes it where it is not there.
    ///
    /// # Errors
    /// When it cannot be used, or another worker has it.
    pub fn open(root: &Path) -> Result<Self, Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(Error::root(root))?;
        let root = root.canonicalize().map_err(Error::root(root))?;
        let path = root.join(holder::LOCK_FILE);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(Error::root(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::RootTaken { path: root }),
            Err(TryLockError::Error(source)) => return Err(Error::Root { path, source }),
        }
        holder::write(&lock).map_err(Error::root(&path))?;
        let runs = root.join("runs");
        DirBuilder::new().recursive(true).mode(0o700).create(&runs).map_err(Error::root(&runs))?;
        let trash = Trash(root.join("trash"));
        DirBuilder::new().recursive(true).mode(0o700).create(&trash.0).map_err(Error::root(&trash.0))?;
        files::sync_folder(&root).map_err(Error::root(&root))?;
        // Names of cgroups are shared by all workers of a host; the folder itself tells them apart.
        let about = fs::metadata(&root).map_err(Error::root(&root))?;
        let tag = format!("{:x}-{:x}", about.dev(), about.ino());
        Ok(Self { root, runs, tag, trash, discarded: AtomicU64::new(0), _lock: lock })
    }

    /// The worker's own folder, in which all others lie.
    #[must_use]
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that those of the runs lie in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.runs
    }

    /// The folder of a run, whether it is there or not.
    #[must_use]
    pub fn run(&self, id: RunId) -> RunFolder {
        RunFolder::at(self.runs.join(id.to_string()))
    }

    /// The lease of all runs.
    #[must_use]
    pub fn lease(&self) -> LeaseFile {
        LeaseFile::of(&self.root)
    }

    /// What the cgroups or the container of a run are called.
    #[must_use]
    pub fn group(&self, id: RunId) -> String {
        format!("wharfinger-{}-{id}", self.tag)
    }

    /// Every run whose end was not yet reported, with its truth. What a killed guard left behind is killed.
    ///
    /// A guard that was started but has not come to its lock cannot slip in: the record of the end is written under that lock, and a
    /// guard that finds one ends at once.
    ///
    /// # Errors
    /// When a folder cannot be read or a record cannot be written.
    pub fn recover(&self) -> Result<Vec<Recovered>, Error> {
        let mut found = Vec::new();
        let mut dead = Vec::new();
        for id in self.ids()? {
            let folder = self.run(id);
            let path = folder.path().to_owned();
            if folder.has("reported") {
                continue;
            }
            let launch = match folder.launch() {
                Ok(launch) => launch,
                Err(error) if folder.has("begun") => return Err(Error::root(&path)(error)),
                // A guard is started only after this file is whole: nothing ever ran here, and the order will come again.
                Err(_) => {
                    fs::remove_dir_all(&path).map_err(Error::root(&path))?;
                    continue;
                }
            };
            let truth = match folder.try_lock().map_err(Error::root(&path))? {
                None => Some(Truth::Running),
                Some(lock) => match folder.exit().map_err(Error::root(&path))? {
                    Some(record) => Some(Truth::Ended(record)),
                    None => {
                        dead.push((id, folder, launch.clone(), lock));
                        None
                    }
                },
            };
            found.extend(truth.map(|truth| Recovered::of(id, &self.run(id), launch.launch, truth)));
        }
        let running = |id: RunId| found.iter().any(|run| run.id == id && run.truth == Truth::Running);
        let sessions: Vec<Session> = dead.iter().filter_map(|(_, folder, ..)| session(folder, self.last_alive())).collect();
        orphans::kill(&self.runs, &sessions, |id| !running(id));
        for (id, folder, launch, _lock) in dead {
            let record = last_look(&folder, &launch).map_err(Error::root(folder.path()))?;
            folder.put_exit(&record).map_err(Error::root(folder.path()))?;
            found.push(Recovered::of(id, &folder, launch.launch, Truth::Ended(record)));
        }
        found.sort_by_key(|run| run.id);
        Ok(found)
    }

    /// Removes containers of this root that belong to no run that goes on: a folder that was deleted knows nothing of its own.
    ///
    /// # Errors
    /// When Docker cannot be asked.
    pub fn sweep(&self, engine: &Engine, recovered: &[Recovered]) -> Result<(), Error> {
        let Engine::Docker(engine) = engine else { return Ok(()) };
        let running = recovered.iter().filter(|run| run.truth == Truth::Running);
        let keep = running.map(|run| self.group(run.id)).collect();
        let swept = docker::sweep(engine, &self.root.to_string_lossy(), &keep).map_err(Error::root(&engine.socket))?;
        if swept > 0 {
            tracing::warn!(swept, "containers that belonged to no run of this worker were removed");
        }
        Ok(())
    }

    /// The end of a run whose guard is gone: its record, or, where the guard was killed, one that is written now that all of its
    /// processes are.
    ///
    /// # Errors
    /// When the record can neither be read nor written.
    pub(crate) fn conclude(&self, id: RunId) -> io::Result<ExitRecord> {
        let folder = self.run(id);
        let _lock = folder.try_lock()?.ok_or_else(|| io::Error::other("its guard is gone, but somebody holds its lock"))?;
        if let Some(record) = folder.exit()? {
            return Ok(record);
        }
        let launch = folder.launch()?;
        let sessions: Vec<Session> = session(&folder, boot_time()).into_iter().collect();
        orphans::kill(&self.runs, &sessions, |other| other == id);
        let record = last_look(&folder, &launch)?;
        folder.put_exit(&record)?;
        Ok(record)
    }

    /// The end of a run is known where it matters: a restart says no more of it, and its folder may go.
    ///
    /// # Errors
    /// When the mark cannot be made.
    pub fn acknowledge(&self, id: RunId) -> io::Result<()> {
        let folder = self.run(id);
        self.discard(&folder.file(image::FOLDER))?;
        // Its logs are kept; what the task wrote for itself is not.
        self.discard(&folder.work())?;
        files::put(&folder.file("reported"), b"")
    }

    /// A run goes on from where earlier placements of its attempt here stood still: those have nothing more to say, and nobody goes back to them.
    ///
    /// # Errors
    /// When one cannot be marked.
    pub(crate) fn supersede(&self, id: RunId) -> io::Result<()> {
        let earlier =
            |other: &RunId| other.task == id.task && other.run.attempt == id.run.attempt && other.run.placement < id.run.placement;
        for other in self.ids().map_err(io::Error::other)?.into_iter().filter(earlier) {
            let folder = self.run(other);
            if folder.has("exit.json") && !folder.has("reported") {
                self.acknowledge(other)?;
            }
        }
        Ok(())
    }

    /// Lets go of folders of runs whose end was acknowledged, the oldest first, until `keep` of them are left for their logs. Where none are,
    /// no checkpoint is either.
    ///
    /// # Errors
    /// When a folder cannot be read or moved.
    pub fn prune(&self, keep: usize) -> Result<(), Error> {
        if keep == 0 {
            let kept = self.root.join(image::KEPT);
            self.discard(&kept).map_err(Error::root(&kept))?;
        }
        let mut reported = Vec::new();
        for id in self.ids()? {
            if let Ok(mark) = fs::metadata(self.run(id).file("reported")) {
                reported.push((mark.mtime(), mark.mtime_nsec(), id));
            }
        }
        reported.sort_unstable();
        let surplus = reported.len().saturating_sub(keep);
        for (.., id) in &reported[..surplus] {
            self.discard(self.run(*id).path()).map_err(Error::root(self.run(*id).path()))?;
        }
        Ok(())
    }

    /// Takes a folder out of the way at once. Deleting what a task left in it may take long, and is [`Trash::empty`]'s.
    pub(crate) fn discard(&self, path: &Path) -> io::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        // A task may have taken its own folder's rights away, and it must be writable to be moved.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        let number = self.discarded.fetch_add(1, Ordering::Relaxed);
        fs::rename(path, self.trash.0.join(format!("{}-{number}", boot_time().0)))
    }

    /// Where discarded folders lie until they are deleted.
    #[must_use]
    pub fn trash(&self) -> Trash {
        self.trash.clone()
    }

    /// A part of what a run has put out; nothing where there is no such run.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn log(&self, id: RunId, stream: Stream, offset: u64, most: u32) -> io::Result<Option<LogPart>> {
        log::part(&self.run(id), stream, offset, most)
    }

    /// When the worker before this one surely lived: it renewed the lease. In time since boot. Until then it would have concluded the
    /// run of a guard that died, so no session of a run that is found dead now had ended.
    fn last_alive(&self) -> Millis {
        let renewed = fs::metadata(self.root.join(LEASE_FILE)).map_or(0, |about| about.mtime() * 1000 + about.mtime_nsec() / 1_000_000);
        Millis(boot_time().0.saturating_sub(wall_time().since(Millis(renewed.max(0) as u64)).0))
    }

    pub(crate) fn ids(&self) -> Result<Vec<RunId>, Error> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.runs).map_err(Error::root(&self.runs))? {
            let name = entry.map_err(Error::root(&self.runs))?.file_name();
            ids.extend(name.to_str().and_then(RunId::parse));
        }
        Ok(ids)
    }
}

/// What can be said of a run whose guard is gone without a word, and whose processes are, once what the engine has of it is removed.
fn last_look(folder: &RunFolder, launch: &LaunchFile) -> io::Result<ExitRecord> {
    let lost = guard_lost(folder, &launch.boot);
    match &launch.engine {
        Engine::Process(_) => {
            cgroup::end(launch.hierarchies(), &launch.group);
            Ok(lost)
        }
        Engine::Docker(engine) => {
            // One that was being checkpointed did not end by itself, whatever Docker says.
            let known = docker::conclude(engine, &launch.group)?.filter(|_| !folder.has(image::FOLDER));
            Ok(known.map_or(lost.clone(), |known| ExitRecord { started: lost.started.or(Some(known.ended)), ..known }))
        }
    }
}

/// The record of a run whose guard is gone without a word. The mark that the program may have run is not made durable, so after another boot
/// its absence proves nothing.
fn guard_lost(folder: &RunFolder, boot: &str) -> ExitRecord {
    let begun = folder.has("begun") || boot != boot_id();
    let started = folder.running().map(|running| running.started);
    ExitRecord { begun, started, ..ExitRecord::never_begun(Why::GuardLost, wall_time()) }
}

/// The session that a run's task had, in this boot.
fn session(folder: &RunFolder, until: Millis) -> Option<Session> {
    let launch = folder.launch().ok().filter(|launch| launch.boot == boot_id() && matches!(launch.engine, Engine::Process(_)));
    launch.and(folder.running()).map(|running| Session { id: running.pid, until })
}

/// Which boot of the host this is.
#[must_use]
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}
