//! The free capacity of all nodes: who has room, which node and which cores a placement gets.
//!
//! Nothing here knows jobs, queues or rounds. Amounts are whole cores and bytes, choices are exact, and ties go to the
//! lowest node index. `take` and `give` are inverses, so a planner may try and undo.

mod branch;
mod choice;
mod classes;
mod cores;
mod grid;
mod index;
mod ladder;
mod need;
mod node;
mod occupied;
#[cfg(test)]
mod oracle;
mod pages;
mod reasons;
mod recount;
mod saved;
mod score;
mod shape;

use std::sync::Arc;

use model::{Bytes, CoreChoice, Cores, CpuSet, Fit, Labels, NodeClass, NodeId};

use classes::{Class, Classes};
use index::Index;
pub use need::{Need, Totals};
use node::Node;
use score::Capacity;
use shape::Entry;

/// The free capacity of every node, with the index that the fit of the policy asks for.
///
/// ```
/// # use std::sync::Arc;
/// # use model::{Bytes, CoreChoice, Cores, Fit, NodeClass, NodeId};
/// # use scheduler::inventory::{Inventory, Need};
/// let mut inventory = Inventory::new(Fit::BestFit, CoreChoice::Lowest);
/// let class = Arc::new(NodeClass::plain("small".parse().unwrap(), Cores(4), Bytes(100)));
/// let (first, second) = (inventory.add_node(&class), inventory.add_node(&class));
/// let need = Need { cores: Cores(3), memory: Bytes(10) };
/// assert_eq!(inventory.find(need), Some(first));
/// let cpuset = inventory.take(first, need);
/// assert_eq!(cpuset.to_string(), "0-2");
/// assert_eq!(inventory.find(need), Some(second));
/// inventory.give(first, &cpuset, need.memory);
/// assert_eq!(inventory.find(need), Some(first));
/// ```
#[derive(Clone, Debug)]
pub struct Inventory {
    fit: Fit,
    cores: CoreChoice,
    classes: Classes,
    nodes: Vec<Node>,
    /// The free cores of nodes with more than 64, as many words each as its class has.
    words: Vec<u64>,
    open: usize,
    capacity: Totals,
    free: Totals,
    index: Index,
}

impl Inventory {
    /// An inventory without nodes.
    #[must_use]
    pub fn new(fit: Fit, cores: CoreChoice) -> Self {
        Self {
            fit,
            cores,
            classes: Classes::default(),
            nodes: Vec::new(),
            words: Vec::new(),
            open: 0,
            capacity: Totals::default(),
            free: Totals::default(),
            index: Index::new(fit, 0),
        }
    }

    /// Chooses by another fit from now on. What is free stays as it is.
    pub fn set_policy(&mut self, fit: Fit, cores: CoreChoice) {
        self.fit = fit;
        self.cores = cores;
        self.index_anew();
    }

    /// Adds a node with all its task capacity free, open. Its id is the number of nodes before it.
    pub fn add_node(&mut self, class: &Arc<NodeClass>) -> NodeId {
        let number = self.classes.intern(class);
        let class = self.classes.get(number);
        let Capacity { cores, memory } = class.capacity;
        let mask = match *class.task_words {
            [word] => word,
            _ => self.words.len() as u64,
        };
        if class.task_words.len() > 1 {
            make_room(&mut self.words, class.task_words.len());
            self.words.extend_from_slice(&class.task_words);
        }
        self.capacity.add(cores, memory);
        self.free.add(cores, memory);
        let node = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        make_room(&mut self.nodes, 1);
        self.nodes.push(Node { memory, mask, cores, class: number, place: 0, open: true });
        self.open += 1;
        if self.index.reserve(&mut self.nodes, class, node.0) {
            self.index.insert(&mut self.nodes, class, Entry { cores, memory, node: node.0 });
        } else {
            self.index_anew();
        }
        node
    }

    /// How many nodes there are, open or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node's class.
    #[must_use]
    pub fn class(&self, node: NodeId) -> &Arc<NodeClass> {
        &self.class_of(node).class
    }

    /// How many cores of the node are free.
    #[must_use]
    pub fn free_cores(&self, node: NodeId) -> Cores {
        Cores(self.nodes[node.index()].cores)
    }

    /// How much memory of the node is free.
    #[must_use]
    pub fn free_memory(&self, node: NodeId) -> Bytes {
        Bytes(self.nodes[node.index()].memory)
    }

    /// Which cores of the node are free.
    #[must_use]
    pub fn free_cpuset(&self, node: NodeId) -> CpuSet {
        CpuSet::from_words(self.free_words(node))
    }

