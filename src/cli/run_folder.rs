//! The output folder of one run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::failure::Failure;
use super::provenance;
use crate::report::files::{EventLog, OutputError, OutputFolder, names};
use crate::report::html::{HtmlReport, render};
use crate::report::recording::Recording;

/// An output folder that is being filled; it appears whole or not at all.
pub struct RunFolder(OutputFolder);

impl RunFolder {
    /// Begins a folder.
    pub fn create(target: &Path) -> Result<Self, Failure> {
        Ok(Self(OutputFolder::create(target)?))
    }

    /// Begins a folder within it.
    pub fn inside(&self, name: &str) -> Result<Self, Failure> {
        Self::create(&self.0.path(name))
    }

    /// Begins the event log.
    pub fn event_log(&self) -> Result<EventLog, OutputError> {
        self.0.event_log()
    }

    /// Begins the journal.
    pub fn journal(&self) -> Result<Box<dyn Write + Send>, Failure> {
        let path = self.0.path(names::JOURNAL);
        let file = File::create(&path).map_err(|error| Failure::system(path.display(), &error))?;
        Ok(Box::new(BufWriter::with_capacity(1 << 16, file)))
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.0.path(name);
        std::fs::write(&path, text).map_err(|error| Failure::system(path.display(), &error))
    }

    /// Writes the figures and tables of its run.
    pub fn write_recording(&self, recording: &Recording) -> Result<(), Failure> {
        Ok(self.0.write_recording(recording)?)
    }

    /// Writes the configuration, and the page about one run or several.
    pub fn write_report(&self, title: &str, configuration: &Value, runs: Vec<(String, &Recording)>) -> Result<(), Failure> {
        self.0.write_config(configuration)?;
        let report = HtmlReport {
            title,
            version: env!("CARGO_PKG_VERSION"),
            seed: runs.first().map_or(0, |(_, run)| run.summary.seed),
            command: &provenance::command(),
            configuration,
            runs,
        };
        self.write(names::REPORT, &render(&report))
    }

    /// Gives the folder its name. What was there of an earlier run is replaced.
    pub fn finish(self) -> Result<PathBuf, Failure> {
        Ok(self.0.finish()?)
    }
}
