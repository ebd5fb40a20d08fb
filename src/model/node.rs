//! Nodes: what a machine offers to tasks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Bytes, Cores, CpuSet, Labels, MOST_CORES, Name, Topology};

/// What the nodes of one kind have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeClass {
    /// Name of the class.
    pub name: Name,
    /// All cores of the machine.
    pub cores: Cores,
    /// All memory of the machine.
    pub memory: Bytes,
    /// How the cores lie.
    pub topology: Topology,
    /// Labels, for constraints and preferences.
    pub labels: Labels,
    /// The ids of the cores that tasks may have, each below `cores`; the host keeps the others, or another worker has them.
    pub offered: CpuSet,
    /// Memory kept for the host.
    pub host_memory: Bytes,
}

impl NodeClass {
    /// A class without labels, host share or structure.
    #[must_use]
    pub fn plain(name: Name, cores: Cores, memory: Bytes) -> Self {
        Self {
            name,
            cores,
            memory,
            topology: Topology::flat(cores),
            labels: Labels::new(),
            offered: CpuSet::first(cores),
            host_memory: Bytes::ZERO,
        }
    }

    /// Whether its numbers fit each other and what is kept for a core, so that a worker's word alone cannot claim room for cores that are none.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let Topology { numa, cache, smt } = &self.topology;
        (1..=MOST_CORES).contains(&self.cores.0)
            && self.offered.is_subset(&CpuSet::first(self.cores))
            && [numa, cache, smt].iter().all(|groups| groups.len() <= self.cores.0 as usize)
            && self.host_memory <= self.memory
    }

    /// The ids of the cores that tasks may have where the host keeps the lowest ones.
    #[must_use]
    pub fn above_host(cores: Cores, host: Cores) -> CpuSet {
        (host.0..cores.0).collect()
    }

    /// The label that says what runs its tasks.
    pub const ENGINE: &str = "engine";
    /// The label that says where its host is reached, by which clients of the earlier system call it.
    pub const ADDRESS: &str = "address";
    /// The engine of plain processes.
    pub const PROCESSES: &str = "process";

    /// What runs its tasks, as its worker says; a simulated node says nothing.
    #[must_use]
    pub fn engine(&self) -> Option<&str> {
        self.labels.get(Self::ENGINE).map(String::as_str)
    }

    /// Whether its engine can move a running task to another node; that of plain processes cannot.
    #[must_use]
    pub fn moves_tasks(&self) -> bool {
        self.engine() != Some(Self::PROCESSES)
    }

    /// How many cores tasks may have.
    #[must_use]
    pub fn task_cores(&self) -> Cores {
        self.offered.count()
    }

    /// How many cores are never given to tasks.
    #[must_use]
    pub fn host_cores(&self) -> Cores {
        self.cores.saturating_sub(self.task_cores())
    }

    /// The memory that tasks may have.
    #[must_use]
    pub fn task_memory(&self) -> Bytes {
        self.memory.saturating_sub(self.host_memory)
    }

    /// The ids of the cores that tasks may have.
    #[must_use]
    pub fn task_cpuset(&self) -> CpuSet {
        self.offered.clone()
    }
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Its name, unique in the cluster.
    pub name: Name,
    /// What it offers.
    pub class: Arc<NodeClass>,
}

impl NodeSpec {
    /// Labels that say how a node runs its tasks and where it is reached: they stay as its worker says them.
    pub const FIXED_LABELS: [&str; 3] = [NodeClass::ENGINE, "ip", NodeClass::ADDRESS];

    /// The node with these labels and no others.
    ///
    /// # Errors
    /// A fixed label that would not stay as it is.
    pub fn relabelled(&self, labels: Labels) -> Result<Self, &'static str> {
        match Self::FIXED_LABELS.into_iter().find(|&fixed| labels.get(fixed) != self.class.labels.get(fixed)) {
            Some(fixed) => Err(fixed),
            None => Ok(Self { name: self.name.clone(), class: Arc::new(NodeClass { labels, ..NodeClass::clone(&self.class) }) }),
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Known, not heard of yet.
    Joining,
    /// Heard of in time.
    Ready,
    /// Its lease has run out.
    Unreachable,
    /// No new work; tasks are leaving.
    Draining,
    /// Removed.
    Left,
}

impl NodeState {
    /// Every state with its word in documents.
    pub const WORDS: [(Self, &'static str); 5] = [
        (Self::Joining, "joining"),
        (Self::Ready, "ready"),
        (Self::Unreachable, "unreachable"),
        (Self::Draining, "draining"),
        (Self::Left, "left"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_claims_no_cores_that_cannot_be() {
        let class =
            |cores: u32| NodeClass { offered: CpuSet::first(Cores(2)), ..NodeClass::plain("c".parse().unwrap(), Cores(cores), Bytes(1)) };
        assert!(class(2).is_sound() && class(MOST_CORES).is_sound());
        let endless = NodeClass { cores: Cores(u32::MAX), ..class(2) };
        let foreign = NodeClass { offered: [5].into_iter().collect(), ..class(2) };
        let crowded = NodeClass { topology: Topology { numa: vec![CpuSet::new(); 100], ..class(2).topology }, ..class(2) };
        let greedy = NodeClass { host_memory: Bytes(2), ..class(2) };
        assert!(
            [class(1), NodeClass { cores: Cores(0), ..class(2) }, endless, foreign, crowded, greedy].iter().all(|class| !class.is_sound())
        );
    }
}
