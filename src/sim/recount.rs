//! The full recount of a running simulation, for tests and `--check`: what the machines keep by steps is counted again from
//! the beginning, and what one machine believes is held against the others.

use std::collections::BTreeMap;

use model::{Bytes, Cores, CpuSet, NodeId, TaskKey};

use super::world::World;

/// Counts everything again.
///
/// # Errors
/// A sentence about the first thing that does not agree.
pub fn recount(world: &World) -> Result<(), String> {
    let (job_manager, global_manager) = world.machines();
    let ledger = global_manager.free();
    ledger.recount().map_err(|fault| format!("the ledger: {fault}"))?;
    job_manager.planner().inventory().recount().map_err(|fault| format!("the planner's inventory: {fault}"))?;
    let mut holders: BTreeMap<TaskKey, u32> = BTreeMap::new();
    for node in (0..ledger.len() as u32).map(NodeId) {
        let (free, class) = (ledger.free_cpuset(node), ledger.class(node));
        let mut held = CpuSet::new();
        for (task, _, cpuset) in global_manager.holders(node) {
            if !cpuset.is_disjoint(&held) || !cpuset.is_disjoint(&free) {
                return Err(format!("{task} holds cores {cpuset} of {node}, which are free or held by another too"));
            }
            held = held.iter().chain(cpuset.iter()).collect();
            *holders.entry(task).or_default() += 1;
        }
        let (cores, all): (Cores, Cores) = (held.count() + free.count(), class.task_cores());
        if cores != all {
            return Err(format!("{node} has {cores} held or free, of {all}"));
        }
        let free_memory: Bytes = ledger.free_memory(node);
        if free_memory > class.task_memory() {
            return Err(format!("{node} has more memory free than it has"));
        }
    }
    // Only a move holds two places: the source until the restore is confirmed.
    match holders.into_iter().find(|(_, places)| *places > 2) {
        Some((task, places)) => Err(format!("{task} holds {places} places")),
        None => Ok(()),
    }
}
