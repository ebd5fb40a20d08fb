//! What is known of a finished run: the input of every output format. Filled by the recorder, read by the renderers.

use std::sync::Arc;

use model::{Bytes, Cause, Cores, CpuSet, JobBody, JobId, JobState, Millis, Name, NodeId, TaskKey};

use super::summary::Summary;

/// A finished (or interrupted) run.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The figures of the whole run.
    pub summary: Summary,
    /// One row a job, by job id.
    pub jobs: Vec<JobRow>,
    /// The cluster over time.
    pub series: Series,
    /// Used-core ratio by node group and time.
    pub heat: Heat,
    /// Core occupancy in the chosen window.
    pub gantt: Gantt,
    /// Policy switches and node failures, repairs and drains, as (when, text), in time order; bounded.
    pub marks: Vec<(Millis, String)>,
}

/// One job of a run.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Its id.
    pub job: JobId,
    /// Its name.
    pub name: Name,
    /// What it asked for.
    pub body: Arc<JobBody>,
    /// Where it stood at the end.
    pub state: JobState,
    /// Why it never ran, where no node could ever hold it.
    pub rejected: Option<Cause>,
    /// When it was submitted.
    pub submitted: Millis,
    /// When its first task first ran.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Option<Millis>,
    /// Attempts beyond the first of each task instance.
    pub retries: u32,
    /// Runs that the system stopped (preempted, drained, rolled back).
    pub evictions: u32,
    /// Completed moves.
    pub migrations: u32,
}

/// The cluster over time, in bins of equal width; each value is the time-weighted mean over its bin.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// When the first bin starts.
    pub start: Millis,
    /// Width of a bin.
    pub bin: Millis,
    /// Reserved cores.
    pub used_cores: Vec<f64>,
    /// Task cores of the nodes that are up.
    pub capacity_cores: Vec<f64>,
    /// Reserved memory, bytes.
    pub used_memory: Vec<f64>,
    /// Ready task instances that wait for a place.
    pub waiting_tasks: Vec<f64>,
    /// Running task instances.
    pub running_tasks: Vec<f64>,
    /// Nodes that hold at least one task.
    pub used_nodes: Vec<f64>,
}

/// Used-core ratio, 0 to 1, by group of neighbouring nodes and bin of time.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// When the first bin starts.
    pub start: Millis,
    /// Width of a bin.
    pub bin: Millis,
    /// First and last node of each group.
    pub groups: Vec<(NodeId, NodeId)>,
    /// One row a group, one value a bin.
    pub ratio: Vec<Vec<f32>>,
}

/// Core occupancy in a window of time on a few nodes.
#[derive(Clone, Debug, Default)]
pub struct Gantt {
    /// Start of the window.
    pub from: Millis,
    /// End of the window.
    pub until: Millis,
    /// The nodes shown, with their cores.
    pub nodes: Vec<(NodeId, Cores)>,
    /// What held which cores, in order of start; bounded.
    pub bars: Vec<Bar>,
    /// How many bars were left out because there were too many.
    pub left_out: u64,
}

/// One run that held cores.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The instance.
    pub task: TaskKey,
    /// Where.
    pub node: NodeId,
    /// Which cores.
    pub cpuset: CpuSet,
    /// How much memory.
    pub memory: Bytes,
    /// When it began to hold them.
    pub from: Millis,
    /// When it let them go; the end of the run where it still held them.
    pub until: Millis,
}
