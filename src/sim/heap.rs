//! The event heap: what happens next, in an order that depends on nothing but times and the order of pushing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use engine::Signal;
use model::{Message, Millis, NodeId, Run, TaskKey, Timer};

/// What goes first among things of one time. A round sees only what was stamped before it, so it goes before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The JobManager's round.
    Round,
    /// Deeds of the script and failures of nodes.
    Deed,
    /// A job arrives.
    Arrival,
    /// Everything that follows from something earlier.
    Effect,
}

/// Something that will happen.
#[derive(Debug)]
pub enum Item {
    /// The JobManager's round.
    Round,
    /// Discovery looks whether a node was heard of in time.
    Look(NodeId, Timer),
    /// An agent looks at a run's limit.
    Limit(NodeId, TaskKey, Run),
    /// A driver's signal, of the node's incarnation of that number.
    Signal(NodeId, u32, Signal),
    /// A message arrives.
    Message(Box<Message>),
    /// The deed of the script at this place.
    Deed(usize),
    /// A random failure of a node, the how-manieth.
    Fail(NodeId, u32),
    /// The repair after it.
    Repair(NodeId, u32),
}

#[derive(Debug)]
struct Entry {
    at: Millis,
    /// Class in the top byte, then a running number.
    rank: u64,
    item: Item,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.rank) == (other.at, other.rank)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.rank).cmp(&(other.at, other.rank))
    }
}

/// The heap.
#[derive(Debug, Default)]
pub struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    pushed: u64,
    /// Entries that are no random failure or repair of a node: while there are some, work goes on.
    work: usize,
}

impl Heap {
    /// Adds something.
    pub fn push(&mut self, at: Millis, class: Class, item: Item) {
        self.work += usize::from(is_work(&item));
        self.pushed += 1;
        self.entries.push(Reverse(Entry { at, rank: (class as u64) << 56 | self.pushed, item }));
    }

    /// When and of which class the next thing is.
    #[must_use]
    pub fn next(&self) -> Option<(Millis, Class)> {
        let Reverse(entry) = self.entries.peek()?;
        let class = match entry.rank >> 56 {
            0 => Class::Round,
            1 => Class::Deed,
            2 => Class::Arrival,
            _ => Class::Effect,
        };
        Some((entry.at, class))
    }

    /// Takes the next thing.
    pub fn pop(&mut self) -> Option<(Millis, Item)> {
        let Reverse(entry) = self.entries.pop()?;
        self.work -= usize::from(is_work(&entry.item));
        Some((entry.at, entry.item))
    }

    /// Whether anything is left but random failures and repairs of nodes.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.work > 0
    }
}

fn is_work(item: &Item) -> bool {
    !matches!(item, Item::Fail(..) | Item::Repair(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(node: u32) -> Item {
        Item::Look(NodeId(node), Timer::Lease(NodeId(node)))
    }

    #[test]
    fn time_then_class_then_order_of_pushing() {
        let mut heap = Heap::default();
        heap.push(Millis(5), Class::Effect, look(1));
        heap.push(Millis(5), Class::Effect, look(2));
        heap.push(Millis(5), Class::Round, Item::Round);
        heap.push(Millis(4), Class::Effect, look(0));
        let order = std::iter::from_fn(|| heap.pop()).map(|(at, item)| match item {
            Item::Look(node, _) => format!("{} {}", at.0, node.0),
            _ => format!("{} round", at.0),
        });
        let order: Vec<String> = order.collect();
        assert_eq!(order, ["4 0", "5 round", "5 1", "5 2"]);
    }
}
