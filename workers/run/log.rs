//! Reading what a run has put out, while its guard goes on writing.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use engine::question::LogPart;

use super::{RunFolder, Stream};

/// A part of a stream, from a byte of all that was ever put out; later where the beginning is no longer kept.
pub fn part(folder: &RunFolder, stream: Stream, offset: u64, most: u32) -> io::Result<Option<LogPart>> {
    // Asked first: what ends meanwhile has at worst more to come that does not.
    let ended = folder.has("exit.json");
    let starts = match starts(folder, stream) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        starts => starts?,
    };
    let mut part = LogPart { offset, bytes: Vec::new(), more: !ended };
    let mut found = false;
    for start in starts {
        let mut file = match File::open(folder.output(stream, start)) {
            // The guard keeps two files and has just begun another: the part begins later.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let length = file.metadata()?.len();
        if !std::mem::replace(&mut found, true) {
            part.offset = part.offset.max(start);
        }
        let next = part.offset + part.bytes.len() as u64;
        if next < start || next >= start + length {
            continue;
        }
        file.seek(SeekFrom::Start(next - start))?;
        let room = u64::from(most) - part.bytes.len() as u64;
        let wanted = room.min(start + length - next);
        file.take(wanted).read_to_end(&mut part.bytes)?;
        part.more |= part.offset + (part.bytes.len() as u64) < start + length;
    }
    Ok(Some(part))
}

/// Where the files begin that are there, ascending.
fn starts(folder: &RunFolder, stream: Stream) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    for entry in fs::read_dir(folder.path())? {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_prefix(stream.name())?.strip_prefix('.')?.parse().ok());
        starts.extend(number);
    }
    starts.sort_unstable();
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_run_over_files_and_begin_later_where_the_beginning_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(root.path().to_owned());
        fs::write(folder.output(Stream::Out, 10), "abcdefghij").unwrap();
        fs::write(folder.output(Stream::Out, 20), "klm").unwrap();
        let read = |offset, most| {
            let LogPart { offset, bytes, more } = part(&folder, Stream::Out, offset, most).unwrap().unwrap();
            (offset, String::from_utf8(bytes).unwrap(), more)
        };
        assert_eq!(read(0, 100), (10, "abcdefghijklm".into(), true));
        fs::write(folder.file("exit.json"), "").unwrap();
        assert_eq!(read(0, 100), (10, "abcdefghijklm".into(), false));
        assert_eq!(read(18, 3), (18, "ijk".into(), true));
        assert_eq!(read(18, 2), (18, "ij".into(), true));
        assert_eq!(read(20, 3), (20, "klm".into(), false));
        assert_eq!(read(23, 3), (23, String::new(), false));
        assert_eq!(read(99, 3).1, "");
        let nothing = part(&RunFolder::at(root.path().join("none")), Stream::Out, 0, 9).unwrap();
        assert_eq!(nothing, None);
    }
}
