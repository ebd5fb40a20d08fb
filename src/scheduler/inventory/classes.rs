//! Node classes as the inventory keeps them: each once, with what every node of it shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::NodeClass;

use super::Need;
use super::cores::Layout;
use super::score::Capacity;

/// One class.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub class: Arc<NodeClass>,
    /// What tasks may have of a node.
    pub capacity: Capacity,
    /// Classes of equal capacity are one group, numbered as they come.
    pub group: u32,
    /// The cores that tasks may have, 64 a word: one word or more, as every node of the class keeps.
    pub task_words: Box<[u64]>,
    /// How the cores lie.
    pub layout: Layout,
}

impl Class {
    /// Whether an empty node of the class holds the need.
    pub(super) fn holds(&self, need: Need) -> bool {
        self.capacity.cores >= need.cores.0 && self.capacity.memory >= need.memory.0
    }

    /// Whether a node with so many free cores is in no grid: it has cores, and all of them are taken.
    #[inline]
    pub(super) fn leaves_out(&self, free_cores: u32) -> bool {
        free_cores == 0 && self.capacity.cores > 0
    }
}

/// All classes, numbered in the order of their first node.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    list: Vec<Class>,
    numbers: BTreeMap<Arc<NodeClass>, u32>,
    groups: BTreeMap<Capacity, u32>,
}

impl Classes {
    /// The number of the class; equal classes are one.
    pub(super) fn intern(&mut self, class: &Arc<NodeClass>) -> u32 {
        // Nodes come in runs of one class, and comparing two classes reads their whole topology.
        if let Some(near) = self.list.iter().rev().take(8).position(|known| Arc::ptr_eq(&known.class, class)) {
            return (self.list.len() - 1 - near) as u32;
        }
        if let Some(&number) = self.numbers.get(class) {
            return number;
        }
        let number = self.list.len() as u32;
        let capacity = Capacity { cores: class.task_cores().0, memory: class.task_memory().0 };
        let words = (class.cores.0 as usize).div_ceil(64).max(1);
        let mut task_words = vec![0; words].into_boxed_slice();
        let task_cpuset = class.task_cpuset();
        task_words[..task_cpuset.words().len()].copy_from_slice(task_cpuset.words());
        let groups = self.groups.len() as u32;
        let group = *self.groups.entry(capacity).or_insert(groups);
        self.list.push(Class { class: Arc::clone(class), capacity, group, task_words, layout: Layout::of(class) });
        self.numbers.insert(Arc::clone(class), number);
        number
    }

    pub(super) fn get(&self, number: u32) -> &Class {
        &self.list[number as usize]
    }

    /// Each once, by its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Class> {
        self.list.iter()
    }
}
