//! The full consistency check, for tests and `--check`: every sum and index entry against the free masks.

use model::{Cores, NodeId};

use super::index::Index;
use super::node::Node;
use super::shape::Entry;
use super::{Inventory, Totals};

impl Inventory {
    /// Counts everything again from the free masks.
    ///
    /// # Errors
    /// A sentence about the first thing that does not agree.
    pub fn recount(&self) -> Result<(), String> {
        let (mut capacity, mut free, mut open) = (Totals::default(), Totals::default(), 0);
        for (index, record) in self.nodes.iter().enumerate() {
            let node = NodeId(index as u32);
            let class = self.class_of(node);
            let cpuset = self.free_cpuset(node);
            if cpuset.count() != Cores(record.cores) {
                return Err(format!("{node} counts {} free cores and has {cpuset}", record.cores));
            }
            if self.free_words(node).iter().zip(&class.task_words).any(|(free, whole)| free & !whole != 0) {
                return Err(format!("{node} has {cpuset} free, not all of which tasks may have"));
            }
            if record.memory > class.capacity.memory {
                return Err(format!("{node} has more memory free than it has"));
            }
            capacity.add(class.capacity.cores, class.capacity.memory);
            free.add(record.cores, record.memory);
            open += usize::from(record.open);
        }
        if (capacity, free, open) != (self.capacity, self.free, self.open) {
            return Err(format!("sums are {:?} and should be {:?}", (self.capacity, self.free, self.open), (capacity, free, open)));
        }
        self.recount_index()
    }

    fn recount_index(&self) -> Result<(), String> {
        let free = |record: &Node| record.open.then_some((record.cores, record.memory));
        match &self.index {
            Index::Pinned => return Ok(()),
            Index::First(ladder) if ladder.agrees(self.nodes.iter().map(free)) => return Ok(()),
            Index::First(_) => return Err("the ladder of first-fit differs from the nodes".to_string()),
            _ => {}
        }
        let mut indexed = 0;
        for (group, grid) in (0..).zip(self.index.grids()) {
            let entries: Vec<Entry> = grid.entries().collect();
            if entries.len() != grid.len() || !entries.is_sorted_by(|one, next| one < next) {
                return Err(format!("a grid of {} entries is not in order", grid.len()));
            }
            for Entry { cores, memory, node } in entries {
                let record = &self.nodes[node as usize];
                let grouped = matches!(self.index, Index::Best(_) | Index::Worst(_)) || self.classes.get(record.class).group == group;
                if free(record) != Some((cores, memory)) || !grouped || self.classes.get(record.class).leaves_out(cores) {
                    return Err(format!("{} is indexed with {cores} cores and {memory} bytes free", NodeId(node)));
                }
            }
            indexed += grid.len();
        }
        let listed = self.nodes.iter().filter(|record| record.open && !self.classes.get(record.class).leaves_out(record.cores)).count();
        if indexed == listed { Ok(()) } else { Err(format!("{indexed} of {listed} open nodes are indexed")) }
    }
}
