//! Who holds the root of the runs: a line in the lock file, which tells the worker from another process that was given its number later.
//! Looking at it takes no lock, so that nobody who looks can be in the way of a worker that starts.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use procfs::process::Process;
use rustix::process::Pid;

use super::{boot_id, files};

/// The file whose lock a worker holds while it lives.
pub const LOCK_FILE: &str = "worker.lock";

/// Writes this process down as the holder, in the lock file that is locked.
pub fn write(mut lock: &File) -> io::Result<()> {
    let line = line(Pid::from_raw(std::process::id().cast_signed())).ok_or_else(|| io::Error::other("/proc does not know this process"))?;
    lock.set_len(0)?;
    lock.write_all(line.as_bytes())
}

/// The worker that has the root open, if one lives.
///
/// # Errors
/// When the lock file cannot be read.
pub fn holder(root: &Path) -> io::Result<Option<Pid>> {
    let Some(text) = files::read(&root.join(LOCK_FILE))? else { return Ok(None) };
    let pid = text.split(' ').next().and_then(|pid| Pid::from_raw(pid.parse().ok()?));
    Ok(pid.filter(|_| line(pid).is_some_and(|now| now == text)))
}

/// Number, start and boot of a process that lives.
fn line(pid: Option<Pid>) -> Option<String> {
    let number = pid?.as_raw_nonzero().get();
    let stat = Process::new(number).and_then(|process| process.stat()).ok()?;
    (stat.state != 'Z').then(|| format!("{number} {} {}\n", stat.starttime, boot_id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_the_very_process_that_wrote_the_line() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path()).unwrap(), None);
        let path = folder.path().join(LOCK_FILE);
        write(&File::create(&path).unwrap()).unwrap();
        let me = Pid::from_raw(std::process::id().cast_signed());
        assert_eq!(holder(folder.path()).unwrap(), me);
        // The number was given to another process since.
        let text = std::fs::read_to_string(&path).unwrap();
        let start = text.split(' ').nth(1).unwrap();
        std::fs::write(&path, text.replace(start, "1")).unwrap();
        assert_eq!(holder(folder.path()).unwrap(), None);
        std::fs::write(&path, "x").unwrap();
        assert_eq!(holder(folder.path()).unwrap(), None);
    }
}
