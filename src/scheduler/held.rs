//! What runs where, as the planner needs it: for backfill (when it ends), preemption (what yields) and rules about mates.

use std::collections::BTreeMap;

use model::{HostPort, JobId, Millis, NodeId, TaskKey};
use serde::{Deserialize, Serialize};

use crate::inventory::Need;
use crate::ports::Ports;

/// A task that holds a place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Held {
    /// What it holds.
    pub need: Need,
    /// Its job's priority.
    pub priority: i32,
    /// When it is expected to end; never, where there is no estimate.
    pub ends: Millis,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Which task of its job's list it is, where its rules look at mates.
    pub mate: Option<u16>,
}

/// All held places, by node; within a node few enough to look through.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Holdings {
    keys: Vec<Vec<TaskKey>>,
    held: Vec<Vec<Held>>,
    /// Places that end, by when; kept only while backfill asks for it.
    ends: Option<BTreeMap<(Millis, TaskKey, NodeId), Need>>,
    /// Nodes of the tasks whose rules look at mates.
    mates: BTreeMap<JobId, Vec<(NodeId, u16)>>,
    ports: Ports,
    /// How many held tasks there are of each priority.
    priorities: BTreeMap<i32, u32>,
}

impl Holdings {
    /// Adds a node.
    pub fn add_node(&mut self) {
        self.keys.push(Vec::new());
        self.held.push(Vec::new());
    }

    /// Starts or stops keeping ends in order.
    pub fn keep_ends(&mut self, keep: bool) {
        self.ends = keep.then(|| {
            let ends = self.keys.iter().zip(&self.held).enumerate().flat_map(|(node, (keys, held))| {
                keys.iter().zip(held).map(move |(&key, held)| ((held.ends, key, NodeId(node as u32)), held.need))
            });
            ends.filter(|((ends, ..), _)| *ends != Millis::NEVER).collect()
        });
    }

    /// Records that a task holds a place, with these host ports, which are free.
    pub fn add(&mut self, node: NodeId, task: TaskKey, held: Held, ports: &[HostPort]) {
        self.ports.take(node, task, ports);
        self.keys[node.index()].push(task);
        self.held[node.index()].push(held);
        *self.priorities.entry(held.priority).or_default() += 1;
        if let Some(mate) = held.mate {
            self.mates.entry(task.job).or_default().push((node, mate));
        }
        self.note_end(node, task, held);
    }

    /// Records that it holds it no longer.
    pub fn remove(&mut self, node: NodeId, task: TaskKey) -> Option<Held> {
        let index = self.position(node, task)?;
        self.keys[node.index()].swap_remove(index);
        let held = self.held[node.index()].swap_remove(index);
        self.ports.give(node, task);
        if let Some(ends) = &mut self.ends {
            ends.remove(&(held.ends, task, node));
        }
        if let Some(count) = self.priorities.get_mut(&held.priority) {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&held.priority);
            }
        }
        if let (Some(mate), Some(mates)) = (held.mate, self.mates.get_mut(&task.job)) {
            if let Some(index) = mates.iter().position(|&mine| mine == (node, mate)) {
                mates.swap_remove(index);
            }
            if mates.is_empty() {
                self.mates.remove(&task.job);
            }
        }
        Some(held)
    }

    /// Sets when a held task is expected to end.
    pub fn set_end(&mut self, node: NodeId, task: TaskKey, ends: Millis) {
        if let Some(index) = self.position(node, task) {
            let held = &mut self.held[node.index()][index];
            if let Some(index) = &mut self.ends {
                index.remove(&(held.ends, task, node));
            }
            held.ends = ends;
            let held = *held;
            self.note_end(node, task, held);
        }
    }

    /// What a task holds on a node.
    #[must_use]
    pub fn need(&self, node: NodeId, task: TaskKey) -> Option<Need> {
        self.position(node, task).map(|index| self.held[node.index()][index].need)
    }

    /// Sets what a held task holds.
    pub fn set_need(&mut self, node: NodeId, task: TaskKey, need: Need) {
        if let Some(index) = self.position(node, task) {
            let held = &mut self.held[node.index()][index];
            held.need = need;
            let held = *held;
            self.note_end(node, task, held);
        }
    }

    /// Marks a held task as told to stop.
    pub fn set_stopping(&mut self, node: NodeId, task: TaskKey) {
        if let Some(index) = self.position(node, task) {
            self.held[node.index()][index].stopping = true;
        }
    }

    /// The tasks on a node.
    pub fn on(&self, node: NodeId) -> impl Iterator<Item = (TaskKey, &Held)> {
        self.keys[node.index()].iter().copied().zip(&self.held[node.index()])
    }

    /// Places that end, in the order of their ends.
    pub fn ends(&self) -> impl Iterator<Item = (Millis, NodeId, Need)> + '_ {
        self.ends.iter().flatten().map(|(&(when, _, node), &need)| (when, node, need))
    }

    /// Whether any held task has a lower priority.
    #[must_use]
    pub fn any_below(&self, priority: i32) -> bool {
        self.priorities.first_key_value().is_some_and(|(&lowest, _)| lowest < priority)
    }

    /// Nodes that hold tasks of the job whose rules look at mates, with their place in the job's task list.
    #[must_use]
    pub fn mates(&self, job: JobId) -> &[(NodeId, u16)] {
        self.mates.get(&job).map_or(&[], Vec::as_slice)
    }

    /// Who holds which host ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Whether whatever holds one of these host ports of the node is expected to have ended before `at`.
    #[must_use]
    pub fn ports_end(&self, node: NodeId, ports: &[HostPort], at: Millis) -> bool {
        let ended = |task| self.position(node, task).is_some_and(|index| self.held[node.index()][index].ends < at);
        self.ports.taken(node, ports).all(|(_, task)| ended(task))
    }

    fn position(&self, node: NodeId, task: TaskKey) -> Option<usize> {
        self.keys[node.index()].iter().position(|&key| key == task)
    }

    fn note_end(&mut self, node: NodeId, task: TaskKey, held: Held) {
        if let Some(ends) = &mut self.ends
            && held.ends != Millis::NEVER
        {
            ends.insert((held.ends, task, node), held.need);
        }
    }
}