    /// Whether the node is offered to placements.
    #[must_use]
    pub fn is_open(&self, node: NodeId) -> bool {
        self.nodes[node.index()].open
    }

    /// Offers the node to placements, or to none. On a closed node `take` and `give` still account.
    pub fn set_open(&mut self, node: NodeId, open: bool) {
        let record = &mut self.nodes[node.index()];
        if record.open == open {
            return;
        }
        record.open = open;
        let entry = Entry { cores: record.cores, memory: record.memory, node: node.0 };
        let class = self.classes.get(record.class);
        if open {
            self.open += 1;
            self.index.insert(&mut self.nodes, class, entry);
        } else {
            self.open -= 1;
            self.index.remove(&mut self.nodes, class, entry);
        }
    }

    /// Gives the node these labels and no others. What is free of it stays.
    pub fn set_labels(&mut self, node: NodeId, labels: &Labels) {
        let class = self.class(node);
        if class.labels == *labels {
            return;
        }
        let class = Arc::new(NodeClass { labels: labels.clone(), ..NodeClass::clone(class) });
        // The other class differs in nothing that the index or the words of free cores follow from.
        self.nodes[node.index()].class = self.classes.intern(&class);
    }

    /// The fit's choice among the open nodes with room, if any has.
    #[must_use]
    #[inline]
    pub fn find(&self, need: Need) -> Option<NodeId> {
        self.find_where(need, |_| true)
    }

    /// The fit's choice among the open nodes with room that are allowed, if any is. It may ask about a node that it
    /// does not choose, but not about one without room.
    #[must_use]
    pub fn find_where(&self, need: Need, allow: impl FnMut(NodeId) -> bool) -> Option<NodeId> {
        if need.cores.0 == 0 && self.capacity.cores > 0 {
            return self.find_without_cores(need, allow);
        }
        self.index.choose(need, |node| self.fits(node, need), allow)
    }

    /// The choice for a need without cores, which also nodes with none left can meet. Reads every node, as the grids
    /// leave those out.
    #[cold]
    fn find_without_cores(&self, need: Need, mut allow: impl FnMut(NodeId) -> bool) -> Option<NodeId> {
        let listed = self.index.choose(need, |node| self.fits(node, need), &mut allow);
        let rank = |node: NodeId| {
            let free = Need { cores: self.free_cores(node), memory: self.free_memory(node) };
            Some((self.index.rank(need, free, self.class_of(node).capacity)?, node))
        };
        let left_out = (0..)
            .map(NodeId)
            .zip(&self.nodes)
            .filter(|&(node, record)| record.open && self.classes.get(record.class).leaves_out(record.cores) && self.fits(node, need));
        let best = listed.into_iter().chain(left_out.map(|(node, _)| node).filter(|&node| allow(node))).filter_map(rank).min();
        best.map_or(listed, |(_, node)| Some(node))
    }

    /// Whether the node has room, open or not. The one feasibility check of planner and ledger.
    #[must_use]
    pub fn fits(&self, node: NodeId, need: Need) -> bool {
        let record = &self.nodes[node.index()];
        record.cores >= need.cores.0 && record.memory >= need.memory.0
    }

    /// Takes the need from the node and says which cores it got, by the core choice of the policy.
    ///
    /// # Panics
    /// When it does not fit.
    pub fn take(&mut self, node: NodeId, need: Need) -> CpuSet {
        assert!(self.fits(node, need), "{node} has no room for {} and {}", need.cores, need.memory);
        let Self { classes, words, nodes, .. } = self;
        let record = &mut nodes[node.index()];
        let (cores, memory) = (record.cores - need.cores.0, record.memory - need.memory.0);
        let class = classes.get(record.class);
        let free = free_words(record, words, class.task_words.len());
        let cpuset = match self.cores {
            CoreChoice::Lowest => cores::take_lowest(need.cores.0, free),
            CoreChoice::Topology => class.layout.take(need.cores.0, free),
        };
        self.free.sub(need.cores.0, need.memory.0);
        self.set_free(node, cores, memory);
        cpuset
    }

