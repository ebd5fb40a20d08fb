//! Finds a job in jobs.parquet by its name or id.

use std::path::Path;

use model::{JobId, Millis};

use super::WhyError;
use crate::report::files::{JobColumn, OutputError, SheetReader, names};

/// A job's row.
#[derive(Clone, Debug)]
pub struct Found {
    pub job: JobId,
    pub name: String,
    pub state: String,
    pub rejected: Option<String>,
    pub submitted: Millis,
    pub started: Option<Millis>,
    pub ended: Option<Millis>,
    pub tasks: Vec<Listed>,
}

/// A task of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub count: u32,
    /// Whether it waits for other tasks of the job.
    pub dependent: bool,
}

/// How many ids an ambiguous name shows.
const SHOWN: usize = 3;
/// Names less similar than this are no help (Jaro-Winkler, 0 to 1).
const SIMILAR: f64 = 0.7;

/// The job's row. A name goes before an id.
pub fn job(folder: &Path, asked: &str) -> Result<Found, WhyError> {
    let path = folder.join(names::JOBS);
    if !path.is_file() {
        return Err(WhyError::NoRun { folder: folder.to_owned(), file: names::JOBS });
    }
    let reader = SheetReader::open(&path)?;
    let mut named = Vec::new();
    let mut nearest: Option<(f64, String)> = None;
    for group in 0..reader.groups() {
        for (row, name) in reader.texts(group, JobColumn::Name.name())?.into_iter().enumerate() {
            let Some(name) = name.as_ref().and_then(|name| name.as_utf8().ok()) else { continue };
            if name == asked {
                named.push((group, row));
            } else if named.is_empty() {
                let similar = strsim::jaro_winkler(name, asked);
                if similar >= SIMILAR && nearest.as_ref().is_none_or(|(best, _)| similar > *best) {
                    nearest = Some((similar, name.to_owned()));
                }
            }
        }
    }
    let by_id = || asked.strip_prefix('j').and_then(|id| id.parse().ok()).map(|id: u32| position(&reader, id));
    match named.as_slice() {
        [(group, row)] => Ok(read(&reader, *group, *row)?),
        [] => match by_id().transpose()?.flatten() {
            Some((group, row)) => Ok(read(&reader, group, row)?),
            None => Err(WhyError::UnknownJob { asked: asked.to_owned(), nearest: nearest.map(|(_, name)| name) }),
        },
        several => {
            let first: Result<_, _> =
                several.iter().take(SHOWN).map(|&(group, row)| read(&reader, group, row).map(|found| found.job)).collect();
            Err(WhyError::Ambiguous { asked: asked.to_owned(), count: several.len(), first: first? })
        }
    }
}

/// Where the row of a job id is.
fn position(reader: &SheetReader, id: u32) -> Result<Option<(usize, usize)>, OutputError> {
    let (column, id) = (JobColumn::Job.name(), i64::from(id));
    for group in (0..reader.groups()).filter(|&group| reader.may_hold(group, column, id)) {
        if let Some(row) = reader.ints(group, column)?.iter().position(|&job| job == Some(id)) {
            return Ok(Some((group, row)));
        }
    }
    Ok(None)
}

fn read(reader: &SheetReader, group: usize, row: usize) -> Result<Found, OutputError> {
    let text = |column: JobColumn| -> Result<Option<String>, OutputError> {
        let value = reader.texts(group, column.name())?.swap_remove(row);
        Ok(value.map(|text| String::from_utf8_lossy(text.data()).into_owned()))
    };
    let int = |column: JobColumn| -> Result<Option<u64>, OutputError> {
        Ok(reader.ints(group, column.name())?.swap_remove(row).and_then(|value| u64::try_from(value).ok()))
    };
    Ok(Found {
        job: JobId(int(JobColumn::Job)?.unwrap_or_default() as u32),
        name: text(JobColumn::Name)?.unwrap_or_default(),
        state: text(JobColumn::State)?.unwrap_or_default(),
        rejected: text(JobColumn::Rejected)?,
        submitted: Millis(int(JobColumn::Submitted)?.unwrap_or_default()),
        started: int(JobColumn::Started)?.map(Millis),
        ended: int(JobColumn::Ended)?.map(Millis),
        tasks: text(JobColumn::Tasks)?.unwrap_or_default().split(',').filter_map(listed).collect(),
    })
}

/// A task as the column writes it: `name:count`, then among others `:after=names` where it waits for some.
fn listed(text: &str) -> Option<Listed> {
    let mut parts = text.split(':');
    let (name, count) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
    Some(Listed { name, count, dependent: parts.any(|part| part.starts_with("after=")) })
}
