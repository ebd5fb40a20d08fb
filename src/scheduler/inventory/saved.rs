//! The inventory's serialised form: what is free on each node. The index is not in it: its choices follow from what is free.

use std::sync::Arc;

use model::{Bytes, CoreChoice, CpuSet, Fit, NodeClass, NodeId};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Inventory;

#[derive(Serialize, Deserialize)]
struct Saved {
    fit: Fit,
    cores: CoreChoice,
    /// Each once, so that nodes share them again.
    classes: Vec<Arc<NodeClass>>,
    nodes: Vec<SavedNode>,
}

#[derive(Serialize, Deserialize)]
struct SavedNode {
    class: u32,
    open: bool,
    /// What tasks hold of it; nothing on most nodes of a new cluster.
    taken: CpuSet,
    memory: Bytes,
}

impl Serialize for Inventory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let classes = self.classes.iter().map(|class| Arc::clone(&class.class)).collect();
        let nodes = (0..).map(NodeId).zip(&self.nodes).map(|(node, record)| {
            let class = self.classes.get(record.class);
            let taken = CpuSet::from_words(&class.task_words).without(&self.free_cpuset(node));
            SavedNode { class: record.class, open: record.open, taken, memory: Bytes(class.capacity.memory - record.memory) }
        });
        Saved { fit: self.fit, cores: self.cores, classes, nodes: nodes.collect() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Inventory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Saved::deserialize(deserializer)?;
        // Without an index until all nodes are there, so that it is built once.
        let mut inventory = Self::new(Fit::Pinned, saved.cores);
        for SavedNode { class, open, taken, memory } in &saved.nodes {
            let class = saved.classes.get(*class as usize).ok_or_else(|| D::Error::custom("a node of an unknown class"))?;
            let node = inventory.add_node(class);
            if !inventory.take_exact(node, taken, *memory) {
                return Err(D::Error::custom(format!("more is taken of {node} than its class has")));
            }
            inventory.set_open(node, *open);
        }
        inventory.set_policy(saved.fit, saved.cores);
        Ok(inventory)
    }
}
