//! Frames of `GET /v1/cells`: which task holds which core of which node, packed (docs/formats/cells.md).
//!
//! A frame is written in postcard's encoding: numbers as LEB128, texts and lists with their length before them, an option as 0, or 1
//! and its value. Times are milliseconds before the frame's own time, so that most of them are short.

use model::CpuSet;
use serde::{Deserialize, Serialize};

/// Some cores: where a run of them begins, and how many there are.
pub type Cores = Vec<(u32, u32)>;

/// What changed since the frame before, or a part of all there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The reader forgets what it knows: from here on it gets everything.
    pub anew: bool,
    /// Nothing is left of what was to be told anew.
    pub whole: bool,
    /// The latest event that is in it.
    pub seq: u64,
    /// Its time: milliseconds since the Unix epoch, or since the start of a simulation.
    pub time: u64,
    /// The policy in force.
    pub policy: String,
    /// Task instances that wait for a place.
    pub waiting: u64,
    /// Task instances placed since the first start, each attempt and move counted.
    pub placed: u64,
    /// Nodes that are new or otherwise.
    pub nodes: Vec<NodeCells>,
    /// Jobs of which something was placed.
    pub jobs: Vec<JobLabel>,
    /// What holds cores, and is new or otherwise.
    pub held: Vec<Held>,
    /// What holds none any more.
    pub freed: Vec<Freed>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeCells {
    /// Its number.
    pub node: u32,
    /// Its name.
    pub name: String,
    /// Its state, by its place among joining, ready, unreachable, draining and left.
    pub state: u8,
    /// How long it is in that state.
    pub for_ms: u64,
    /// It gets no new tasks.
    pub cordoned: bool,
    /// Heartbeats are missing; its lease holds.
    pub suspect: bool,
    /// The cores that tasks may have.
    pub cores: Cores,
    /// Its NUMA nodes.
    pub numa: Vec<Cores>,
    /// Its groups of cores with one cache.
    pub cache: Vec<Cores>,
    /// The memory that tasks may have.
    pub memory_bytes: u64,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// What is to be known of a job to show a core of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobLabel {
    /// Its number.
    pub job: u32,
    /// Its name.
    pub name: String,
    /// Its class: the label `class`, else its tenant, else nothing.
    pub class: String,
    /// Its priority.
    pub priority: i32,
    /// How long ago it was submitted.
    pub submitted_ms: u64,
    /// Its tasks, with the number of instances of each.
    pub tasks: Vec<(String, u32)>,
}

/// A task instance that holds cores of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The node's number.
    pub node: u32,
    /// The job's number.
    pub job: u32,
    /// Which instance of the job.
    pub instance: u32,
    /// Its state, by its place among blocked, ready, scheduled, running, migrating, stopping, lost, succeeded, failed, stopped and skipped.
    pub state: u8,
    /// The cores.
    pub cores: Cores,
    /// How long it is in that state.
    pub for_ms: u64,
    /// How long ago it began to run.
    pub started_ms: Option<u64>,
    /// How long it is expected to run; 0: nobody said.
    pub expected_ms: u64,
}

/// A task instance that holds no cores of a node any more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Freed {
    /// The node's number.
    pub node: u32,
    /// The job's number.
    pub job: u32,
    /// Which instance of the job.
    pub instance: u32,
}

/// A set as runs of cores.
pub fn runs(set: &CpuSet) -> Cores {
    let mut runs: Cores = Vec::new();
    for core in set.iter() {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == core => *count += 1,
            _ => runs.push((core, 1)),
        }
    }
    runs
}

impl Frame {
    /// The frame as it is sent: its length in four bytes, the least first, and the frame.
    #[must_use]
    pub fn packed(&self) -> Vec<u8> {
        let body = postcard::to_stdvec(self).expect("a frame is written to memory");
        let length = u32::try_from(body.len()).expect("a frame is bounded by what is told at once");
        [&length.to_le_bytes()[..], &body].concat()
    }
}
