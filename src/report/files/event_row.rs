//! A public event as a row of events.parquet. What a type of event does not say is null.

use model::{Bytes, Cause, CpuSet, Event, JobState, Millis, NodeId, NodeSpec, NodeState, Run, TaskKey, WaitReason};

use super::sheet::{Field, Kind, Sheet};

macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident = $name:literal $kind:ident $(($required:ident))?,)+) => {
        /// The columns, in the order of the file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column { $($(#[$doc])* $column,)+ }

        impl Column {
            /// Its name in the file.
            pub fn name(self) -> &'static str {
                FIELDS[self as usize].0
            }
        }

        /// The columns' names and kinds.
        pub const FIELDS: &[Field] = &[$(Field($name, Kind::$kind, columns!(@required $($required)?)),)+];
    };
    (@required required) => { true };
    (@required) => { false };
}

columns! {
    /// Position in the stream, from 1.
    Seq = "seq" Int (required),
    /// When it happened.
    Time = "time_ms" Int (required),
    /// The type of event.
    Type = "type" Text (required),
    /// The job.
    Job = "job" Int,
    /// The instance's position in the job.
    Instance = "instance" Int,
    /// The attempt.
    Attempt = "attempt" Int,
    /// The placement.
    Placement = "placement" Int,
    /// The node.
    Node = "node" Int,
    /// The state before.
    From = "from" Text,
    /// The state after.
    To = "to" Text,
    /// Why it ended, was stopped or rejected.
    Cause = "cause" Text,
    /// Where the cause is an exit.
    ExitCode = "exit_code" Int,
    /// Core ids held, or that a node offers.
    Cpuset = "cpuset" Text,
    /// Number of cores held or let go.
    Cores = "cores" Int,
    /// Memory held or let go.
    Memory = "memory_bytes" Int,
    /// The placement shape.
    Shape = "shape" Int,
    /// Why its tasks wait; null where none of them waits any more.
    Reason = "reason" Text,
    /// Cores, bytes or gang tasks short.
    ShortBy = "short_by" Int,
    /// The node that came nearest.
    Nearest = "nearest_node" Int,
    /// The job waited behind.
    BehindJob = "behind_job" Int,
    /// Its instance.
    BehindInstance = "behind_instance" Int,
    /// The start promised to it.
    Promised = "promised_ms" Int,
    /// Tasks of the gang, tasks being evicted, or how many instances belong to the shape.
    Tasks = "tasks" Int,
    /// Tasks of the gang that found a place together; what the next one lacks stands in cores and memory_bytes.
    Fitted = "fitted" Int,
    /// The host port that is taken.
    Port = "port" Int,
    /// The policy since now.
    Policy = "policy" Text,
    /// The node's name.
    Name = "name" Text,
}

/// Words of the column `type`.
pub mod kind {
    /// A task instance changed its state.
    pub const TASK: &str = "task";
    /// A job changed its state.
    pub const JOB: &str = "job";
    /// Cores and memory are held.
    pub const RESERVED: &str = "reserved";
    /// They are let go.
    pub const RELEASED: &str = "released";
    /// Others are held instead.
    pub const RESIZED: &str = "resized";
    /// An instance belongs to a shape.
    pub const SHAPED: &str = "shaped";
    /// The reason of a shape changed.
    pub const WAITING: &str = "waiting";
    /// A node changed its state.
    pub const NODE: &str = "node";
    /// A node of this name joined with these cores and bytes.
    pub const JOINED: &str = "joined";
    /// A node gets no new tasks.
    pub const CORDONED: &str = "cordoned";
    /// It gets new tasks again.
    pub const UNCORDONED: &str = "uncordoned";
    /// Heartbeats of a node are missing.
    pub const SUSPECT: &str = "suspect";
    /// It is heard of again.
    pub const HEARD: &str = "heard";
    /// A node has other labels.
    pub const LABELLED: &str = "labelled";
    /// A node is ready for a task that moves there.
    pub const PREPARED: &str = "prepared";
    /// A run that moves stands still.
    pub const CHECKPOINTED: &str = "checkpointed";
    /// The policy was switched.
    pub const POLICY: &str = "policy_changed";
}

