//! The worker's program of this machine, which every host is to have.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The program and its digest.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    /// BLAKE3, as `worker status` says it.
    pub digest: String,
}

impl Program {
    /// The program in this file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn at(path: &Path) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?)?;
        Ok(Self { path: path.to_owned(), digest: hasher.finalize().to_hex().to_string() })
    }

    /// Its bytes, read when a host lacks them.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.path)
    }
}
