//! The audit: the invariants of the whole control plane, recounted from scratch. For tests and `--check`; far too slow for a run.

use std::collections::BTreeMap;

use model::{CpuSet, NodeId, NodeState, Run, TaskKey, TaskState};

use super::world::World;

/// Recounts everything while nothing is on its way (zero latency, between two steps).
///
/// # Errors
/// The first invariant that does not hold, in words.
pub fn audit(world: &World) -> Result<(), String> {
    let (jobs, nodes) = world.machines();
    jobs.planner().inventory().recount()?;
    nodes.free().recount()?;
    let mut holders: BTreeMap<TaskKey, Vec<(NodeId, Run)>> = BTreeMap::new();
    let all_know = world.is_prompt() && !jobs.is_adopting();
    for index in 0..nodes.free().len() as u32 {
        let node = NodeId(index);
        cores_have_one_holder(world, node)?;
        if all_know {
            planner_and_ledger_agree(world, node)?;
        }
        for (task, run, _) in nodes.holders(node) {
            holders.entry(task).or_default().push((node, run));
        }
    }
    ports_have_one_holder(world, &holders)?;
    if all_know {
        agents_and_ledger_agree(world)?;
        states_and_ledger_agree(world, &holders)?;
    }
    Ok(())
}

/// Reserved and free add up to the capacity, and no core is reserved twice.
fn cores_have_one_holder(world: &World, node: NodeId) -> Result<(), String> {
    let (_, ledger) = world.machines();
    let class = ledger.free().class(node);
    let mut taken = CpuSet::new();
    for (task, _, cpuset) in ledger.holders(node) {
        if !taken.is_disjoint(cpuset) {
            return Err(format!("{task} holds cores of {cpuset} on {node} that another task holds too"));
        }
        taken = taken.iter().chain(cpuset.iter()).collect();
    }
    match class.task_cpuset().without(&taken) == ledger.free().free_cpuset(node) {
        true => Ok(()),
        false => Err(format!("on {node} {taken} is held and {} free of {}", ledger.free().free_cpuset(node), class.task_cpuset())),
    }
}

/// Only who holds a place holds a host port there, and once all is told the planner knows of the same ones.
fn ports_have_one_holder(world: &World, holders: &BTreeMap<TaskKey, Vec<(NodeId, Run)>>) -> Result<(), String> {
    let (jobs, nodes) = world.machines();
    let holds = |task: TaskKey, node| holders.get(&task).is_some_and(|places| places.iter().any(|&(there, _)| there == node));
    if let Some((node, port, task)) = nodes.ports().iter().find(|&(node, _, task)| !holds(task, node)) {
        return Err(format!("{task} holds host port {port} of {node} and no place there"));
    }
    match !world.is_prompt() || jobs.is_adopting() || jobs.planner().holdings().ports() == nodes.ports() {
        true => Ok(()),
        false => Err("the planner and the ledger see other host ports held".to_owned()),
    }
}

fn planner_and_ledger_agree(world: &World, node: NodeId) -> Result<(), String> {
    let (jobs, nodes) = world.machines();
    let (planner, ledger) = (jobs.planner().inventory(), nodes.free());
    let same = planner.free_cpuset(node) == ledger.free_cpuset(node)
        && planner.free_memory(node) == ledger.free_memory(node)
        && planner.is_open(node) == ledger.is_open(node);
    match same {
        true => Ok(()),
        false => Err(format!(
            "on {node} the planner sees {} and {} free, the ledger {} and {}",
            planner.free_cpuset(node),
            planner.free_memory(node),
            ledger.free_cpuset(node),
            ledger.free_memory(node)
        )),
    }
}

/// What an agent runs is what the ledger holds for its node, but for targets of moves that wait for their image.
fn agents_and_ledger_agree(world: &World) -> Result<(), String> {
    let (jobs, nodes) = world.machines();
    for (node, agent) in world.agents() {
        if nodes.node_state(node) == NodeState::Unreachable {
            continue;
        }
        let held: Vec<(TaskKey, Run)> = nodes.holders(node).map(|(task, run, _)| (task, run)).collect();
        let mut runs = agent.runs();
        if let Some((task, run)) = runs.find(|run| !held.contains(run)) {
            return Err(format!("{node} runs {task} {run:?}, for which the ledger holds nothing"));
        }
        for (task, run) in held {
            let moving =
                jobs.statuses().any(|status| status.task == task && matches!(status.state, TaskState::Migrating | TaskState::Stopping));
            if !moving && !agent.runs().any(|there| there == (task, run)) {
                return Err(format!("the ledger holds {task} {run:?} on {node}, which does not run it"));
            }
        }
    }
    Ok(())
}

/// A task instance holds a place exactly while its state says so, and two places only while it moves.
fn states_and_ledger_agree(world: &World, holders: &BTreeMap<TaskKey, Vec<(NodeId, Run)>>) -> Result<(), String> {
    let (jobs, _) = world.machines();
    let mut held = 0;
    for status in jobs.statuses() {
        let places = holders.get(&status.task).map_or(0, Vec::len);
        let most = if matches!(status.state, TaskState::Migrating | TaskState::Stopping) { 2 } else { 1 };
        held += usize::from(places > 0);
        if status.state.holds_cores() != (places > 0) || places > most {
            return Err(format!("{} is {} and holds {places} places", status.task, status.state));
        }
    }
    match held == holders.len() {
        true => Ok(()),
        false => Err("the ledger holds places for tasks that no live job has".to_owned()),
    }
}
