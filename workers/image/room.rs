//! How much of a node's disk images take: of runs, on their way or whole, and those that are kept.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::{Bytes, TaskKey};

use super::{FOLDER, KEPT, Source, Trouble, place};
use crate::run::RunFolder;

/// What is known beforehand of the size of an image that is yet to be made.
pub const SOME: Bytes = Bytes(1);

/// Whether there is room for all images that a worker has in its root, for those on their way to it, and for so much more; but for the one that
/// is kept of a task, where that is to be replaced.
///
/// # Errors
/// When all together take more than the most.
pub fn has_room(root: &Path, most: Option<Bytes>, more: Bytes, replaced: Option<TaskKey>) -> Result<(), Trouble> {
    let Some(most) = most else { return Ok(()) };
    let taken = taken(root, replaced);
    if taken.0.saturating_add(more.0) <= most.0 {
        return Ok(());
    }
    Err(Trouble::Refused(format!("images take {taken} here, and may take {most} (--image-quota)")))
}

/// What is there or will be. A file under several names takes its place once.
fn taken(root: &Path, replaced: Option<TaskKey>) -> Bytes {
    let mut seen = HashSet::new();
    let mut present = |image: &Path| -> u64 {
        let files = [image.join("criu"), image.to_owned()].into_iter().flat_map(|part| entries(&part));
        let files = files.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
        files.filter(|file| seen.insert((file.dev(), file.ino()))).map(|file| file.len()).sum()
    };
    let runs = entries(&root.join("runs")).map(|run| (present(&run.path().join(FOLDER)), promised(run.path())));
    let runs: u64 = runs.map(|(here, whole)| whole.max(here)).sum();
    let replaced = replaced.map(|task| place(root, task));
    let kept = entries(&root.join(KEPT)).map(|kept| kept.path()).filter(|kept| Some(kept) != replaced.as_ref());
    let kept: u64 = kept.map(|kept| present(&kept)).sum();
    Bytes(runs.saturating_add(kept))
}

/// The size of the image that a run fetches, while it does.
fn promised(run: PathBuf) -> u64 {
    let folder = RunFolder::at(run);
    if !folder.has(FOLDER) || folder.has("exit.json") || folder.running().is_some() {
        return 0;
    }
    let resume = folder.launch().ok().and_then(|file| file.launch.resume);
    // What is here already is linked.
    resume.filter(|resume| resume.source != Source::Here).map_or(0, |resume| resume.size.0)
}

/// What is in a folder, if it is there.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use model::{JobId, Millis, Placement, Run, Start};

    use super::*;
    use crate::run::{Engine, Launch, LaunchFile, ProcessEngine, Resume, RunId, Running, Runs};

    #[test]
    fn an_image_that_is_kept_too_takes_its_place_once() {
        let root = tempfile::tempdir().unwrap();
        let [run, kept] = ["runs/1-0-1-1/image/criu", "kept/1-0/criu"].map(|folder| root.path().join(folder));
        for folder in [&run, &kept] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(run.join("pages-1.img"), vec![7; 5000]).unwrap();
        fs::hard_link(run.join("pages-1.img"), kept.join("pages-1.img")).unwrap();
        fs::write(run.with_file_name("files.tar"), vec![7; 1000]).unwrap();
        fs::write(kept.join("more.img"), vec![7; 500]).unwrap();
        let task = TaskKey { job: JobId(1), instance: 0 };
        assert_eq!([None, Some(task)].map(|replaced| taken(root.path(), replaced)), [6500, 6000].map(Bytes));
        let room = |most: Option<u64>, more| has_room(root.path(), most.map(Bytes), more, None);
        assert!(room(Some(6500), Bytes(0)).is_ok() && room(None, SOME).is_ok());
        for refused in [room(Some(6499), Bytes(0)), room(Some(6500), SOME)] {
            let words = refused.unwrap_err().to_string();
            assert!(words.contains("--image-quota"), "{words}");
        }
    }

    #[test]
    fn what_is_on_its_way_takes_its_whole_size() {
        let root = tempfile::tempdir().unwrap();
        let runs = Runs::open(root.path()).unwrap();
        let task = TaskKey { job: JobId(1), instance: 0 };
        let run = |placement| RunId { task, run: Run { attempt: 1, placement } };
        let Placement { cpuset, memory, spec, limit, elapsed, ends, resume, .. } = Placement::default();
        let start = Start { cpuset, memory, spec, limit, elapsed, ends, resume };
        for (placement, size) in [(1, 4000), (2, 300)] {
            let source = Source::There { worker: "w".parse().unwrap(), address: String::new() };
            let resume = Some(Resume { source, size: Bytes(size), kept: false });
            let launch = Launch { resume, ..Launch::of(task, run(placement).run, &start) };
            let engine = Engine::Process(ProcessEngine::default());
            let folder = RunFolder::create(runs.folder(), run(placement)).unwrap();
            folder.put_launch(&LaunchFile { launch, boot: String::new(), output_cap: Bytes(0), group: String::new(), engine }).unwrap();
            let image = folder.file(FOLDER).join("criu");
            fs::create_dir_all(&image).unwrap();
            fs::write(image.join("pages-1.img"), vec![7; 500]).unwrap();
        }
        assert_eq!(taken(root.path(), None), Bytes(4500), "of the second more is there than was said");
        runs.run(run(1)).put_running(Running { pid: 0, started: Millis(1) }).unwrap();
        assert_eq!(taken(root.path(), None), Bytes(1000), "what runs has all of it");
    }
}
