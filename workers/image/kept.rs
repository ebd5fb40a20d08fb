//! Checkpoints that are kept for later attempts: the latest of each task instance, in `kept/JOB-INSTANCE` of the worker's root.
//!
//! One costs no more of the disk than its image has anyway: its files are links to those of the run, which are never changed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use model::{JobId, TaskKey};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::List;
use super::list::LIST;

/// The folder of all of them.
pub const KEPT: &str = "kept";
/// The most that are kept; of more the oldest go.
const MOST: usize = 100;

/// Where the one of a task instance lies, if there is one.
pub fn place(root: &Path, task: TaskKey) -> PathBuf {
    root.join(KEPT).join(name(task))
}

fn name(task: TaskKey) -> String {
    format!("{}-{}", task.job.0, task.instance)
}

/// The task instance whose one is called so.
pub fn task_of(folder: &str) -> Option<TaskKey> {
    let (job, instance) = folder.split_once('-')?;
    let task = TaskKey { job: JobId(job.parse().ok()?), instance: instance.parse().ok()? };
    (name(task) == folder).then_some(task)
}

/// Keeps an image as the latest of a task instance. Until it is whole the one before stays.
///
/// # Errors
/// When it cannot be kept; the one before is then.
pub fn keep(root: &Path, task: TaskKey, image: &Path, list: &List) -> io::Result<()> {
    let place = place(root, task);
    let fresh = place.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    DirBuilder::new().recursive(true).mode(0o700).create(fresh.join("criu"))?;
    for name in list.files.iter().map(|file| &file.name[..]).chain([LIST]) {
        fs::hard_link(image.join(name), fresh.join(name))?;
    }
    if place.exists() {
        renameat_with(CWD, &fresh, CWD, &place, RenameFlags::EXCHANGE)?;
        fs::remove_dir_all(&fresh)?;
    } else {
        fs::rename(&fresh, &place)?;
    }
    prune(&root.join(KEPT))
}

/// Removes the oldest above the most.
fn prune(kept: &Path) -> io::Result<()> {
    let mut ages = Vec::new();
    for entry in fs::read_dir(kept)? {
        let path = entry?.path();
        ages.push((fs::metadata(path.join(LIST)).and_then(|about| about.modified()).ok(), path));
    }
    ages.sort_unstable();
    for (_, path) in &ages[..ages.len().saturating_sub(MOST)] {
        fs::remove_dir_all(path)?;
    }
    Ok(())
}
