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
    /// Heartbeats of it are missing; its lease holds.
    pub suspect: bool,
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
    /// Whether it gets new tasks.
    #[must_use]
    pub fn is_schedulable(&self) -> bool {
        self.state == NodeState::Ready && !self.cordoned && !self.suspect
    }

    /// A node that just joined.
    pub(super) fn new(spec: Arc<NodeSpec>, epoch: u32, now: Millis) -> Self {
        Self {
            spec,
            state: NodeState::Joining,
            since: now,
            cordoned: false,
            suspect: false,
            epoch,
            held: BTreeMap::new(),
            used_cores: Cores::ZERO,
            used_memory: Bytes::ZERO,
        }
    }
}
