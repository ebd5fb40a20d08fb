//! Preemption: which tasks of lower priority yield their places to a unit that waits.

use model::{NodeId, TaskKey};
use serde::{Deserialize, Serialize};

use crate::gang::Ask;
use crate::room::{Asker, Room};
use crate::shape::Part;

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
    let mut used: Vec<(NodeId, &Part)> = Vec::new();
    for part in &ask.shape.parts {
        let asker = Asker { job: ask.job, priority: ask.priority, part };
        for _ in 0..part.count {
            let options = (0..room.inventory.len() as u32).map(NodeId).filter(|&node| {
                let mates = room.has_mate(asker, node) || used.iter().any(|place| place.0 == node);
                let shared = used.iter().any(|(taken_on, other)| *taken_on == node && other.shares_port(&part.ports));
                room.inventory.is_open(node) && room.may_hold(asker, node, mates) && !shared
            });
            let costs = options.filter_map(|node| yielding(room, node, part, ask.priority, &chosen, &used).map(|found| (found, node)));
            let ((_, mut yields), node) = costs.min_by_key(|((worst, yields), node)| (*worst, yields.len(), *node))?;
            chosen.append(&mut yields);
            used.push((node, part));
        }
    }
    Some(chosen)
}

/// The tasks that must yield on one node, with the highest priority among them.
fn yielding(
    room: &Room,
    node: NodeId,
    part: &Part,
    priority: i32,
    chosen: &[Victim],
    used: &[(NodeId, &Part)],
) -> Option<(i32, Vec<Victim>)> {
    let need = part.need;
    let mut cores = i64::from(room.inventory.free_cores(node).0);
    let mut memory = room.inventory.free_memory(node).0 as i64;
    for (_, taken) in used.iter().filter(|(taken_on, _)| *taken_on == node) {
        cores -= i64::from(taken.need.cores.0);
        memory -= taken.need.memory.0 as i64;
    }
    // Who holds a port that it asks for yields, whatever else would do.
    let port_holders: Vec<TaskKey> = room.held.ports().taken(node, &part.ports).map(|(_, task)| task).collect();
    let mut candidates = Vec::new();
    for (task, held) in room.held.on(node) {
        if held.stopping || chosen.contains(&Victim { task, node }) {
            cores += i64::from(held.need.cores.0);
            memory += held.need.memory.0 as i64;
        } else if held.priority < priority {
            candidates.push((!port_holders.contains(&task), held.priority, std::cmp::Reverse(held.need.cores), task, held.need));
        } else if port_holders.contains(&task) {
            return None;
        }
    }
    candidates.sort_unstable_by_key(|&(may_stay, priority, cores, task, _)| (may_stay, priority, cores, task));
    let (mut worst, mut yields) = (i32::MIN, Vec::new());
    for (may_stay, their_priority, _, task, held) in candidates {
        if may_stay && cores >= i64::from(need.cores.0) && memory >= need.memory.0 as i64 {
            break;
        }
        cores += i64::from(held.cores.0);
        memory += held.memory.0 as i64;
        worst = worst.max(their_priority);
        yields.push(Victim { task, node });
    }
    (cores >= i64::from(need.cores.0) && memory >= need.memory.0 as i64).then_some((worst, yields))
}
