//! A node as the public sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Bytes, Cores, CpuSet, Millis, NodeSpec, NodeState, Run, TaskKey};
use serde::{Deserialize, Serialize};

/// A node with what is held on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeView {
    /// What it offers.
    pub spec: Arc<NodeSpec>,
    /// Where it stands.
    pub state: NodeState,
    /// Since when.
    pub since: Millis,
    /// It gets no new tasks.
    pub cordoned: bool,
    /// Its epoch.
    pub epoch: u32,
    /// Which runs hold which of its cores.
    pub held: BTreeMap<TaskKey, (Run, CpuSet)>,
    /// Cores that are held.
    pub used_cores: Cores,
    /// Memory that is held.
    pub used_memory: Bytes,
}

impl NodeView {
    /// A node that just joined.
    pub(super) fn new(spec: Arc<NodeSpec>, epoch: u32, now: Millis) -> Self {
        Self {
            spec,
            state: NodeState::Joining,
            since: now,
            cordoned: false,
            epoch,
            held: BTreeMap::new(),
            used_cores: Cores::ZERO,
            used_memory: Bytes::ZERO,
        }
    }
}
