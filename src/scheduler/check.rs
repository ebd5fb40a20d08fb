//! The plan linter: what must hold of every plan, checked from outside with no index and no cleverness.

use std::collections::BTreeMap;

use model::{CpuSet, NodeId, Plan};

use crate::inventory::Inventory;
use crate::ports::Ports;

/// What is wrong with a plan, judged against the ledger before it; an empty list: nothing.
///
/// It must name each task once, put each on an open node with named free cores, and use no core, byte or host port twice.
#[must_use]
pub fn faults(plan: &Plan, ledger: &Inventory, ports: &Ports) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ports = ports.clone();
    let mut taken: BTreeMap<NodeId, (CpuSet, u64)> = BTreeMap::new();
    let mut tasks = std::collections::BTreeSet::new();
    for placement in plan.placements.iter().chain(plan.moves.iter().map(|moved| &moved.to)) {
        let (task, node) = (placement.task, placement.node);
        if !tasks.insert(task) {
            faults.push(format!("{task} is placed twice"));
        }
        if !ledger.is_open(node) {
            faults.push(format!("{task} goes to {node}, which is closed"));
        }
        let (cpuset, memory) = taken.entry(node).or_insert_with(|| (CpuSet::new(), 0));
        if !cpuset.is_disjoint(&placement.cpuset) || !placement.cpuset.is_subset(&ledger.free_cpuset(node)) {
            faults.push(format!("{task} gets cores {} of {node}, which are not free", placement.cpuset));
        }
        *cpuset = cpuset.iter().chain(placement.cpuset.iter()).collect();
        *memory += placement.memory.0;
        if *memory > ledger.free_memory(node).0 {
            faults.push(format!("{task} asks for more memory than {node} has free"));
        }
        let spec = &placement.spec;
        match spec.host_ports() {
            asked if ports.are_free(node, &asked) => ports.take(node, task, &asked),
            _ => faults.push(format!("{task} asks for a host port of {node} that is taken")),
        }
        if placement.cpuset.count() != spec.cores || placement.memory != spec.memory {
            faults.push(format!("{task} does not get what it asked for"));
        }
    }
    for pair in plan.placements.windows(2) {
        if pair[0].gang == pair[1].gang && pair[0].task.job != pair[1].task.job {
            faults.push(format!("{} and {} are of different jobs and share a gang", pair[0].task, pair[1].task));
        }
    }
    faults
}
