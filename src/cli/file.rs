//! Files that appear whole or not at all.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::failure::Failure;

/// Writes a file whole or not at all, in place of one that is there.
pub fn write<T>(file: &Path, fill: impl FnOnce(&mut BufWriter<&mut std::fs::File>) -> io::Result<T>) -> Result<T, Failure> {
    let failed = |error: &io::Error| Failure::system(file.display(), error);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    let mut out = BufWriter::new(temporary.as_file_mut());
    let filled = fill(&mut out).and_then(|filled| out.flush().map(|()| filled)).map_err(|error| failed(&error))?;
    drop(out);
    temporary.persist(file).map_err(|error| failed(&error.error))?;
    Ok(filled)
}
