//! Opening files and reading text from them, so that no file, however wrong, is read into memory whole before it is known
//! to be text of sensible lines.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::{Fault, InputError};

/// The longest line that any input may have, in bytes.
pub const LONGEST_LINE: usize = 1 << 20;
/// How much is read at once.
const BLOCK: usize = 1 << 16;

/// A reader that refuses a long line as soon as it has passed, without keeping it.
#[derive(Debug)]
pub struct LineGuard<R> {
    inner: R,
    /// The longest line that passes, in bytes.
    longest: usize,
    /// Line ends so far.
    lines: u64,
    /// Bytes since the last line end.
    since: usize,
}

/// The error that a [`LineGuard`] puts into an [`io::Error`].
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("line {line} is too long")]
struct LongLine {
    line: u64,
}

impl<R: Read> LineGuard<R> {
    /// Guards a reader against lines longer than [`LONGEST_LINE`].
    pub fn new(inner: R) -> Self {
        Self::up_to(inner, LONGEST_LINE)
    }

    /// Guards a reader against lines longer than so many bytes.
    pub fn up_to(inner: R, longest: usize) -> Self {
        Self { inner, longest, lines: 0, since: 0 }
    }
}

impl<R: Read> Read for LineGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Blocks are much shorter than the longest line, so only a line that began in an earlier block can be too long.
        let most = buffer.len().min(BLOCK);
        let count = self.inner.read(&mut buffer[..most])?;
        let block = &buffer[..count];
        let first = block.iter().position(|&byte| byte == b'\n');
        if self.since + first.unwrap_or(count) > self.longest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, LongLine { line: self.lines + 1 }));
        }
        match block.iter().rposition(|&byte| byte == b'\n') {
            Some(last) => self.since = count - last - 1,
            None => self.since += count,
        }
        self.lines += block.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
        Ok(count)
    }
}

/// Opens a file for reading.
///
/// # Errors
/// When it is missing, a directory, empty or unreadable.
pub fn open_file(path: &Path) -> Result<File, InputError> {
    let failed = |error: io::Error| io_fault(&error).0.in_file(path);
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() {
        return Err(Fault::Directory.in_file(path));
    }
    if about.is_file() && about.len() == 0 {
        return Err(Fault::Empty("it has no bytes").in_file(path));
    }
    Ok(file)
}

/// Opens a file for reading lines.
///
/// # Errors
/// As [`open_file`].
pub fn open_lines(path: &Path) -> Result<BufReader<LineGuard<File>>, InputError> {
    open_file(path).map(|file| BufReader::with_capacity(BLOCK, LineGuard::new(file)))
}

/// Reads a whole document.
///
/// # Errors
/// As [`open_file`], and where a line is too long or it is not UTF-8.
pub fn read_document(path: &Path) -> Result<String, InputError> {
    let mut bytes = Vec::new();
    open_lines(path)?.read_to_end(&mut bytes).map_err(|error| read_failed(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        Fault::NotText.on_line(path, line)
    })
}

/// The error of a failed read, with the line where the failure knows it.
pub fn read_failed(path: &Path, error: &io::Error) -> InputError {
    match io_fault(error) {
        (fault, Some(line)) => fault.on_line(path, line),
        (fault, None) => fault.in_file(path),
    }
}

fn io_fault(error: &io::Error) -> (Fault, Option<u64>) {
    if let Some(long) = error.get_ref().and_then(|inner| inner.downcast_ref::<LongLine>()) {
        return (Fault::LongLine, Some(long.line));
    }
    let fault = match error.kind() {
        io::ErrorKind::NotFound => Fault::Missing,
        io::ErrorKind::IsADirectory => Fault::Directory,
        _ => Fault::Unreadable(error.to_string()),
    };
    (fault, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_line_of_a_gigabyte_is_refused_after_a_mebibyte() {
        struct Endless {
            given: usize,
        }
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(self.given < 2 << 20, "it was read on");
                buffer.fill(b'x');
                if self.given == 0 {
                    buffer[1] = b'\n';
                }
                self.given += buffer.len();
                Ok(buffer.len())
            }
        }
        let mut sink = Vec::new();
        let error = LineGuard::new(Endless { given: 0 }).read_to_end(&mut sink).unwrap_err();
        let error = read_failed(Path::new("big.json"), &error);
        assert_eq!((error.fault, error.place.line), (Fault::LongLine, Some(2)));
    }

    #[test]
    fn a_line_of_just_under_the_limit_passes_in_any_blocks() {
        let text = ["a".repeat(LONGEST_LINE), "b".into(), "c".repeat(LONGEST_LINE), String::new()].join("\n");
        let mut back = String::new();
        LineGuard::new(text.as_bytes()).read_to_string(&mut back).unwrap();
        assert_eq!(back.len(), text.len());
        let mut long = "a".repeat(LONGEST_LINE + 1);
        long.push('\n');
        assert!(LineGuard::new(long.as_bytes()).read_to_string(&mut back).is_err());
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |path: &Path| read_document(path).unwrap_err().fault;
        assert_eq!(refusal(folder.path()), Fault::Directory);
        assert_eq!(refusal(&folder.path().join("none.json")), Fault::Missing);
        let empty = folder.path().join("empty");
        File::create(&empty).unwrap();
        assert!(matches!(refusal(&empty), Fault::Empty(_)));
        let latin = folder.path().join("latin");
        File::create(&latin).unwrap().write_all(b"{\n\"caf\xe9\": 1}").unwrap();
        let error = read_document(&latin).unwrap_err();
        assert_eq!((error.fault, error.place.line), (Fault::NotText, Some(2)));
    }
}
