//! Saved states of a cluster (docs/formats/state.md): the file as it is written, and the way from a state to it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NativeJob, SavedJob, SavedState};
use crate::{Bytes, Cores, CpuSet, Labels, Name, NodeClass, Progress, Seconds, Topology, TopologySpec};

/// A line of a document is at most so long; a wide job or a large class is written over several.
const LONGEST_LINE: usize = 1 << 19;

/// A saved state of a cluster.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Wharfinger state")]
pub struct StateDocument {
    /// `wharfinger-state`.
    #[schemars(extend("const" = Self::FORMAT))]
    pub format: String,
    /// The version of the format.
    #[schemars(extend("const" = Self::VERSION))]
    pub version: u32,
    /// The time of the state.
    pub time_s: Seconds,
    /// The nodes, in the order of their ids.
    pub nodes: Vec<NodesDocument>,
    /// The jobs that have not ended, in the order of their numbers.
    #[serde(default)]
    pub jobs: Vec<SavedJobDocument>,
}

/// Equal nodes with neighbouring ids.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodesDocument {
    /// Name of the class.
    pub class: Name,
    /// Cores of each, those of the host included.
    pub cores: Cores,
    /// Memory of each, that of the host included.
    pub memory: Bytes,
    /// How the cores lie.
    #[serde(default)]
    pub topology: TopologySpec,
    /// Labels.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub labels: Labels,
    /// Cores of each that are kept for the host, the lowest ids.
    #[serde(default)]
    pub host_cores: Cores,
    /// Memory of each that is kept for the host.
    #[serde(default)]
    pub host_memory: Bytes,
    /// The names of the nodes.
    pub names: Vec<Name>,
    /// Those of them that are down.
    #[serde(default)]
    pub down: Vec<Name>,
    /// Those of them that get no new tasks.
    #[serde(default)]
    pub cordoned: Vec<Name>,
}

/// A job that has not ended.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedJobDocument {
    /// The job.
    pub job: NativeJob,
    /// When it was submitted.
    pub submitted_s: Seconds,
    /// How its task instances stand; those that are not named wait.
    #[serde(default)]
    pub instances: Vec<InstanceDocument>,
}

/// How a task instance stands.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceDocument {
    /// Its task.
    pub task: Name,
    /// Which instance of the task, from 0.
    #[serde(default)]
    pub index: u32,
    /// How it stands.
    pub state: InstanceState,
    /// Where it runs.
    #[serde(default)]
    pub node: Option<Name>,
    /// On which cores.
    #[serde(default)]
    pub cpuset: Option<CpuSet>,
    /// Which attempt runs, from 1 (default 1).
    #[serde(default)]
    pub attempt: Option<u16>,
    /// When the attempt started (default: the time of the state).
    #[serde(default)]
    pub started_s: Option<Seconds>,
    /// When it will end, where that is known; else its duration is drawn.
    #[serde(default)]
    pub expected_end_s: Option<Seconds>,
}

/// How a task instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Not started, or to be started anew.
    Waiting,
    /// Runs.
    Running,
    /// Ended well.
    Succeeded,
}

impl StateDocument {
    /// What a file must call itself.
    pub const FORMAT: &str = "wharfinger-state";
    /// The version that is read and written.
    pub const VERSION: u32 = 1;

    /// Writes it, a job a line, without the fields that say nothing.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        write!(out, "{{\"format\": \"{}\", \"version\": {}, \"time_s\": ", self.format, self.version)?;
        serde_json::to_writer(&mut out, &self.time_s)?;
        write!(out, ",\n\"nodes\": [")?;
        lines(&self.nodes, &mut out)?;
        write!(out, "],\n\"jobs\": [")?;
        lines(&self.jobs, &mut out)?;
        writeln!(out, "]}}")
    }
}

impl From<&SavedState> for StateDocument {
    fn from(state: &SavedState) -> Self {
        let mut nodes: Vec<NodesDocument> = Vec::new();
        let mut class: Option<&Arc<NodeClass>> = None;
        for node in &state.nodes {
            if class.is_none_or(|class| **class != *node.spec.class) {
                class = Some(&node.spec.class);
                nodes.push(nodes_of(&node.spec.class));
            }
            let last = nodes.last_mut().expect("one was just put there");
            let name = &node.spec.name;
            last.names.push(name.clone());
            last.down.extend(node.down.then(|| name.clone()));
            last.cordoned.extend(node.cordoned.then(|| name.clone()));
        }
        let jobs = state.jobs.iter().map(job_of).collect();
        Self { format: Self::FORMAT.into(), version: Self::VERSION, time_s: Seconds(state.time), nodes, jobs }
    }
}

fn nodes_of(class: &NodeClass) -> NodesDocument {
    NodesDocument {
        class: class.name.clone(),
        cores: class.cores,
        memory: class.memory,
        topology: regular(&class.topology),
        labels: class.labels.clone(),
        host_cores: class.host_cores(),
        host_memory: class.host_memory,
        names: Vec::new(),
        down: Vec::new(),
        cordoned: Vec::new(),
    }
}

/// The regular topology that expands to this one; all topologies here come from such.
fn regular(topology: &Topology) -> TopologySpec {
    let numa = topology.numa.len() as u32;
    TopologySpec {
        numa,
        cache_groups: topology.cache.len() as u32 / numa.max(1),
        smt: topology.smt.first().map_or(1, |siblings| siblings.count().0),
    }
}

fn job_of(job: &SavedJob) -> SavedJobDocument {
    let body = &job.spec.body;
    let instance = |(number, progress): (usize, &Progress)| {
        let task = body.task_of(number as u32);
        let mut document = InstanceDocument {
            task: body.tasks[task].name.clone(),
            index: number as u32 - body.instances_of(task).start,
            state: InstanceState::Succeeded,
            node: None,
            cpuset: None,
            attempt: None,
            started_s: None,
            expected_end_s: None,
        };
        match progress {
            Progress::Waiting | Progress::Again { .. } => return None,
            Progress::Succeeded => {}
            Progress::Running { node, cpuset, attempt, started, ends } => {
                document.state = InstanceState::Running;
                document.node = Some(node.clone());
                document.cpuset = Some(cpuset.clone());
                document.attempt = Some(*attempt);
                document.started_s = Some(Seconds(*started));
                document.expected_end_s = ends.map(Seconds);
            }
        }
        Some(document)
    };
    SavedJobDocument {
        job: NativeJob::from(&job.spec),
        submitted_s: Seconds(job.submitted),
        instances: job.progress.iter().enumerate().filter_map(instance).collect(),
    }
}

fn lines<T: Serialize>(items: &[T], mut out: impl Write) -> io::Result<()> {
    for (index, item) in items.iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        let mut value = serde_json::to_value(item)?;
        prune(&mut value);
        // A longer line would not be read.
        if value.to_string().len() > LONGEST_LINE {
            serde_json::to_writer_pretty(&mut out, &value)?;
        } else {
            serde_json::to_writer(&mut out, &value)?;
        }
    }
    Ok(())
}

/// Takes out nulls and what is empty; all of it is what an absent field means. An empty text may mean something and stays.
fn prune(value: &mut serde_json::Value) {
    let is_nothing = |value: &serde_json::Value| match value {
        serde_json::Value::Null => true,
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(prune),
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| !is_nothing(value));
        }
        _ => {}
    }
}
