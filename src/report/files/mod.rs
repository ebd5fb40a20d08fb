//! The files of an output folder. Writes what was recorded; computes no figure.

mod event_log;
mod event_row;
mod folder;
mod jobs;
mod series;
mod sheet;
mod sheet_reader;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use self::event_log::EventLog;
pub use self::event_row::{Column as EventColumn, kind as event_kind};
pub use self::folder::OutputFolder;
pub use self::jobs::JobColumn;
pub use self::sheet_reader::SheetReader;

/// The names of the files in an output folder.
pub mod names {
    /// The figures.
    pub const SUMMARY: &str = "summary.json";
    /// One row a job, as text.
    pub const JOBS_CSV: &str = "jobs.csv";
    /// One row a job.
    pub const JOBS: &str = "jobs.parquet";
    /// The cluster over time.
    pub const UTILISATION: &str = "utilisation.csv";
    /// One row a public event.
    pub const EVENTS: &str = "events.parquet";
    /// What the run was told.
    pub const CONFIG: &str = "config.json";
    /// The report.
    pub const REPORT: &str = "report.html";
    /// The journal.
    pub const JOURNAL: &str = "journal.jsonl";
}

/// Why a run's files cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A Parquet file cannot be written or read.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A CSV file cannot be written.
    #[error("{}: {source}", path.display())]
    Csv {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// The output is no folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What is there.
        path: PathBuf,
    },
    /// The folder holds something that no run wrote.
    #[error("{} already exists and holds `{}`, which no run of ours wrote: choose another folder or empty it", path.display(), stranger.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        stranger: PathBuf,
    },
    /// A file of a run lacks a column.
    #[error("{}: no column `{column}`", path.display())]
    NoColumn {
        /// Which file.
        path: PathBuf,
        /// Which column.
        column: &'static str,
    },
    /// The writing thread of the event log broke.
    #[error("the event log's thread panicked; this is a bug")]
    EventLogPanicked,
}

impl OutputError {
    /// The stable code of the error; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "output-io",
            Self::Parquet { .. } => "output-parquet",
            Self::Csv { .. } => "output-csv",
            Self::NotAFolder { .. } => "output-not-a-folder",
            Self::NotOurs { .. } => "output-not-ours",
            Self::NoColumn { .. } => "output-no-column",
            Self::EventLogPanicked => "output-event-log",
        }
    }

    /// Names the file of an error of the file system.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }

    /// Names the file of a Parquet error.
    pub(crate) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        |source| Self::Parquet { path, source }
    }

    /// Names the file of a CSV error.
    pub(crate) fn csv(path: &Path) -> impl FnOnce(csv::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Csv { path, source }
    }
}
