//! How much of a node's disk images take: of runs, on their way or whole, and those that are kept.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::Bytes;

use super::{FOLDER, KEPT, Trouble};
use crate::run::RunFolder;

/// Whether there is room for all images that a worker has in its root, and for those on their way to it.
///
/// # Errors
/// When all together take more than the most.
pub fn has_room(root: &Path, most: Option<Bytes>) -> Result<(), Trouble> {
    let Some(most) = most else { return Ok(()) };
    let taken = taken(root);
    if taken <= most {
        return Ok(());
    }
    Err(Trouble::Refused(format!("images would take {taken} here, and may take {most} (--image-quota)")))
}

/// What is there or will be. A file under several names takes its place once.
fn taken(root: &Path) -> Bytes {
    let mut seen = HashSet::new();
    let mut present = |image: &Path| -> u64 {
        let files = [image.join("criu"), image.to_owned()].into_iter().flat_map(|part| entries(&part));
        let files = files.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
        files.filter(|file| seen.insert((file.dev(), file.ino()))).map(|file| file.len()).sum()
    };
    let runs = entries(&root.join("runs")).map(|run| (present(&run.path().join(FOLDER)), promised(run.path())));
    let runs: u64 = runs.map(|(here, whole)| whole.max(here)).sum();
    let kept: u64 = entries(&root.join(KEPT)).map(|kept| present(&kept.path())).sum();
    Bytes(runs.saturating_add(kept))
}

/// The size of the image that a run fetches, while it does.
fn promised(run: PathBuf) -> u64 {
    let folder = RunFolder::at(run);
    if !folder.has(FOLDER) || folder.has("exit.json") || folder.running().is_some() {
        return 0;
    }
    folder.launch().ok().and_then(|file| file.launch.resume).map_or(0, |resume| resume.size.0)
}

/// What is in a folder, if it is there.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(taken(root.path()), Bytes(6000));
        assert!(has_room(root.path(), Some(Bytes(6000))).is_ok());
        assert!(has_room(root.path(), None).is_ok());
        let words = has_room(root.path(), Some(Bytes(5999))).unwrap_err().to_string();
        assert!(words.contains("--image-quota"), "{words}");
    }
}
