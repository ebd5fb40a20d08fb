//! An output folder that appears whole or not at all.
//!
//! All files go into a temporary folder beside the target, which takes the target's name at the end. A folder that is
//! there already is replaced only where it is empty, or where it is one of ours: it holds the file [`MARKER`], and
//! nothing beside what the marker lists. So nothing that a user put there is ever lost.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{EventLog, OutputError, jobs, names, series};
use crate::report::recording::Recording;

/// The file that tells a folder of ours.
const MARKER: &str = ".wharfinger-run.json";

/// What the marker says.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    /// Version of this file.
    format: u32,
    /// All files of the folder but this one, relative to it.
    files: BTreeSet<PathBuf>,
}

/// A folder that is being filled. Dropped unfinished it is removed.
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    temporary: TempDir,
}

impl OutputFolder {
    /// Begins a folder that will be `target`, whose parents are created.
    ///
    /// # Errors
    /// Where `target` is a file or a folder that is not ours, or cannot be made.
    pub fn create(target: &Path) -> Result<Self, OutputError> {
        let target = std::path::absolute(target).map_err(OutputError::io(target))?;
        check_replaceable(&target)?;
        let parent = target.parent().unwrap_or(&target);
        fs::create_dir_all(parent).map_err(OutputError::io(parent))?;
        let mut prefix = OsString::from(".");
        prefix.push(target.file_name().unwrap_or_default());
        prefix.push(".unfinished-");
        let temporary = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).map_err(OutputError::io(parent))?;
        Ok(Self { target, temporary })
    }

    /// Where a file goes until the folder is finished.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// The folder's final place.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Begins events.parquet. Finish or drop it before the folder is finished.
    ///
    /// # Errors
    /// Where the file cannot be created.
    pub fn event_log(&self) -> Result<EventLog, OutputError> {
        EventLog::create(&self.path(names::EVENTS))
    }

    /// Writes config.json.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_config(&self, config: &serde_json::Value) -> Result<(), OutputError> {
        write_json(&self.path(names::CONFIG), config)
    }

    /// Writes summary.json, jobs.csv, jobs.parquet and utilisation.csv.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write_recording(&self, recording: &Recording) -> Result<(), OutputError> {
        write_json(&self.path(names::SUMMARY), &recording.summary)?;
        jobs::write_csv(&self.path(names::JOBS_CSV), &recording.jobs)?;
        jobs::write_parquet(&self.path(names::JOBS), &recording.jobs)?;
        series::write_csv(&self.path(names::UTILISATION), recording)
    }

    /// Gives the folder its name, and returns it.
    ///
    /// # Errors
    /// Where a folder that is not ours has appeared meanwhile, or the file system refuses. The target is then as it was.
    pub fn finish(self) -> Result<PathBuf, OutputError> {
        let files = files_below(self.temporary.path())?;
        write_json(&self.path(MARKER), &Marker { format: 1, files })?;
        check_replaceable(&self.target)?;
        let Self { target, temporary } = self;
        let parent = target.parent().unwrap_or(&target);
        // The old folder steps aside first and comes back should the new one not get its name.
        let aside = tempfile::Builder::new().prefix(".replaced-").tempdir_in(parent).map_err(OutputError::io(parent))?;
        let old = aside.path().join("run");
        let replaces = target.exists();
        if replaces {
            fs::rename(&target, &old).map_err(OutputError::io(&target))?;
        }
        if let Err(error) = fs::rename(temporary.path(), &target) {
            if replaces {
                fs::rename(&old, &target).map_err(OutputError::io(&target))?;
            }
            return Err(OutputError::io(&target)(error));
        }
        // It is no longer there under its temporary name; nothing is left to remove.
        let _ = temporary.keep();
        Ok(target)
    }
}

/// Whether a folder may be replaced: absent, empty, or ours.
fn check_replaceable(target: &Path) -> Result<(), OutputError> {
    let there = match fs::symlink_metadata(target) {
        Ok(there) => there,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OutputError::io(target)(error)),
    };
    if !there.is_dir() {
        return Err(OutputError::NotAFolder { path: target.to_owned() });
    }
    let marker = fs::read(target.join(MARKER)).ok().and_then(|text| serde_json::from_slice::<Marker>(&text).ok());
    let ours = marker.map(|marker| marker.files).unwrap_or_default();
    let stranger = files_below(target)?.into_iter().find(|file| !ours.contains(file) && file != Path::new(MARKER));
    match stranger {
        Some(stranger) => Err(OutputError::NotOurs { path: target.to_owned(), stranger }),
        None => Ok(()),
    }
}

/// All that is in a folder but folders with something in them, relative to it. Links are not followed.
fn files_below(folder: &Path) -> Result<BTreeSet<PathBuf>, OutputError> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let path = folder.join(&below);
        let mut empty = true;
        for entry in fs::read_dir(&path).map_err(OutputError::io(&path))? {
            let entry = entry.map_err(OutputError::io(&path))?;
            empty = false;
            let name = below.join(entry.file_name());
            if entry.file_type().map_err(OutputError::io(&path))?.is_dir() {
                folders.push(name);
            } else {
                files.insert(name);
            }
        }
        if empty && below.components().any(|part| matches!(part, Component::Normal(_))) {
            files.insert(below);
        }
    }
    Ok(files)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), OutputError> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain data has a JSON form");
    text.push(b'\n');
    fs::write(path, text).map_err(OutputError::io(path))
}
