//! Why a need finds no node: the dimension that is short, by how much, and on which node. Worked out on demand.

use std::cmp::Reverse;

use model::{Bytes, Cores, NodeId, WaitReason};

use super::{Inventory, Need};

impl Inventory {
    /// Why no open node has room; `None` when one has (whatever the fit, `pinned` too). Reads every node.
    ///
    /// `CoresShort` names the open node with the most free cores; where some have enough, `MemoryShort` names among
    /// those the one with the most free memory; the lowest index among equals.
    #[must_use]
    pub fn nearest(&self, need: Need) -> Option<WaitReason> {
        self.nearest_where(need, |_| true)
    }

    /// The same among the allowed nodes only.
    #[must_use]
    pub fn nearest_where(&self, need: Need, mut allow: impl FnMut(NodeId) -> bool) -> Option<WaitReason> {
        let (mut most_cores, mut most_memory) = (None, None);
        for (index, record) in self.nodes.iter().enumerate() {
            let node = NodeId(index as u32);
            if !record.open || !allow(node) {
                continue;
            }
            most_cores = most_cores.max(Some((record.cores, Reverse(node))));
            if record.cores >= need.cores.0 {
                most_memory = most_memory.max(Some((record.memory, Reverse(node))));
            }
        }
        match (most_cores, most_memory) {
            (None, _) => Some(WaitReason::NoNode),
            (_, Some((memory, _))) if memory >= need.memory.0 => None,
            (_, Some((memory, Reverse(nearest)))) => Some(WaitReason::MemoryShort { short_by: Bytes(need.memory.0 - memory), nearest }),
            (Some((cores, Reverse(nearest))), None) => Some(WaitReason::CoresShort { short_by: Cores(need.cores.0 - cores), nearest }),
        }
    }
}
