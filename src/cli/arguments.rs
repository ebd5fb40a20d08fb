//! The arguments that every experiment takes: the scenario, and flags that override it.

use std::path::PathBuf;

use clap::Args;
use clap::value_parser;
use model::{Admission, Bytes, CoreChoice, Cores, Fit, MOST_CORES, QueueOrder, Seconds};

use super::values::{estimate_error, policy, positive_span, scale, span, words};
use crate::sim::trace::{SwfMemory, TraceFormat};
use model::document::PolicyChoices;

const SWF_MEMORY: [SwfMemory; 2] = [SwfMemory::PerProcessorKib, SwfMemory::BytesPerJob];

fn swf_memory(choice: SwfMemory) -> &'static str {
    match choice {
        SwfMemory::PerProcessorKib => "per-processor-kib",
        SwfMemory::BytesPerJob => "bytes-per-job",
    }
}

/// A scenario, and flags that override it.
#[derive(Clone, Debug, Default, Args)]
pub struct ExperimentArguments {
    /// Scenario file (JSON; docs/formats/scenario.md). Flags override it
    pub scenario: Option<PathBuf>,
    /// Seed of every random choice
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub cluster: ClusterArguments,
    #[command(flatten)]
    pub load: LoadArguments,
    #[command(flatten)]
    pub policy: PolicyArguments,
    #[command(flatten)]
    pub timing: TimingArguments,
}

/// The nodes. With a scenario of one node class these override its fields.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArguments {
    /// Number of nodes
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000_000))]
    pub nodes: Option<u64>,
    /// Cores of each node
    #[arg(long, value_name = "C", value_parser = value_parser!(u32).range(1..=i64::from(MOST_CORES)))]
    pub cores: Option<u32>,
    /// Memory of each node, as in 64GiB or 512m (powers of 1024)
    #[arg(long, value_name = "M")]
    pub memory: Option<Bytes>,
    /// Start from a saved state (docs/formats/state.md); its nodes stand in for all others
    #[arg(long, value_name = "FILE", conflicts_with_all = ["nodes", "cores", "memory"])]
    pub state: Option<PathBuf>,
    /// Mean time to a node's failure
    #[arg(long, value_name = "TIME", value_parser = positive_span, requires = "mttr")]
    pub mttf: Option<Seconds>,
    /// Mean time to its repair
    #[arg(long, value_name = "TIME", value_parser = positive_span, requires = "mttf")]
    pub mttr: Option<Seconds>,
}

/// Where jobs come from, and which of them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Load")]
pub struct LoadArguments {
    /// Trace file, in place of the scenario's load
    #[arg(long, value_name = "FILE", requires = "format")]
    pub trace: Option<PathBuf>,
    /// Format of the trace
    #[arg(long, value_name = "F", value_parser = words(&TraceFormat::ALL, TraceFormat::word), requires = "trace")]
    pub format: Option<TraceFormat>,
    /// What the requested memory of an swf trace means
    #[arg(long, value_name = "M", value_parser = words(&SWF_MEMORY, swf_memory))]
    pub swf_memory: Option<SwfMemory>,
    /// Drop arrivals before this time, which becomes the new zero
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub from: Option<Seconds>,
    /// Drop arrivals from this time on
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub until: Option<Seconds>,
    /// Take no more jobs than this
    #[arg(long, value_name = "JOBS")]
    pub limit: Option<u64>,
    /// Divide arrival times by this; durations stay
    #[arg(long, value_name = "X", value_parser = scale)]
    pub scale_load: Option<f64>,
    /// Multiply all times and durations by this
    #[arg(long, value_name = "X", value_parser = scale)]
    pub scale_time: Option<f64>,
    /// Leave this long from the start out of the statistics
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub warmup: Option<Seconds>,
    /// End the simulation at this time, whatever is left
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    pub end: Option<Seconds>,
    /// Estimate run times for tasks that have none: true duration times exp(X times a standard normal); 0 is exact
    #[arg(long, value_name = "X", value_parser = estimate_error)]
    pub estimate_error: Option<f64>,
}

/// The policy and the choices that override its name.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policy")]
pub struct PolicyArguments {
    /// Policy, and choices that override it, as in best-fit or l2+easy: first-fit, best-fit, first-fit-decreasing,
    /// best-fit-decreasing, l2, priority, no-scheduler
    #[arg(long, value_name = "P", value_parser = policy)]
    pub policy: Option<PolicyChoices>,
    /// Who is tried first in a round
    #[arg(long, value_name = "O", value_parser = words(QueueOrder::ALL, QueueOrder::word))]
    pub order: Option<QueueOrder>,
    /// Which fitting node is taken
    #[arg(long, value_name = "F", value_parser = words(Fit::ALL, Fit::word))]
    pub fit: Option<Fit>,
    /// What happens behind a task that does not fit
    #[arg(long, value_name = "A", value_parser = words(Admission::ALL, Admission::word))]
    pub admission: Option<Admission>,
    /// Which cores of the node are taken
    #[arg(long, value_name = "C", value_parser = words(CoreChoice::ALL, CoreChoice::word))]
    pub core_choice: Option<CoreChoice>,
    /// A waiting task may evict tasks of lower priority
    #[arg(long)]
    pub preempt: bool,
    /// An attempt that runs longer than its estimate is killed
    #[arg(long)]
    pub kill_overrun: bool,
}

/// How long things take.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Timing")]
pub struct TimingArguments {
    /// Time between two rounds of planning (default 100ms)
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    pub round: Option<Seconds>,
    /// One-way latency of a message between machines (default 0)
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub latency: Option<Seconds>,
    /// Uniform addition to the latency, from 0 to this (default 0)
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub jitter: Option<Seconds>,
    /// Time from a node's last heartbeat to its being lost (default 10s)
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    pub lease: Option<Seconds>,
}

impl PolicyArguments {
    /// The choices of a policy as the flags change it.
    pub fn over(&self, base: PolicyChoices) -> PolicyChoices {
        PolicyChoices {
            name: base.name,
            order: self.order.or(base.order),
            fit: self.fit.or(base.fit),
            admission: self.admission.or(base.admission),
            cores: self.core_choice.or(base.cores),
            preempt: self.preempt || base.preempt,
            kill_overrun: self.kill_overrun || base.kill_overrun,
        }
    }
}

impl ClusterArguments {
    /// Cores of each node.
    pub fn cores(&self) -> Option<Cores> {
        self.cores.map(Cores)
    }
}
