//! How a node's cores lie: NUMA nodes, cache groups, SMT siblings. Data of a node class, not of each node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cores, CpuSet};

/// Core ids by NUMA node, by shared last-level cache and by physical core. Each list covers every core once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topology {
    /// Cores of each NUMA node.
    pub numa: Vec<CpuSet>,
    /// Cores of each last-level cache.
    pub cache: Vec<CpuSet>,
    /// Sibling threads of each physical core.
    pub smt: Vec<CpuSet>,
}

/// A regular topology as a user writes it. Core ids run through the siblings of a physical core first, then the
/// cores of a cache group, then the cache groups of a NUMA node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TopologySpec {
    /// NUMA nodes.
    pub numa: u32,
    /// Cache groups of each NUMA node.
    pub cache_groups: u32,
    /// Threads of each physical core.
    pub smt: u32,
}

impl Default for TopologySpec {
    fn default() -> Self {
        Self { numa: 1, cache_groups: 1, smt: 1 }
    }
}

/// Why a topology does not fit a number of cores.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cores} cores do not divide into {numa} NUMA nodes of {cache_groups} cache groups with {smt} threads a core")]
pub struct BadTopology {
    cores: u32,
    numa: u32,
    cache_groups: u32,
    smt: u32,
}

impl TopologySpec {
    /// The core ids of each group.
    ///
    /// # Errors
    /// When the cores do not divide evenly.
    pub fn expand(self, cores: Cores) -> Result<Topology, BadTopology> {
        let Self { numa, cache_groups, smt } = self;
        let caches = u64::from(numa) * u64::from(cache_groups);
        let parts = caches * u64::from(smt);
        if parts == 0 || !u64::from(cores.0).is_multiple_of(parts) || cores.0 == 0 {
            return Err(BadTopology { cores: cores.0, numa, cache_groups, smt });
        }
        let split = |size: u32| (0..cores.0 / size).map(|part| (part * size..(part + 1) * size).collect()).collect();
        Ok(Topology { numa: split(cores.0 / numa), cache: split(cores.0 / caches as u32), smt: split(smt) })
    }
}

impl Topology {
    /// One NUMA node, one cache group, no siblings.
    #[must_use]
    pub fn flat(cores: Cores) -> Self {
        let all = vec![CpuSet::first(cores)];
        Self { numa: all.clone(), cache: all, smt: (0..cores.0).map(|core| [core].into_iter().collect()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_topology_covers_every_core_once() {
        let topology = TopologySpec { numa: 2, cache_groups: 2, smt: 2 }.expand(Cores(16)).unwrap();
        let text = |groups: &[CpuSet]| groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(text(&topology.numa), "0-7 8-15");
        assert_eq!(text(&topology.cache), "0-3 4-7 8-11 12-15");
        assert_eq!(text(&topology.smt), "0-1 2-3 4-5 6-7 8-9 10-11 12-13 14-15");
        assert!(TopologySpec { numa: 3, cache_groups: 1, smt: 1 }.expand(Cores(16)).is_err());
        assert!(TopologySpec { numa: 0, cache_groups: 1, smt: 1 }.expand(Cores(16)).is_err());
    }
}
