//! Nodes as documents write them: classes of equal machines, expanded to nodes with names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::{Bytes, Cores, JobBody, Labels, MOST_CORES, Name, NodeClass, NodeId, NodeSpec, Topology, TopologySpec};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::sim::input::Fault;

/// The most nodes of a cluster.
const MOST_NODES: u64 = 10_000_000;

/// A number of equal nodes. They are named `<name>-<n>`, n from 0.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassDocument {
    /// Name of the class (default `node`).
    #[serde(default = "node")]
    pub name: Name,
    /// How many of them.
    #[schemars(range(min = 1, max = MOST_NODES))]
    pub count: u64,
    /// Cores of each, those of the host included.
    #[schemars(range(min = 1, max = MOST_CORES))]
    pub cores: Cores,
    /// Memory of each, that of the host included.
    pub memory: Bytes,
    /// How the cores lie (default: one NUMA node, one cache, no siblings).
    #[serde(default)]
    pub topology: Option<TopologySpec>,
    /// Labels, for constraints and preferences of tasks.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub labels: Labels,
    /// Cores of each that are kept for the host, the lowest ids.
    #[serde(default)]
    pub host_cores: Cores,
    /// Memory of each that is kept for the host.
    #[serde(default)]
    pub host_memory: Bytes,
}

fn node() -> Name {
    "node".parse().expect("letters are a name")
}

impl ClassDocument {
    /// Plain nodes named `node-0`, `node-1` and so on, as `--nodes --cores --memory` ask for.
    #[must_use]
    pub fn plain(count: u64, cores: Cores, memory: Bytes) -> Self {
        let labels = Labels::new();
        Self { name: node(), count, cores, memory, topology: None, labels, host_cores: Cores::ZERO, host_memory: Bytes::ZERO }
    }

    /// The class.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn class(&self) -> Result<NodeClass, (&'static str, Fault)> {
        let cores = self.cores.0;
        if !(1..=MOST_CORES).contains(&cores) {
            return Err(("cores", Fault::Value(format!("it is {cores}: a node has from 1 to {MOST_CORES} cores"))));
        }
        if self.host_cores >= self.cores {
            return Err((
                "host_cores",
                Fault::Contradiction(format!("the host keeps {} of {cores} cores: none is left for tasks", self.host_cores.0)),
            ));
        }
        if self.host_memory > self.memory {
            return Err(("host_memory", Fault::Contradiction(format!("the host keeps {} of {}", self.host_memory, self.memory))));
        }
        let topology = match self.topology {
            None => Topology::flat(self.cores),
            Some(topology) => topology.expand(self.cores).map_err(|error| ("topology", Fault::Contradiction(error.to_string())))?,
        };
        Ok(NodeClass {
            name: self.name.clone(),
            cores: self.cores,
            memory: self.memory,
            topology,
            labels: self.labels.clone(),
            offered: NodeClass::above_host(self.cores, self.host_cores),
            host_memory: self.host_memory,
        })
    }
}

/// The nodes of a cluster, also by name.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// By id.
    pub nodes: Vec<Arc<NodeSpec>>,
    ids: HashMap<Name, NodeId>,
}

impl Cluster {
    /// Expands classes.
    ///
    /// # Errors
    /// The path of the field, and what is wrong with it.
    pub fn expand(classes: &[ClassDocument]) -> Result<Self, (String, Fault)> {
        let total: u64 = classes.iter().map(|class| class.count.min(MOST_NODES + 1)).sum();
        if total > MOST_NODES {
            return Err(("nodes".into(), Fault::Value(format!("{total} nodes or more: at most {MOST_NODES}"))));
        }
        let mut nodes = Vec::with_capacity(total as usize);
        for (index, document) in classes.iter().enumerate() {
            let at = |field: &str| format!("nodes[{index}].{field}");
            if document.count == 0 {
                return Err((at("count"), Fault::Value("it is 0: a class has at least one node".into())));
            }
            if classes[..index].iter().any(|earlier| earlier.name == document.name) {
                return Err((at("name"), Fault::Duplicate(format!("a class before has the name `{}` too", document.name))));
            }
            let class = Arc::new(document.class().map_err(|(field, fault)| (at(field), fault))?);
            for number in 0..document.count {
                let name = format!("{}-{number}", class.name).parse().map_err(|error| (at("name"), Fault::Value(format!("{error}"))))?;
                nodes.push(Arc::new(NodeSpec { name, class: Arc::clone(&class) }));
            }
        }
        Self::of(nodes).map_err(|fault| ("nodes".into(), fault))
    }

    /// A cluster of these nodes.
    ///
    /// # Errors
    /// When there is none, or two have one name.
    pub fn of(nodes: Vec<Arc<NodeSpec>>) -> Result<Self, Fault> {
        if nodes.is_empty() {
            return Err(Fault::Value("there is no node: a cluster needs at least one".into()));
        }
        let mut ids = HashMap::with_capacity(nodes.len());
        for (id, node) in nodes.iter().enumerate() {
            if ids.insert(node.name.clone(), NodeId(id as u32)).is_some() {
                return Err(Fault::Duplicate(format!("two nodes have the name `{}`", node.name)));
            }
        }
        Ok(Self { nodes, ids })
    }

    /// The id of a node.
    ///
    /// # Errors
    /// When there is none of the name; with the nearest.
    pub fn id(&self, name: &Name) -> Result<NodeId, Fault> {
        let unknown = || Fault::unknown("node", name.as_str(), self.nodes.iter().map(|node| node.name.as_str()));
        self.ids.get(name).copied().ok_or_else(unknown)
    }

    /// Checks that pins of a job name nodes and cores that there are.
    ///
    /// # Errors
    /// The path of the field within the job, and what is wrong with it.
    pub fn check_pins(&self, body: &JobBody) -> Result<(), (String, Fault)> {
        for task in &body.tasks {
            let Some(pin) = &task.rules.pin else { continue };
            let node = self.id(&pin.node).map_err(|fault| (format!("tasks.{}.pin.node", task.name), fault))?;
            let cores = self.nodes[node.index()].class.task_cpuset();
            if !pin.cpuset.is_subset(&cores) {
                let cause = format!("`{}` are not all cores that node `{}` has for tasks (`{cores}`)", pin.cpuset, pin.node);
                return Err((format!("tasks.{}.pin.cpuset", task.name), Fault::Contradiction(cause)));
            }
        }
        Ok(())
    }
}

/// The most cores and the most memory that tasks find on one node; not always the same one.
#[must_use]
pub(super) fn largest(nodes: &[Arc<NodeSpec>]) -> (Cores, Bytes) {
    nodes.iter().fold((Cores::ZERO, Bytes::ZERO), |(cores, memory), node| {
        (cores.max(node.class.task_cores()), memory.max(node.class.task_memory()))
    })
}
