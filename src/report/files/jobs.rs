//! jobs.csv and jobs.parquet: one row a job, by job id.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use model::{Cause, JobBody, JobState, Millis, Name};
use serde::Serialize;

use super::OutputError;
use super::sheet::{Field, Kind, Sheet, SheetWriter};
use crate::report::recording::JobRow;

/// Rows of a row group.
const GROUP: usize = 1 << 17;

/// The columns of jobs.parquet, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobColumn {
    /// The job's id.
    Job,
    /// Its name.
    Name,
    /// Where it stood at the end.
    State,
    /// Why it could never run.
    Rejected,
    /// Who it belongs to.
    Tenant,
    /// Its label `class`.
    Class,
    /// Its priority.
    Priority,
    /// Number of task instances.
    Instances,
    /// Cores of all instances.
    Cores,
    /// Memory of all instances.
    Memory,
    /// When it was submitted.
    Submitted,
    /// When its first task first ran.
    Started,
    /// When it ended.
    Ended,
    /// Attempts beyond the first.
    Retries,
    /// Runs that the system stopped.
    Evictions,
    /// Completed moves.
    Migrations,
    /// Its tasks, each `name:count`, with `:expected=` and milliseconds where there is an estimate, and `:after=a+b` where it waits for tasks a
    /// and b; separated by commas.
    Tasks,
}

/// Their names and kinds.
pub const FIELDS: &[Field] = &[
    Field("job", Kind::Int, true),
    Field("name", Kind::Text, true),
    Field("state", Kind::Text, true),
    Field("rejected", Kind::Text, false),
    Field("tenant", Kind::Text, false),
    Field("class", Kind::Text, false),
    Field("priority", Kind::Int, true),
    Field("instances", Kind::Int, true),
    Field("cores", Kind::Int, true),
    Field("memory_bytes", Kind::Int, true),
    Field("submitted_ms", Kind::Int, true),
    Field("started_ms", Kind::Int, false),
    Field("ended_ms", Kind::Int, false),
    Field("retries", Kind::Int, true),
    Field("evictions", Kind::Int, true),
    Field("migrations", Kind::Int, true),
    Field("tasks", Kind::Text, true),
];

impl JobColumn {
    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        FIELDS[self as usize].0
    }
}

/// What many jobs that share a body have in common.
struct Size {
    instances: u64,
    cores: u64,
    memory: u64,
    tasks: String,
}

impl Size {
    fn of(body: &JobBody) -> Self {
        let sum = |of: fn(&model::TaskSpec) -> u64| body.tasks.iter().map(|task| of(task).saturating_mul(u64::from(task.count))).sum();
        let mut tasks = String::new();
        for task in &body.tasks {
            let comma = if tasks.is_empty() { "" } else { "," };
            write!(tasks, "{comma}{}:{}", task.name, task.count).expect("a string takes all text");
            if let Some(expected) = task.expected {
                write!(tasks, ":expected={}", expected.0).expect("a string takes all text");
            }
            for (index, (on, _)) in task.depends_on.iter().enumerate() {
                let separator = if index == 0 { ":after=" } else { "+" };
                write!(tasks, "{separator}{}", body.tasks[usize::from(*on)].name).expect("a string takes all text");
            }
        }
        Self { instances: sum(|_| 1), cores: sum(|task| u64::from(task.cores.0)), memory: sum(|task| task.memory.0), tasks }
    }
}

/// Calls `row` with each job and its size; works a body out once where jobs that share it follow each other.
fn each<E>(jobs: &[JobRow], mut row: impl FnMut(&JobRow, &Size) -> Result<(), E>) -> Result<(), E> {
    let mut last: Option<(&Arc<JobBody>, Size)> = None;
    for job in jobs {
        let (_, size) = match &mut last {
            Some(same) if Arc::ptr_eq(same.0, &job.body) => same,
            other => other.insert((&job.body, Size::of(&job.body))),
        };
        row(job, size)?;
    }
    Ok(())
}

