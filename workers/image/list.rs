//! The list of an image's files.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use model::Bytes;
use serde::{Deserialize, Serialize};

/// The folder of an image in that of its run.
pub const FOLDER: &str = "image";
/// What the container has changed in its files.
pub const FILES: &str = "files.tar";
/// The list itself.
pub(super) const LIST: &str = "list.json";
/// The most files of an image: CRIU writes some for each process and each thing that it has open.
const MOST_FILES: usize = 65_536;

/// Why an image cannot be made, got or used.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The system refuses.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The other worker cannot be reached.
    #[error("the worker that has the image: {0}")]
    Link(#[from] link::LinkError),
    /// The image is not what it should be.
    #[error("the image is refused: {0}")]
    Refused(String),
}

impl Trouble {
    /// For `map_err` of what is done with a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// A file of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the image's folder.
    pub name: String,
    /// Its size, bytes.
    pub size: u64,
    /// The BLAKE3 digest of what is in it.
    pub digest: [u8; 32],
}

/// All files of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The files.
    pub files: Vec<Entry>,
    /// The container's address on the network of its job: it is asked for again, so that connections stay.
    pub address: Option<IpAddr>,
}

impl List {
    /// Lists what lies in an image's folder, and writes that down there, durably enough for a restarted guard.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn make(folder: &Path, address: Option<IpAddr>) -> Result<Self, Trouble> {
        let mut files = Vec::new();
        for part in ["", "criu"] {
            let at = folder.join(part);
            for entry in fs::read_dir(&at).map_err(Trouble::io(&at))? {
                let path = entry.map_err(Trouble::io(&at))?.path();
                let name = path.strip_prefix(folder).ok().and_then(Path::to_str).unwrap_or_default().to_owned();
                if path.is_file() && name != LIST {
                    files.push(Entry { size: path.metadata().map_err(Trouble::io(&path))?.len(), digest: digest(&path)?, name });
                }
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let list = Self { files, address };
        list.check(list.size())?;
        let path = folder.join(LIST);
        let text = serde_json::to_vec(&list).map_err(|error| Trouble::Refused(error.to_string()))?;
        fs::write(&path, text).map_err(Trouble::io(&path))?;
        Ok(list)
    }

    /// The list of an image's folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Trouble> {
        let path = folder.join(LIST);
        let text = fs::read(&path).map_err(Trouble::io(&path))?;
        serde_json::from_slice(&text).map_err(|error| Trouble::Refused(error.to_string()))
    }

    /// The size of all files.
    #[must_use]
    pub fn size(&self) -> Bytes {
        Bytes(self.files.iter().fold(0, |sum, file| file.size.saturating_add(sum)))
    }

    /// Whether it can be the list of an image of this size: that was said by whoever made it, over another link.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, size: Bytes) -> Result<(), Trouble> {
        let refused = |what: String| Err(Trouble::Refused(what));
        if self.files.len() > MOST_FILES {
            return refused(format!("{} files: an image has {MOST_FILES} at most", self.files.len()));
        }
        if let Some(bad) = self.files.iter().find(|file| !is_ours(&file.name)) {
            return refused(format!("`{}` is no file of an image", bad.name.escape_default()));
        }
        if self.files.windows(2).any(|pair| pair[0].name >= pair[1].name) {
            return refused("its files are not in order, or one comes twice".into());
        }
        if self.size() != size {
            return refused(format!("it has {} bytes, and was to have {}", self.size().0, size.0));
        }
        Ok(())
    }

    /// Whether every file is there as the list says it.
    ///
    /// # Errors
    /// Which one is not.
    pub fn verify(&self, folder: &Path) -> Result<(), Trouble> {
        for file in &self.files {
            let path = folder.join(&file.name);
            let size = path.symlink_metadata().map_err(Trouble::io(&path))?;
            if !size.is_file() || size.len() != file.size || digest(&path)? != file.digest {
                return Err(Trouble::Refused(format!("`{}` is not as it was when the image was made", file.name)));
            }
        }
        Ok(())
    }
}

/// Plain names, in the folder or in that of CRIU's files.
fn is_ours(name: &str) -> bool {
    let plain = |name: &str| {
        !name.is_empty()
            && name.len() <= 255
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    name == FILES || name.strip_prefix("criu/").is_some_and(plain)
}

/// The digest of a file.
pub(super) fn digest(path: &Path) -> Result<[u8; 32], Trouble> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(Trouble::io(path))?;
    hasher.update_reader(file).map_err(Trouble::io(path))?;
    Ok(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> List {
        let entry = |name: &&str| Entry { name: (*name).to_owned(), size: 10, digest: [0; 32] };
        List { files: names.iter().map(entry).collect(), address: None }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert!(list(&["criu/core-1.img", "criu/pages-1.img", "files.tar"]).check(Bytes(30)).is_ok());
        for bad in ["../x", "/etc/passwd", "criu/../x", "criu/a/b", "criu/.hidden", "criu/", "other", "list.json", "criu/a\0"] {
            let refused = list(&[bad]).check(Bytes(10)).unwrap_err();
            assert!(matches!(refused, Trouble::Refused(_)), "{bad}: {refused}");
        }
        assert!(list(&["files.tar"]).check(Bytes(11)).is_err(), "truncated");
        assert!(list(&["files.tar"]).check(Bytes(9)).is_err(), "too large");
        assert!(list(&["criu/a", "criu/a"]).check(Bytes(20)).is_err(), "twice");
        let many: Vec<String> = (0..=MOST_FILES).map(|number| format!("criu/{number:06}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(list(&many[1..]).check(Bytes(10 * MOST_FILES as u64)).is_ok());
        assert!(list(&many).check(Bytes(10 * MOST_FILES as u64 + 10)).unwrap_err().to_string().contains("at most"));
    }

    #[test]
    fn what_was_changed_on_the_way_is_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("criu")).unwrap();
        fs::write(folder.path().join("criu/pages-1.img"), vec![7; 5000]).unwrap();
        fs::write(folder.path().join("files.tar"), "").unwrap();
        let made = List::make(folder.path(), None).unwrap();
        assert_eq!((List::read(folder.path()).unwrap(), made.size()), (made.clone(), Bytes(5000)));
        made.verify(folder.path()).unwrap();
        for content in [vec![8; 5000], vec![7; 4999]] {
            fs::write(folder.path().join("criu/pages-1.img"), content).unwrap();
            assert!(made.verify(folder.path()).is_err());
        }
        fs::remove_file(folder.path().join("criu/pages-1.img")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("criu/pages-1.img")).unwrap();
        assert!(made.verify(folder.path()).is_err());
    }
}
