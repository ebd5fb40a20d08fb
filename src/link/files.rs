//! Folders and files that nobody else may read: mode 0700 and 0600, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::LinkError;
use crate::crypto::random;

/// No key file of ours comes near it.
const LARGEST_FILE: u64 = 256 * 1024;

/// Makes the folder, with those above it, or checks that it is ours and that nobody else may look into it.
pub(crate) fn private_folder(path: &Path) -> Result<(), LinkError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| LinkError::folder(path, error))?;
    let metadata = fs::metadata(path).map_err(|error| LinkError::folder(path, error))?;
    check_owner(path, &metadata)
}

/// A folder that others may enter is refused and not mended: they may have read what is in it.
fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), LinkError> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(LinkError::folder(path, "it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        let most = if metadata.is_dir() { "0700" } else { "0600" };
        return Err(LinkError::folder(path, format!("others may use it (mode {:o}); set {most}", metadata.mode() & 0o777)));
    }
    Ok(())
}

/// The text of a file, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<SecretString>, LinkError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LinkError::folder(path, error)),
    };
    check_owner(path, &file.metadata().map_err(|error| LinkError::folder(path, error))?)?;
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text).map_err(|error| LinkError::folder(path, error))?;
    Ok(Some(text.into()))
}

/// Writes a file durably, in the place of one that may be there.
pub(crate) fn replace(folder: &Path, name: &str, text: &SecretString) -> Result<(), LinkError> {
    write(folder, name, text, |new, path| fs::rename(new, path))
}

/// Writes a file durably unless there is one; says whether it did. Of two writers at the same time one wins.
pub(crate) fn create(folder: &Path, name: &str, text: &SecretString) -> Result<bool, LinkError> {
    let mut made = true;
    write(folder, name, text, |new, path| {
        let linked = fs::hard_link(new, path);
        fs::remove_file(new)?;
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => made = false,
            other => other?,
        }
        Ok(())
    })?;
    Ok(made)
}

fn write(folder: &Path, name: &str, text: &SecretString, place: impl FnOnce(&Path, &Path) -> std::io::Result<()>) -> Result<(), LinkError> {
    private_folder(folder)?;
    let path = folder.join(name);
    let new = folder.join(format!(".{name}.{:016x}", u64::from_le_bytes(random())));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.expose_secret().as_bytes())?;
        file.sync_all()?;
        place(&new, &path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&new);
        LinkError::folder(&path, error)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_private_is_private_and_the_first_writer_wins() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a/b");
        assert!(create(&folder, "x", &"one".to_owned().into()).unwrap());
        assert!(!create(&folder, "x", &"two".to_owned().into()).unwrap());
        assert_eq!(read(&folder.join("x")).unwrap().unwrap().expose_secret(), "one");
        replace(&folder, "x", &"three".to_owned().into()).unwrap();
        assert_eq!(read(&folder.join("x")).unwrap().unwrap().expose_secret(), "three");
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(folder.join("x")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(read(&folder.join("y")).unwrap().is_none());
    }

    #[test]
    fn what_others_may_read_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a");
        replace(&folder, "x", &"one".to_owned().into()).unwrap();
        fs::set_permissions(folder.join("x"), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(read(&folder.join("x")).unwrap_err().code(), "link-folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let error = private_folder(&folder).unwrap_err();
        assert!(error.to_string().contains("mode 755"), "{error}");
    }
}