/// Writes jobs.parquet.
pub fn write_parquet(path: &Path, jobs: &[JobRow]) -> Result<(), OutputError> {
    let mut writer = SheetWriter::create(path, FIELDS)?;
    let mut sheet = Sheet::new(FIELDS);
    each(jobs, |job, size| {
        push(&mut sheet, job, size);
        if sheet.rows() == GROUP { writer.write(&mut sheet) } else { Ok(()) }
    })?;
    writer.write(&mut sheet)?;
    writer.finish()
}

fn push(sheet: &mut Sheet, job: &JobRow, size: &Size) {
    sheet.int(JobColumn::Job as usize, u64::from(job.job.0));
    sheet.text(JobColumn::Name as usize, job.name.as_str().to_owned());
    sheet.word(JobColumn::State as usize, job.state.word());
    if let Some(cause) = job.rejected {
        sheet.word(JobColumn::Rejected as usize, cause.code());
    }
    if let Some(tenant) = &job.body.tenant {
        sheet.text(JobColumn::Tenant as usize, tenant.as_str().to_owned());
    }
    if let Some(class) = job.body.labels.get("class") {
        sheet.text(JobColumn::Class as usize, class.clone());
    }
    sheet.signed(JobColumn::Priority as usize, i64::from(job.body.priority));
    sheet.int(JobColumn::Instances as usize, size.instances);
    sheet.int(JobColumn::Cores as usize, size.cores);
    sheet.int(JobColumn::Memory as usize, size.memory);
    sheet.int(JobColumn::Submitted as usize, job.submitted.0);
    if let Some(started) = job.started {
        sheet.int(JobColumn::Started as usize, started.0);
    }
    if let Some(ended) = job.ended {
        sheet.int(JobColumn::Ended as usize, ended.0);
    }
    sheet.int(JobColumn::Retries as usize, u64::from(job.retries));
    sheet.int(JobColumn::Evictions as usize, u64::from(job.evictions));
    sheet.int(JobColumn::Migrations as usize, u64::from(job.migrations));
    sheet.text(JobColumn::Tasks as usize, size.tasks.clone());
    sheet.next_row();
}

/// A row of jobs.csv; its fields are the columns.
#[derive(Serialize)]
struct CsvRow<'a> {
    job: String,
    name: &'a str,
    state: &'static str,
    rejected: Option<&'static str>,
    tenant: Option<&'a str>,
    priority: i32,
    instances: u64,
    cores: u64,
    memory_bytes: u64,
    submitted_s: f64,
    started_s: Option<f64>,
    ended_s: Option<f64>,
    wait_s: Option<f64>,
    execution_s: Option<f64>,
    turnaround_s: Option<f64>,
    retries: u32,
    evictions: u32,
    migrations: u32,
}

impl<'a> CsvRow<'a> {
    fn of(job: &'a JobRow, size: &Size) -> Self {
        let done = (job.state == JobState::Succeeded).then_some(job.ended).flatten();
        Self {
            job: job.job.to_string(),
            name: job.name.as_str(),
            state: job.state.word(),
            rejected: job.rejected.map(Cause::code),
            tenant: job.body.tenant.as_ref().map(Name::as_str),
            priority: job.body.priority,
            instances: size.instances,
            cores: size.cores,
            memory_bytes: size.memory,
            submitted_s: job.submitted.as_secs(),
            started_s: job.started.map(Millis::as_secs),
            ended_s: job.ended.map(Millis::as_secs),
            wait_s: job.started.map(|started| started.since(job.submitted).as_secs()),
            execution_s: done.zip(job.started).map(|(ended, started)| ended.since(started).as_secs()),
            turnaround_s: done.map(|ended| ended.since(job.submitted).as_secs()),
            retries: job.retries,
            evictions: job.evictions,
            migrations: job.migrations,
        }
    }
}

/// Writes jobs.csv; what is not known is empty.
pub fn write_csv(path: &Path, jobs: &[JobRow]) -> Result<(), OutputError> {
    let mut writer = csv::Writer::from_path(path).map_err(OutputError::csv(path))?;
    each(jobs, |job, size| writer.serialize(CsvRow::of(job, size))).map_err(OutputError::csv(path))?;
    writer.flush().map_err(OutputError::io(path))
}
