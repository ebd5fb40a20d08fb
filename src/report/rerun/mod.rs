//! A finished run as the page shows it: its public events, read back from the output folder, as the frames that a live system would send.
//! A frame tells how things stand at its time; the run is parted into so many of them that a slider finds any moment.

mod book;

use std::path::Path;

use model::Millis;
use parquet::data_type::ByteArray;

use super::files::{EventColumn, JobColumn, OutputError, SheetReader, names};
use super::summary::Summary;
use super::why::WhyError;
use crate::api::body::cells::JobLabel;
use book::Book;

/// The frames of a run, at most; the first moments of a bucket are told with its last.
const MOST_FRAMES: u64 = 2_000;

/// A run that can be shown.
#[derive(Clone, Debug)]
pub struct Rerun {
    /// What the folder is called.
    pub title: String,
    /// Its figures.
    pub summary: Summary,
    /// Its frames, one after the other as they are sent.
    pub frames: Vec<u8>,
}

/// A row of events.parquet, as far as cells are concerned.
#[derive(Debug, Default)]
struct Row<'a> {
    time: Millis,
    kind: &'a str,
    job: u32,
    instance: u32,
    node: u32,
    from: &'a str,
    to: &'a str,
    cpuset: &'a str,
    memory: u64,
    policy: &'a str,
    name: &'a str,
}

/// A job, as far as cells are concerned.
#[derive(Clone, Debug, Default)]
struct Known {
    label: JobLabel,
    submitted: Millis,
    /// How long each of its tasks is expected to run, in milliseconds; 0: nobody said.
    expected: Vec<u64>,
}

/// Reads a run from its output folder.
///
/// # Errors
/// Where it is no such folder, or a file of it cannot be read.
pub fn read(folder: &Path) -> Result<Rerun, WhyError> {
    let path = |file: &'static str| match folder.join(file) {
        path if path.is_file() => Ok(path),
        _ => Err(WhyError::NoRun { folder: folder.to_owned(), file }),
    };
    let events = SheetReader::open(&path(names::EVENTS)?)?;
    let summary = path(names::SUMMARY)?;
    let text = std::fs::read_to_string(&summary).map_err(OutputError::io(&summary))?;
    // A summary that is not ours is no run of ours.
    let summary: Summary = serde_json::from_str(&text).map_err(|_| WhyError::NoRun { folder: folder.to_owned(), file: names::SUMMARY })?;
    let mut book = Book::new(summary.policy.clone(), jobs(&SheetReader::open(&path(names::JOBS)?)?)?);
    let (first, last) = span(&events)?;
    let bucket = (last.since(first).0 / MOST_FRAMES).max(1);
    let mut ends = first.0 + bucket;
    each(&events, |row| {
        if row.time.0 >= ends {
            book.flush(Millis(ends));
            // Where nothing happens there is no frame.
            ends = row.time.0 - (row.time.0 - first.0) % bucket + bucket;
        }
        book.take(row);
    })?;
    book.flush(last);
    let title = folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(Rerun { title, summary, frames: book.frames() })
}

/// The jobs, by id.
fn jobs(reader: &SheetReader) -> Result<Vec<Known>, OutputError> {
    let mut known = Vec::new();
    for group in 0..reader.groups() {
        let ints = |column: JobColumn| reader.ints(group, column.name());
        let texts = |column: JobColumn| reader.texts(group, column.name());
        let (jobs, priorities, submitted) = (ints(JobColumn::Job)?, ints(JobColumn::Priority)?, ints(JobColumn::Submitted)?);
        let (names, classes) = (texts(JobColumn::Name)?, texts(JobColumn::Class)?);
        let (tenants, tasks) = (texts(JobColumn::Tenant)?, texts(JobColumn::Tasks)?);
        for row in 0..jobs.len() {
            let (tasks, expected) = word(&tasks, row).split(',').filter_map(listed).unzip();
            let label = JobLabel {
                job: small(jobs[row]),
                name: word(&names, row).to_owned(),
                class: classes[row].as_ref().map_or(word(&tenants, row), |_| word(&classes, row)).to_owned(),
                priority: priorities[row].and_then(|value| i32::try_from(value).ok()).unwrap_or_default(),
                submitted_ms: 0,
                tasks,
            };
            known.push(Known { label, submitted: Millis(large(submitted[row])), expected });
        }
    }
    known.sort_by_key(|job| job.label.job);
    Ok(known)
}

/// A task as the column writes it: `name:count`, then how long it is expected to run, where anybody said.
fn listed(text: &str) -> Option<((String, u32), u64)> {
    let mut parts = text.split(':');
    let task = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
    Some((task, parts.find_map(|part| part.strip_prefix("expected=")?.parse().ok()).unwrap_or_default()))
}

/// The times of the first and the last event.
fn span(reader: &SheetReader) -> Result<(Millis, Millis), OutputError> {
    let times = |group| reader.ints(group, EventColumn::Time.name());
    let Some(last) = reader.groups().checked_sub(1) else { return Ok((Millis::ZERO, Millis::ZERO)) };
    let at = |time: Option<&Option<i64>>| Millis(large(time.copied().flatten()));
    Ok((at(times(0)?.first()), at(times(last)?.last())))
}

/// Hands every row to `take`, in the order of the stream.
fn each(reader: &SheetReader, mut take: impl FnMut(&Row)) -> Result<(), OutputError> {
    for group in 0..reader.groups() {
        let ints = |column: EventColumn| reader.ints(group, column.name());
        let texts = |column: EventColumn| reader.texts(group, column.name());
        let (time, job, instance) = (ints(EventColumn::Time)?, ints(EventColumn::Job)?, ints(EventColumn::Instance)?);
        let (node, memory) = (ints(EventColumn::Node)?, ints(EventColumn::Memory)?);
        let (kind, from, to) = (texts(EventColumn::Type)?, texts(EventColumn::From)?, texts(EventColumn::To)?);
        let (cpuset, policy, name) = (texts(EventColumn::Cpuset)?, texts(EventColumn::Policy)?, texts(EventColumn::Name)?);
        for row in 0..time.len() {
            take(&Row {
                time: Millis(large(time[row])),
                kind: word(&kind, row),
                job: small(job[row]),
                instance: small(instance[row]),
                node: small(node[row]),
                from: word(&from, row),
                to: word(&to, row),
                cpuset: word(&cpuset, row),
                memory: large(memory[row]),
                policy: word(&policy, row),
                name: word(&name, row),
            });
        }
    }
    Ok(())
}

fn word(column: &[Option<ByteArray>], row: usize) -> &str {
    column[row].as_ref().and_then(|text| text.as_utf8().ok()).unwrap_or_default()
}

fn small(value: Option<i64>) -> u32 {
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
}

fn large(value: Option<i64>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
}
