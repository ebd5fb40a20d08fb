//! One output stream of a task: from its pipe to a file that does not outgrow its cap.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::run::{RunFolder, Stream};

/// As much as a pipe holds by default, read in one go.
const CHUNK: usize = 64 << 10;
/// How many chunks are read before other events have their turn.
const CHUNKS_A_TURN: usize = 16;

/// An output stream. It is written to files of half the cap each, of which the latest two are kept, so that at least the last half of the
/// cap is always there. A file is called after the first byte that it holds: a reader needs no more to know where it is.
#[derive(Debug)]
pub struct Output {
    pipe: Option<File>,
    file: File,
    folder: RunFolder,
    stream: Stream,
    /// Where the file begins, and the one before it.
    from: u64,
    before: Option<u64>,
    size: u64,
    most: u64,
    /// Bytes that could not be written.
    pub lost: u64,
}

impl Output {
    /// The stream, and the end of its pipe that the task writes to.
    pub fn open(folder: &RunFolder, stream: Stream, cap: u64) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only our end: the task expects writes that wait.
        fcntl_setfl(&reader, fcntl_getfl(&reader)? | OFlags::NONBLOCK)?;
        Ok((Self { pipe: Some(File::from(reader)), ..Self::plain(folder, stream, cap)? }, writer))
    }

    /// A stream without a pipe: it holds what it is given.
    pub fn plain(folder: &RunFolder, stream: Stream, cap: u64) -> io::Result<Self> {
        let (file, folder, most) = (create(&folder.output(stream, 0))?, folder.clone(), (cap / 2).max(1));
        Ok(Self { pipe: None, file, folder, stream, from: 0, before: None, size: 0, most, lost: 0 })
    }

    /// What to wait for, until the last writer is gone.
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(File::as_fd)
    }

    /// Moves what is in the pipe to the file, a bounded amount at a time. Answers whether there may be more.
    pub fn pump(&mut self, buffer: &mut Vec<u8>) -> bool {
        buffer.resize(CHUNK, 0);
        for _ in 0..CHUNKS_A_TURN {
            let Some(pipe) = &mut self.pipe else { return false };
            match pipe.read(buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) => self.keep(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => self.pipe = None,
            }
        }
        self.pipe.is_some()
    }

    /// Writes more of it.
    pub fn keep(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            if self.size >= self.most && self.turn_over().is_err() {
                self.lost += text.len() as u64;
                return;
            }
            let (now, later) = text.split_at(text.len().min((self.most - self.size) as usize));
            // On a full disk output is lost, and counted; the task goes on.
            match self.file.write_all(now) {
                Ok(()) => self.size += now.len() as u64,
                Err(_) => self.lost += now.len() as u64,
            }
            text = later;
        }
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let next = self.from + self.size;
        self.file = create(&self.folder.output(self.stream, next))?;
        if let Some(oldest) = self.before.replace(self.from) {
            fs::remove_file(self.folder.output(self.stream, oldest))?;
        }
        (self.from, self.size) = (next, 0);
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_much_output_is_kept_within_the_cap() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(root.path().to_owned());
        let (mut output, writer) = Output::open(&folder, Stream::Out, 1000).unwrap();
        let mut writer = File::from(writer);
        let mut buffer = Vec::new();
        for line in 0..500 {
            writeln!(writer, "{line:06}").unwrap();
            output.pump(&mut buffer);
        }
        drop(writer);
        assert!(!output.pump(&mut buffer) && output.pipe().is_none());
        // 500 lines of 7 bytes each.
        let (earlier, latest) = (fs::read(folder.output(Stream::Out, 2500)).unwrap(), fs::read(folder.output(Stream::Out, 3000)).unwrap());
        assert_eq!((earlier.len(), latest.len(), fs::read_dir(root.path()).unwrap().count()), (500, 500, 2));
        assert!(latest.ends_with(b"000499\n"));
    }
}
