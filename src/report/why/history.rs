//! Reads from events.parquet what happened to one job's task instances, and the reasons of their shapes.

use std::collections::BTreeMap;
use std::path::Path;

use model::{Bytes, Cores, CpuSet, JobId, Millis, NodeId, Run, ShapeId, TaskKey, WaitReason};
use parquet::data_type::ByteArray;

use super::WhyError;
use crate::report::files::{EventColumn, OutputError, SheetReader, event_kind, names};

/// What happened to a task instance.
#[derive(Clone, Debug)]
pub enum Fact {
    /// It became `to`.
    State {
        run: Run,
        to: String,
        cause: Option<String>,
        exit_code: Option<i64>,
    },
    /// It was given a place.
    Reserved {
        run: Run,
        node: NodeId,
        cpuset: CpuSet,
        memory: Bytes,
    },
    /// The place was given back.
    Released {
        run: Run,
    },
    Resized {
        run: Run,
        cpuset: CpuSet,
        memory: Bytes,
    },
    /// Its reasons are those of this shape.
    Shaped {
        shape: ShapeId,
    },
}

/// Everything that is needed to answer for a job, in the order of the stream.
#[derive(Debug, Default)]
pub struct History {
    /// By instance.
    pub facts: BTreeMap<u32, Vec<(Millis, Fact)>>,
    /// By shape: the reason since then, absent where nothing waited.
    pub reasons: BTreeMap<ShapeId, Vec<(Millis, Option<WaitReason>)>>,
}

/// Reads the file twice over, skipping row groups that cannot hold the job or its shapes.
pub fn read(folder: &Path, job: JobId) -> Result<History, WhyError> {
    let path = folder.join(names::EVENTS);
    if !path.is_file() {
        return Err(WhyError::NoRun { folder: folder.to_owned(), file: names::EVENTS });
    }
    let reader = SheetReader::open(&path)?;
    let mut history = History::default();
    for group in 0..reader.groups() {
        if reader.may_hold(group, EventColumn::Job.name(), i64::from(job.0)) {
            facts(&reader, group, job, &mut history)?;
        }
    }
    for fact in history.facts.values().flatten() {
        if let Fact::Shaped { shape } = fact.1 {
            history.reasons.entry(shape).or_default();
        }
    }
    for group in 0..reader.groups() {
        if history.reasons.keys().any(|shape| reader.may_hold(group, EventColumn::Shape.name(), i64::from(shape.0))) {
            reasons(&reader, group, &mut history)?;
        }
    }
    Ok(history)
}

/// An integer column of a row group.
struct Ints(Vec<Option<i64>>);

impl Ints {
    fn of(reader: &SheetReader, group: usize, column: EventColumn) -> Result<Self, OutputError> {
        reader.ints(group, column.name()).map(Self)
    }

    fn get(&self, row: usize) -> Option<u64> {
        self.0[row].and_then(|value| u64::try_from(value).ok())
    }

    /// An id or a count; absent ones read as 0, which no row of the right type has.
    fn small(&self, row: usize) -> u32 {
        self.get(row).and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
    }
}

fn word(column: &[Option<ByteArray>], row: usize) -> Option<&str> {
    column[row].as_ref().and_then(|text| text.as_utf8().ok())
}