/// Adds an event.
pub fn push(sheet: &mut Sheet, seq: u64, time: Millis, event: &Event) {
    sheet.int(Column::Seq as usize, seq);
    sheet.int(Column::Time as usize, time.0);
    match event {
        Event::Job { job, from, to, cause } => {
            sheet.word(Column::Type as usize, kind::JOB);
            sheet.int(Column::Job as usize, u64::from(job.0));
            change(sheet, JobState::word(*from), JobState::word(*to), *cause);
        }
        Event::Task { task, run, node, from, to, cause } => {
            sheet.word(Column::Type as usize, kind::TASK);
            subject(sheet, *task, Some(*run));
            if let Some(node) = node {
                sheet.int(Column::Node as usize, u64::from(node.0));
            }
            change(sheet, from.word(), to.word(), *cause);
        }
        Event::Reserved { task, run, node, cpuset, memory } => {
            sheet.word(Column::Type as usize, kind::RESERVED);
            holding(sheet, (*task, *run, *node), cpuset, *memory);
        }
        Event::Released { task, run, node, cores, memory } => {
            sheet.word(Column::Type as usize, kind::RELEASED);
            subject(sheet, *task, Some(*run));
            sheet.int(Column::Node as usize, u64::from(node.0));
            sheet.int(Column::Cores as usize, u64::from(cores.0));
            sheet.int(Column::Memory as usize, memory.0);
        }
        Event::Resized { task, run, node, cpuset, memory, .. } => {
            sheet.word(Column::Type as usize, kind::RESIZED);
            holding(sheet, (*task, *run, *node), cpuset, *memory);
        }
        Event::Shaped { task, end, shape } => {
            sheet.int(Column::Tasks as usize, u64::from(end - task.instance));
            sheet.word(Column::Type as usize, kind::SHAPED);
            subject(sheet, *task, None);
            sheet.int(Column::Shape as usize, u64::from(shape.0));
        }
        Event::Waiting { shape, reason: why } => {
            sheet.word(Column::Type as usize, kind::WAITING);
            sheet.int(Column::Shape as usize, u64::from(shape.0));
            if let Some(why) = why {
                reason(sheet, why);
            }
        }
        Event::Node { node, from, to } => {
            sheet.word(Column::Type as usize, kind::NODE);
            sheet.int(Column::Node as usize, u64::from(node.0));
            change(sheet, node_word(*from), node_word(*to), None);
        }
        Event::Joined { node, spec, .. } => joined(sheet, *node, spec),
        Event::Cordoned { node, cordoned } => of_node(sheet, if *cordoned { kind::CORDONED } else { kind::UNCORDONED }, *node),
        Event::Suspected { node, suspect } => of_node(sheet, if *suspect { kind::SUSPECT } else { kind::HEARD }, *node),
        Event::Labelled { node, .. } => of_node(sheet, kind::LABELLED, *node),
        Event::Prepared { task, run, node } => {
            sheet.word(Column::Type as usize, kind::PREPARED);
            subject(sheet, *task, Some(*run));
            sheet.int(Column::Node as usize, u64::from(node.0));
        }
        Event::Checkpointed { task, run, node, image, .. } => {
            sheet.word(Column::Type as usize, kind::CHECKPOINTED);
            subject(sheet, *task, Some(*run));
            sheet.int(Column::Node as usize, u64::from(node.0));
            sheet.int(Column::Memory as usize, image.size.0);
        }
        Event::PolicyChanged { policy } => {
            sheet.word(Column::Type as usize, kind::POLICY);
            sheet.text(Column::Policy as usize, policy.to_string());
        }
    }
    sheet.next_row();
}

fn joined(sheet: &mut Sheet, node: NodeId, spec: &NodeSpec) {
    of_node(sheet, kind::JOINED, node);
    sheet.text(Column::Name as usize, spec.name.to_string());
    sheet.text(Column::Cpuset as usize, spec.class.task_cpuset().to_string());
    sheet.int(Column::Cores as usize, u64::from(spec.class.task_cores().0));
    sheet.int(Column::Memory as usize, spec.class.task_memory().0);
}

fn of_node(sheet: &mut Sheet, kind: &'static str, node: NodeId) {
    sheet.word(Column::Type as usize, kind);
    sheet.int(Column::Node as usize, u64::from(node.0));
}

fn subject(sheet: &mut Sheet, task: TaskKey, run: Option<Run>) {
    sheet.int(Column::Job as usize, u64::from(task.job.0));
    sheet.int(Column::Instance as usize, u64::from(task.instance));
    if let Some(run) = run {
        sheet.int(Column::Attempt as usize, u64::from(run.attempt));
        sheet.int(Column::Placement as usize, u64::from(run.placement));
    }
}

/// What a run holds where.
fn holding(sheet: &mut Sheet, (task, run, node): (TaskKey, Run, NodeId), cpuset: &CpuSet, memory: Bytes) {
    subject(sheet, task, Some(run));
    sheet.int(Column::Node as usize, u64::from(node.0));
    sheet.text(Column::Cpuset as usize, cpuset.to_string());
    sheet.int(Column::Cores as usize, u64::from(cpuset.count().0));
    sheet.int(Column::Memory as usize, memory.0);
}

fn change(sheet: &mut Sheet, from: &'static str, to: &'static str, cause: Option<Cause>) {
    sheet.word(Column::From as usize, from);
    sheet.word(Column::To as usize, to);
    if let Some(cause) = cause {
        sheet.word(Column::Cause as usize, cause.code());
        if let Cause::Exit(code) = cause {
            sheet.signed(Column::ExitCode as usize, i64::from(code));
        }
    }
}

fn reason(sheet: &mut Sheet, reason: &WaitReason) {
    sheet.word(Column::Reason as usize, reason.code());
    if let Some(short_by) = reason.short_by() {
        sheet.int(Column::ShortBy as usize, short_by);
    }
    if let Some(nearest) = reason.nearest() {
        sheet.int(Column::Nearest as usize, u64::from(nearest.0));
    }
    match *reason {
        WaitReason::BehindHead { head } | WaitReason::NoEstimate { head } | WaitReason::WouldDelay { head, .. } => {
            sheet.int(Column::BehindJob as usize, u64::from(head.job.0));
            sheet.int(Column::BehindInstance as usize, u64::from(head.instance));
        }
        WaitReason::GangShort { fitted, of, cores, memory, .. } => {
            sheet.int(Column::Fitted as usize, u64::from(fitted));
            sheet.int(Column::Tasks as usize, u64::from(of));
            sheet.int(Column::Cores as usize, u64::from(cores.0));
            sheet.int(Column::Memory as usize, memory.0);
        }
        WaitReason::PortsTaken { port, .. } => sheet.int(Column::Port as usize, u64::from(port)),
        WaitReason::Evicting { victims } => sheet.int(Column::Tasks as usize, u64::from(victims)),
        _ => {}
    }
    if let WaitReason::WouldDelay { promised, .. } = reason {
        sheet.int(Column::Promised as usize, promised.0);
    }
}

fn node_word(state: NodeState) -> &'static str {
    NodeState::WORDS.iter().find(|(of, _)| *of == state).expect("every state has a word").1
}
