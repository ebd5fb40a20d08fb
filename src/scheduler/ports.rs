//! Host ports that tasks hold. On a node each has one holder: the one check of planner and ledger.

use std::collections::BTreeMap;

use model::{HostPort, NodeId, Protocol, TaskKey};
use serde::{Deserialize, Serialize};

/// Who holds which host ports. Only ports that are held cost anything: few tasks ask for one.
///
/// ```
/// # use model::{HostPort, JobId, NodeId, Protocol, TaskKey};
/// # use scheduler::ports::Ports;
/// let http = [HostPort { port: 80, protocol: Protocol::Tcp }];
/// let task = TaskKey { job: JobId(0), instance: 0 };
/// let mut ports = Ports::default();
/// ports.take(NodeId(0), task, &http);
/// assert!(!ports.are_free(NodeId(0), &http) && ports.are_free(NodeId(1), &http));
/// ports.give(NodeId(0), task);
/// assert!(ports.are_free(NodeId(0), &http));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    holders: BTreeMap<(NodeId, HostPort), TaskKey>,
}

impl Ports {
    /// Whether no task holds any of these ports of the node.
    #[must_use]
    #[inline]
    pub fn are_free(&self, node: NodeId, ports: &[HostPort]) -> bool {
        ports.is_empty() || self.taken(node, ports).next().is_none()
    }

    /// Those of the ports that are held on the node, with their holders.
    pub fn taken(&self, node: NodeId, ports: &[HostPort]) -> impl Iterator<Item = (HostPort, TaskKey)> {
        ports.iter().filter_map(move |&port| Some((port, *self.holders.get(&(node, port))?)))
    }

    /// Gives free ports of the node to a task.
    ///
    /// # Panics
    /// When one of them is held.
    #[inline]
    pub fn take(&mut self, node: NodeId, task: TaskKey, ports: &[HostPort]) {
        for &port in ports {
            let holder = self.holders.insert((node, port), task);
            assert!(holder.is_none(), "{port} of {node} was free");
        }
    }

    /// Takes back all ports that the task holds on the node.
    #[inline]
    pub fn give(&mut self, node: NodeId, task: TaskKey) {
        if self.holders.is_empty() {
            return;
        }
        let all = (node, HostPort { port: 0, protocol: Protocol::Tcp })..=(node, HostPort { port: u16::MAX, protocol: Protocol::Udp });
        let held: Vec<_> = self.holders.range(all).filter(|(_, holder)| **holder == task).map(|(&port, _)| port).collect();
        for port in held {
            self.holders.remove(&port);
        }
    }

    /// All held ports with their holders, by node.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, HostPort, TaskKey)> + '_ {
        self.holders.iter().map(|(&(node, port), &task)| (node, port, task))
    }
}