fn facts(reader: &SheetReader, group: usize, job: JobId, history: &mut History) -> Result<(), OutputError> {
    let jobs = Ints::of(reader, group, EventColumn::Job)?;
    let rows: Vec<usize> = (0..jobs.0.len()).filter(|&row| jobs.0[row] == Some(i64::from(job.0))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let ints = |column| Ints::of(reader, group, column);
    let texts = |column: EventColumn| reader.texts(group, column.name());
    let (kind, to, cause, cpuset) =
        (texts(EventColumn::Type)?, texts(EventColumn::To)?, texts(EventColumn::Cause)?, texts(EventColumn::Cpuset)?);
    let (time, instance) = (ints(EventColumn::Time)?, ints(EventColumn::Instance)?);
    let (attempt, placement) = (ints(EventColumn::Attempt)?, ints(EventColumn::Placement)?);
    let (node, memory, shape) = (ints(EventColumn::Node)?, ints(EventColumn::Memory)?, ints(EventColumn::Shape)?);
    let exit_code = ints(EventColumn::ExitCode)?;
    let tasks = ints(EventColumn::Tasks)?;
    for row in rows {
        let run = Run { attempt: attempt.small(row) as u16, placement: placement.small(row) as u16 };
        let fact = match word(&kind, row).unwrap_or_default() {
            event_kind::TASK => Fact::State {
                run,
                to: word(&to, row).unwrap_or_default().to_owned(),
                cause: word(&cause, row).map(str::to_owned),
                exit_code: exit_code.0[row],
            },
            event_kind::RESERVED => Fact::Reserved {
                run,
                node: NodeId(node.small(row)),
                cpuset: word(&cpuset, row).and_then(|text| text.parse().ok()).unwrap_or_default(),
                memory: Bytes(memory.get(row).unwrap_or_default()),
            },
            event_kind::RELEASED => Fact::Released { run },
            event_kind::RESIZED => Fact::Resized {
                run,
                cpuset: word(&cpuset, row).and_then(|text| text.parse().ok()).unwrap_or_default(),
                memory: Bytes(memory.get(row).unwrap_or_default()),
            },
            event_kind::SHAPED => {
                let time = Millis(time.get(row).unwrap_or_default());
                let first = instance.small(row);
                for instance in first..first + tasks.small(row).max(1) {
                    history.facts.entry(instance).or_default().push((time, Fact::Shaped { shape: ShapeId(shape.small(row)) }));
                }
                continue;
            }
            _ => continue,
        };
        let time = Millis(time.get(row).unwrap_or_default());
        history.facts.entry(instance.small(row)).or_default().push((time, fact));
    }
    Ok(())
}

fn reasons(reader: &SheetReader, group: usize, history: &mut History) -> Result<(), OutputError> {
    let kind = reader.texts(group, EventColumn::Type.name())?;
    let shape = Ints::of(reader, group, EventColumn::Shape)?;
    let waiting = |row: &usize| word(&kind, *row) == Some(event_kind::WAITING) && history.reasons.contains_key(&ShapeId(shape.small(*row)));
    let rows: Vec<usize> = (0..kind.len()).filter(waiting).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let code = reader.texts(group, EventColumn::Reason.name())?;
    let ints = |column| Ints::of(reader, group, column);
    let time = ints(EventColumn::Time)?;
    let (short_by, nearest) = (ints(EventColumn::ShortBy)?, ints(EventColumn::Nearest)?);
    let (behind, instance) = (ints(EventColumn::BehindJob)?, ints(EventColumn::BehindInstance)?);
    let (promised, tasks) = (ints(EventColumn::Promised)?, ints(EventColumn::Tasks)?);
    let (fitted, cores, memory) = (ints(EventColumn::Fitted)?, ints(EventColumn::Cores)?, ints(EventColumn::Memory)?);
    let port = ints(EventColumn::Port)?;
    for row in rows {
        let figures = Figures {
            short_by: short_by.get(row).unwrap_or_default(),
            nearest: NodeId(nearest.small(row)),
            head: TaskKey { job: JobId(behind.small(row)), instance: instance.small(row) },
            promised: Millis(promised.get(row).unwrap_or_default()),
            tasks: tasks.small(row),
            fitted: fitted.small(row),
            lacking: (Cores(cores.small(row)), Bytes(memory.get(row).unwrap_or_default())),
            port: port.small(row) as u16,
        };
        let reason = word(&code, row).and_then(|code| figures.reason(code));
        let list = history.reasons.entry(ShapeId(shape.small(row))).or_default();
        list.push((Millis(time.get(row).unwrap_or_default()), reason));
    }
    Ok(())
}

/// The figures of a reason, those that its row lacks being 0.
struct Figures {
    short_by: u64,
    nearest: NodeId,
    head: TaskKey,
    promised: Millis,
    tasks: u32,
    fitted: u32,
    /// What the next task of a gang lacks.
    lacking: (Cores, Bytes),
    port: u16,
}

impl Figures {
    /// The reason with this code; `None` for a code of a later version.
    fn reason(&self, code: &str) -> Option<WaitReason> {
        let &Self { short_by, nearest, head, promised, tasks, fitted, lacking: (lacks_cores, lacks_memory), port } = self;
        let cores = Cores(u32::try_from(short_by).unwrap_or(u32::MAX));
        Some(match code {
            "next_round" => WaitReason::NextRound,
            "no_node" => WaitReason::NoNode,
            "cores_short" => WaitReason::CoresShort { short_by: cores, nearest },
            "memory_short" => WaitReason::MemoryShort { short_by: Bytes(short_by), nearest },
            "constraints" => WaitReason::Constraints,
            "anti_affinity" => WaitReason::AntiAffinity,
            "pin_taken" => WaitReason::PinTaken { short_by: cores },
            "ports_taken" => WaitReason::PortsTaken { port, nearest },
            "not_pinned" => WaitReason::NotPinned,
            "gang_short" => {
                let known = lacks_cores > Cores::ZERO || lacks_memory > Bytes::ZERO;
                WaitReason::GangShort { fitted, of: tasks, cores: lacks_cores, memory: lacks_memory, nearest: known.then_some(nearest) }
            }
            "behind_head" => WaitReason::BehindHead { head },
            "no_estimate" => WaitReason::NoEstimate { head },
            "would_delay" => WaitReason::WouldDelay { head, promised },
            "evicting" => WaitReason::Evicting { victims: tasks },
            "dependencies" => WaitReason::Dependencies,
            "no_target" => WaitReason::NoTarget,
            _ => return None,
        })
    }
}
