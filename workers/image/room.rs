//! How much of a node's disk images take: of runs, on their way or whole, and those that are kept.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::Bytes;

use super::{FOLDER, KEPT, Trouble};

/// Whether there is room for one more image, beside those that a worker has in its root.
///
/// # Errors
/// When all together would take more than the most.
pub fn has_room(root: &Path, most: Option<Bytes>, size: Bytes) -> Result<(), Trouble> {
    let Some(most) = most else { return Ok(()) };
    let taken = taken(root);
    if taken.0.saturating_add(size.0) <= most.0 {
        return Ok(());
    }
    Err(Trouble::Refused(format!("images take {taken} of {most} here (--image-quota), and it has {size}")))
}

/// What is there. A file under several names takes its place once.
fn taken(root: &Path) -> Bytes {
    let runs = entries(&root.join("runs")).map(|run| run.path().join(FOLDER));
    let kept = entries(&root.join(KEPT)).map(|kept| kept.path());
    let parts = runs.chain(kept).flat_map(|image| [image.join("criu"), image]);
    let mut seen = HashSet::new();
    let files = parts.flat_map(|part: PathBuf| entries(&part)).filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
    Bytes(files.filter(|file| seen.insert((file.dev(), file.ino()))).map(|file| file.len()).sum())
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
        assert!(has_room(root.path(), Some(Bytes(7000)), Bytes(1000)).is_ok());
        assert!(has_room(root.path(), None, Bytes(u64::MAX)).is_ok());
        for size in [1001, u64::MAX] {
            let words = has_room(root.path(), Some(Bytes(7000)), Bytes(size)).unwrap_err().to_string();
            assert!(words.contains("--image-quota"), "{words}");
        }
    }
}
