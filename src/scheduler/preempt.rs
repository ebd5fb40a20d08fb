//! Preemption: which tasks of lower priority yield their places to a unit that waits.

use model::{NodeId, TaskKey};
use serde::{Deserialize, Serialize};

use crate::gang::Ask;
use crate::inventory::Need;
use crate::room::{Asker, Room};

/// A running task that yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Victim {
    /// Which task.
    pub task: TaskKey,
    /// Where it runs.
    pub node: NodeId,
}

/// The victims whose places, with what is free, hold every member of the unit; `None` where no choice of them does.
///
/// For each member it takes the node that needs the lowest priorities to yield, then the fewest tasks, then the lowest index.
/// On a node the lowest priorities yield first, among equals the largest task.
#[must_use]
pub fn victims(room: &Room, ask: Ask) -> Option<Vec<Victim>> {
    if !room.held.any_below(ask.priority) {
        return None;
    }
    let mut chosen: Vec<Victim> = Vec::new();
    let mut used: Vec<(NodeId, Need)> = Vec::new();
    for part in &ask.shape.parts {
        let asker = Asker { job: ask.job, priority: ask.priority, part };
        for _ in 0..part.count {
            let options = (0..room.inventory.len() as u32).map(NodeId).filter(|&node| {
                let mates = room.has_mate(asker, node) || used.iter().any(|place| place.0 == node);
                room.inventory.is_open(node) && room.may_hold(asker, node, mates)
            });
            let costs = options.filter_map(|node| yielding(room, node, part.need, ask.priority, &chosen, &used).map(|found| (found, node)));
            let ((_, mut yields), node) = costs.min_by_key(|((worst, yields), node)| (*worst, yields.len(), *node))?;
            chosen.append(&mut yields);
            used.push((node, part.need));
        }
    }
    Some(chosen)
}

/// The tasks that must yield on one node, with the highest priority among them.
fn yielding(
    room: &Room,
    node: NodeId,
    need: Need,
    priority: i32,
    chosen: &[Victim],
    used: &[(NodeId, Need)],
) -> Option<(i32, Vec<Victim>)> {
    let mut cores = i64::from(room.inventory.free_cores(node).0);
    let mut memory = room.inventory.free_memory(node).0 as i64;
    for (_, taken) in used.iter().filter(|(taken_on, _)| *taken_on == node) {
        cores -= i64::from(taken.cores.0);
        memory -= taken.memory.0 as i64;
    }
    let mut candidates = Vec::new();
    for (task, held) in room.held.on(node) {
        if held.stopping || chosen.contains(&Victim { task, node }) {
            cores += i64::from(held.need.cores.0);
            memory += held.need.memory.0 as i64;
        } else if held.priority < priority {
            candidates.push((held.priority, std::cmp::Reverse(held.need.cores), task, held.need));
        }
    }
    candidates.sort_unstable_by_key(|&(priority, cores, task, _)| (priority, cores, task));
    let (mut worst, mut yields) = (i32::MIN, Vec::new());
    for (their_priority, _, task, held) in candidates {
        if cores >= i64::from(need.cores.0) && memory >= need.memory.0 as i64 {
            break;
        }
        cores += i64::from(held.cores.0);
        memory += held.memory.0 as i64;
        worst = their_priority;
        yields.push(Victim { task, node });
    }
    (cores >= i64::from(need.cores.0) && memory >= need.memory.0 as i64).then_some((worst, yields))
}
