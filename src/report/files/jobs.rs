//! jobs.csv and jobs.parquet: one row a job, by job id.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use model::{JobBody, JobState, Millis};

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
    /// Its tasks, each `name:count`, with `:after=a+b` where it waits for tasks a and b; separated by commas.
    Tasks,
}

const FIELDS: &[Field] = &[
    Field("job", Kind::Int, true),
    Field("name", Kind::Text, true),
    Field("state", Kind::Text, true),
    Field("rejected", Kind::Text, false),
    Field("tenant", Kind::Text, false),
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

const CSV_HEADER: [&str; 18] = [
    "job",
    "name",
    "state",
    "rejected",
    "tenant",
    "priority",
    "instances",
    "cores",
    "memory_bytes",
    "submitted_s",
    "started_s",
    "ended_s",
    "wait_s",
    "execution_s",
    "turnaround_s",
    "retries",
    "evictions",
    "migrations",
];

/// Writes jobs.csv; what is not known is empty.
pub fn write_csv(path: &Path, jobs: &[JobRow]) -> Result<(), OutputError> {
    let mut writer = csv::Writer::from_path(path).map_err(OutputError::csv(path))?;
    writer.write_record(CSV_HEADER).map_err(OutputError::csv(path))?;
    let seconds = |time: Option<Millis>| time.map(|time| time.as_secs().to_string()).unwrap_or_default();
    each(jobs, |job, size| {
        let done = (job.state == JobState::Succeeded).then_some(job.ended).flatten();
        let row = [
            job.job.to_string(),
            job.name.to_string(),
            job.state.to_string(),
            job.rejected.map(|cause| cause.code().to_owned()).unwrap_or_default(),
            job.body.tenant.as_ref().map(ToString::to_string).unwrap_or_default(),
            job.body.priority.to_string(),
            size.instances.to_string(),
            size.cores.to_string(),
            size.memory.to_string(),
            job.submitted.as_secs().to_string(),
            seconds(job.started),
            seconds(job.ended),
            seconds(job.started.map(|started| started.since(job.submitted))),
            seconds(done.zip(job.started).map(|(ended, started)| ended.since(started))),
            seconds(done.map(|ended| ended.since(job.submitted))),
            job.retries.to_string(),
            job.evictions.to_string(),
            job.migrations.to_string(),
        ];
        writer.write_record(&row)
    })
    .map_err(OutputError::csv(path))?;
    writer.flush().map_err(OutputError::io(path))
}