    /// Takes these cores and this memory from the node. Where not all of it is free nothing changes and the answer is
    /// `false`.
    #[must_use]
    pub fn take_exact(&mut self, node: NodeId, cpuset: &CpuSet, memory: Bytes) -> bool {
        let before = self.nodes[node.index()];
        let taken = cpuset.words();
        let free = self.free_words(node);
        if before.memory < memory.0 || taken.len() > free.len() || taken.iter().zip(free).any(|(taken, free)| taken & !free != 0) {
            return false;
        }
        let Self { classes, nodes, words, .. } = self;
        let free = free_words(&mut nodes[node.index()], words, classes.get(before.class).task_words.len());
        for (free, taken) in free.iter_mut().zip(taken) {
            *free &= !taken;
        }
        let cores = cpuset.count().0;
        self.free.sub(cores, memory.0);
        self.set_free(node, before.cores - cores, before.memory - memory.0);
        true
    }

    /// Gives these cores and this memory back to the node.
    ///
    /// # Panics
    /// When some of it was free already, or is not of the node's task capacity.
    pub fn give(&mut self, node: NodeId, cpuset: &CpuSet, memory: Bytes) {
        let Self { classes, nodes, words, .. } = self;
        let record = &mut nodes[node.index()];
        let before = *record;
        let class = classes.get(before.class);
        let free = free_words(record, words, class.task_words.len());
        assert!(give_words(free, &class.task_words, cpuset.words()), "cores {cpuset} given back to {node} were not taken from it");
        assert!(memory.0 <= class.capacity.memory - before.memory, "{memory} given back to {node} was not taken from it");
        let cores = cpuset.count().0;
        self.free.add(cores, memory.0);
        self.set_free(node, before.cores + cores, before.memory + memory.0);
    }

    /// The task capacity of all nodes together, open or not.
    #[must_use]
    pub fn capacity(&self) -> Totals {
        self.capacity
    }

    /// What is free on all nodes together, open or not.
    #[must_use]
    pub fn free(&self) -> Totals {
        self.free
    }

    /// Whether an allowed node, open or not, would hold the need if it were empty.
    #[must_use]
    pub fn could_ever_fit(&self, need: Need, mut allow: impl FnMut(NodeId) -> bool) -> bool {
        self.any_class_holds(need) && (0..self.nodes.len() as u32).map(NodeId).any(|node| self.class_of(node).holds(need) && allow(node))
    }

    /// Whether a node of any class would hold the need if it were empty.
    #[must_use]
    pub fn any_class_holds(&self, need: Need) -> bool {
        self.classes.iter().any(|class| class.holds(need))
    }

    /// How many bytes of memory it keeps beside the classes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.words.capacity() * size_of::<u64>() + self.index.bytes()
    }

    fn class_of(&self, node: NodeId) -> &Class {
        self.classes.get(self.nodes[node.index()].class)
    }

    fn free_words(&self, node: NodeId) -> &[u64] {
        let record = &self.nodes[node.index()];
        match self.classes.get(record.class).task_words.len() {
            1 => std::slice::from_ref(&record.mask),
            words => &self.words[record.mask as usize..][..words],
        }
    }

    #[inline]
    fn set_free(&mut self, node: NodeId, cores: u32, memory: u64) {
        let record = &mut self.nodes[node.index()];
        let before = Entry { cores: record.cores, memory: record.memory, node: node.0 };
        (record.cores, record.memory) = (cores, memory);
        if record.open {
            let class = self.classes.get(record.class);
            self.index.change(&mut self.nodes, class, before, Entry { cores, memory, node: node.0 });
        }
    }

    fn index_anew(&mut self) {
        let most_memory = self.classes.iter().map(|class| class.capacity.memory).max().unwrap_or(0);
        self.index = Index::new(self.fit, most_memory);
        for node in 0..self.nodes.len() as u32 {
            let Node { cores, memory, class, open, .. } = self.nodes[node as usize];
            let class = self.classes.get(class);
            self.index.reserve(&mut self.nodes, class, node);
            if open {
                self.index.insert(&mut self.nodes, class, Entry { cores, memory, node });
            }
        }
    }
}

/// The words of a node's free cores.
#[inline]
fn free_words<'a>(record: &'a mut Node, words: &'a mut [u64], count: usize) -> &'a mut [u64] {
    match count {
        1 => std::slice::from_mut(&mut record.mask),
        _ => &mut words[record.mask as usize..][..count],
    }
}

/// Adds the cores to those that are free; `false` where they are not among the taken ones of the whole.
#[inline]
fn give_words(free: &mut [u64], whole: &[u64], given: &[u64]) -> bool {
    let taken = given.len() <= free.len() && given.iter().zip(&*free).zip(whole).all(|((given, free), whole)| given & (free | !whole) == 0);
    free.iter_mut().zip(given).for_each(|(free, given)| *free |= given);
    taken
}

/// Grows by an eighth, not to double: these lists are the greater part of what the inventory keeps.
fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8));
    }
}
