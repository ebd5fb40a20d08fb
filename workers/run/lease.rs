//! The lease on disk: until when the tasks of this worker may run if nobody says more.

use std::io;
use std::path::{Path, PathBuf};

use model::Millis;
use rustix::time::{ClockId, clock_gettime};

use super::files;

/// The file's name in the root of the runs.
pub const LEASE_FILE: &str = "lease";

/// Where the deadline is written: one file for all runs of a worker, so that a renewal is one small write.
#[derive(Clone, Debug)]
pub struct LeaseFile(PathBuf);

impl LeaseFile {
    /// The lease file in the root of the runs.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self(root.join(LEASE_FILE))
    }

    /// Renews the lease. The file needs not survive a power failure, because nothing runs after one.
    ///
    /// # Errors
    /// When the file cannot be written; the old deadline then holds.
    pub fn write(&self, deadline: Millis) -> io::Result<()> {
        files::put(&self.0, format!("{}\n", deadline.0).as_bytes())
    }

    /// The deadline in milliseconds of [`boot_time`]; nothing where the file is missing or makes no sense.
    #[must_use]
    pub fn read(&self) -> Option<Millis> {
        let text = files::read(&self.0).ok()??;
        text.trim().parse().ok().map(Millis)
    }
}

/// Time since the host booted, the time of its sleep included: a lease runs out while a laptop is shut.
#[must_use]
pub fn boot_time() -> Millis {
    millis(ClockId::Boottime)
}

/// Time since the Unix epoch.
#[must_use]
pub fn wall_time() -> Millis {
    millis(ClockId::Realtime)
}

fn millis(clock: ClockId) -> Millis {
    let time = clock_gettime(clock);
    Millis(time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_no_lease() {
        let folder = tempfile::tempdir().unwrap();
        let lease = LeaseFile::of(folder.path());
        assert_eq!(lease.read(), None);
        lease.write(Millis(17)).unwrap();
        assert_eq!(lease.read(), Some(Millis(17)));
        for garbage in [&b""[..], b"-4", b"soon", b"\xff\xfe", b"1 2"] {
            std::fs::write(folder.path().join(LEASE_FILE), garbage).unwrap();
            assert_eq!(lease.read(), None, "{garbage:?}");
        }
    }
}
