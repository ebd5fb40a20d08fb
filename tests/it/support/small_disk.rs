//! A disk that is really full: a small file system in memory, where this user may mount one. The tests of the store and of the live system
//! both have it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, until it is dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one that holds so much, or says why the test skips.
    ///
    /// # Panics
    /// In CI, which may mount one, when it cannot.
    pub fn mount(at: &Path, size: &str) -> Option<Self> {
        let mount = || Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        let mounted = std::fs::create_dir_all(at).and_then(|()| mount());
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        assert!(std::env::var_os("CI").is_none(), "no file system can be mounted; CI has all parts, so this test never skips there");
        eprintln!("skipped: a small file system cannot be mounted");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
