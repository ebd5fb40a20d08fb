//! The queue: waiting units, a lane for each shape. It knows who comes first; it does not know who fits.

use std::collections::BTreeMap;
use std::ops::Bound;

use model::{JobId, Millis, QueueOrder, ShapeId, TaskKey};
use serde::{Deserialize, Serialize};

use crate::inventory::Need;
use crate::shape::{Shape, ShapeTable};

/// Where a unit stands in the queue: smaller goes first. Ties go to the earlier job, then the lower instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    primary: (u64, u64),
    /// The unit's first task instance.
    pub first: TaskKey,
}

impl Rank {
    /// The rank of the same unit once its first member is placed.
    #[must_use]
    pub fn after_first(self) -> Self {
        Self { first: TaskKey { instance: self.first.instance + 1, ..self.first }, ..self }
    }
}

/// Who is placed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Members {
    /// Instances of one task from the rank's to this one (exclusive), each placed alone.
    Each(u32),
    /// These instances, in the order of the shape's parts, all or none.
    Gang(Box<[u32]>),
}

/// A waiting unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unit {
    /// Who is placed together.
    pub members: Members,
    /// Its shape.
    pub shape: ShapeId,
    /// Its job's priority.
    pub priority: i32,
    /// When its job should have ended.
    pub deadline: Millis,
    /// The longest estimate of its members; absent: none was given.
    pub estimate: Option<Millis>,
    /// Whether it was said that it waits.
    pub announced: bool,
}

impl Unit {
    /// Who is placed next: all of a gang, else the first member, which `alone` names.
    #[must_use]
    pub fn next_members<'a>(&'a self, alone: &'a [u32; 1]) -> &'a [u32] {
        match &self.members {
            Members::Each(_) => alone,
            Members::Gang(members) => members,
        }
    }
}

/// The waiting units of one shape.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Lane {
    units: BTreeMap<Rank, Unit>,
    blocked: bool,
    /// Where units that were not announced yet stood when they came.
    fresh: Vec<Rank>,
}

/// All that waits for a place.
#[derive(Debug, Serialize, Deserialize)]
pub struct Queue {
    order: QueueOrder,
    shapes: ShapeTable,
    lanes: Vec<Lane>,
    /// First units of the lanes that may fit.
    open: BTreeMap<Rank, ShapeId>,
    /// First units of the lanes that did not fit since capacity last grew for them.
    blocked: BTreeMap<Rank, ShapeId>,
    waiting: u64,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(order: QueueOrder) -> Self {
        Self { order, shapes: ShapeTable::default(), lanes: Vec::new(), open: BTreeMap::new(), blocked: BTreeMap::new(), waiting: 0 }
    }

    /// The number of a shape.
    pub fn intern(&mut self, shape: Shape) -> ShapeId {
        let id = self.shapes.intern(shape);
        self.lanes.resize_with(self.lanes.len().max(id.index() + 1), Lane::default);
        id
    }

    /// The shape of a number.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &std::sync::Arc<Shape> {
        self.shapes.get(id)
    }

    /// How many task instances wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Adds a unit whose first instance is `first`.
    pub fn push(&mut self, first: TaskKey, unit: Unit) {
        let rank = self.rank(first, &unit);
        self.waiting += self.count(&rank, &unit);
        let (shape, was_first) = (unit.shape, self.first_of(unit.shape));
        let lane = &mut self.lanes[shape.index()];
        if !unit.announced {
            lane.fresh.push(rank);
        }
        lane.units.insert(rank, unit);
        if was_first.is_none_or(|first| rank < first) {
            self.refile(shape, was_first);
        }
    }

    /// The first unit of all lanes that may fit.
    #[must_use]
    pub fn first_open(&self) -> Option<(Rank, ShapeId)> {
        self.open.first_key_value().map(|(&rank, &shape)| (rank, shape))
    }

    /// The first unit of all, whether its lane may fit or not.
    #[must_use]
    pub fn first(&self) -> Option<(Rank, ShapeId)> {
        let blocked = self.blocked.first_key_value().map(|(&rank, &shape)| (rank, shape));
        self.first_open().into_iter().chain(blocked).min()
    }

    /// The first units of the lanes that may fit, or of all, in their order.
    pub fn firsts(&self, blocked_too: bool) -> impl Iterator<Item = (Rank, ShapeId)> + '_ {
        let blocked = blocked_too.then_some(&self.blocked).into_iter().flatten();
        self.open.iter().chain(blocked).map(|(&rank, &shape)| (rank, shape))
    }

    /// The unit after `rank` in its lane.
    #[must_use]
    pub fn next_in_lane(&self, shape: ShapeId, rank: Rank) -> Option<Rank> {
        self.lanes[shape.index()].units.range((Bound::Excluded(rank), Bound::Unbounded)).next().map(|(&rank, _)| rank)
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, shape: ShapeId, rank: Rank) -> Option<&Unit> {
        self.lanes[shape.index()].units.get(&rank)
    }

    /// The units of a lane, in order.
    pub fn lane(&self, shape: ShapeId) -> impl Iterator<Item = (Rank, &Unit)> {
        self.lanes[shape.index()].units.iter().map(|(&rank, unit)| (rank, unit))
    }

    /// Every shape that has waiting units.
    pub fn occupied(&self) -> impl Iterator<Item = ShapeId> + '_ {
        self.open.values().chain(self.blocked.values()).copied()
    }

    /// Takes the first member off a unit that is placed one by one, or the whole unit where it is a gang.
    pub fn take(&mut self, shape: ShapeId, rank: Rank) {
        let was_first = self.first_of(shape);
        let lane = &mut self.lanes[shape.index()];
        let mut unit = lane.units.remove(&rank).expect("only a waiting unit is taken");
        let next = rank.after_first();
        match unit.members {
            Members::Each(end) => {
                self.waiting -= 1;
                if next.first.instance < end {
                    unit.members = Members::Each(end);
                    lane.units.insert(next, unit);
                }
            }
            Members::Gang(members) => self.waiting -= members.len() as u64,
        }
        if was_first == Some(rank) {
            self.refile(shape, was_first);
        }
    }

    /// Takes all waiting units of a job out of the queue.
    pub fn cancel(&mut self, job: JobId, priority: i32, deadline: Millis) {
        for index in 0..self.lanes.len() {
            let shape = ShapeId(index as u32);
            let was_first = self.first_of(shape);
            if was_first.is_none() {
                continue;
            }
            let primary = primary(self.order, self.shapes.get(shape).largest(), priority, deadline);
            let rank = |instance| Rank { primary, first: TaskKey { job, instance } };
            let mut removed = 0;
            while let Some((&found, unit)) = self.lanes[index].units.range(rank(0)..=rank(u32::MAX)).next() {
                removed += self.count(&found, unit);
                self.lanes[index].units.remove(&found);
            }
            self.waiting -= removed;
            if removed > 0 {
                self.refile(shape, was_first);
            }
        }
    }

    /// Marks a lane as not fitting until capacity grows for it.
    pub fn block(&mut self, shape: ShapeId) {
        let first = self.first_of(shape);
        self.lanes[shape.index()].blocked = true;
        self.refile(shape, first);
    }

    /// Opens the blocked lanes for which `grown` says that they may fit now.
    pub fn unblock(&mut self, mut grown: impl FnMut(&Shape) -> bool) {
        let (shapes, lanes, open) = (&self.shapes, &mut self.lanes, &mut self.open);
        self.blocked.retain(|&rank, &mut shape| {
            let stays = !grown(shapes.get(shape));
            if !stays {
                lanes[shape.index()].blocked = false;
                open.insert(rank, shape);
            }
            stays
        });
    }

    /// Orders everything anew; what waits stays.
    pub fn set_order(&mut self, order: QueueOrder) {
        self.order = order;
        (self.open, self.blocked, self.waiting) = (BTreeMap::new(), BTreeMap::new(), 0);
        for index in 0..self.lanes.len() {
            let lane = std::mem::take(&mut self.lanes[index]);
            for (rank, unit) in lane.units {
                self.push(rank.first, unit);
            }
        }
    }

    /// Hands out the units that wait and were not announced before, and marks them as announced.
    pub fn announce(&mut self, shape: ShapeId, mut say: impl FnMut(TaskKey, &Members)) {
        let lane = &mut self.lanes[shape.index()];
        for came in lane.fresh.drain(..) {
            // Members that are placed one by one may have moved the unit on since it came.
            for (rank, unit) in lane.units.range_mut(came..).take_while(|(rank, _)| rank.first.job == came.first.job) {
                if !std::mem::replace(&mut unit.announced, true) {
                    say(rank.first, &unit.members);
                }
            }
        }
    }

    fn first_of(&self, shape: ShapeId) -> Option<Rank> {
        self.lanes[shape.index()].units.first_key_value().map(|(&rank, _)| rank)
    }

    /// Keeps the two indexes of lanes true after the lane's first unit or its blocking changed.
    fn refile(&mut self, shape: ShapeId, was_first: Option<Rank>) {
        if let Some(rank) = was_first {
            self.open.remove(&rank);
            self.blocked.remove(&rank);
        }
        let now_first = self.first_of(shape);
        let lane = &mut self.lanes[shape.index()];
        match now_first {
            Some(rank) if lane.blocked => _ = self.blocked.insert(rank, shape),
            Some(rank) => _ = self.open.insert(rank, shape),
            None => {
                lane.blocked = false;
                lane.fresh.clear();
            }
        }
    }

    fn count(&self, rank: &Rank, unit: &Unit) -> u64 {
        match &unit.members {
            Members::Each(end) => u64::from(end - rank.first.instance),
            Members::Gang(members) => members.len() as u64,
        }
    }

    fn rank(&self, first: TaskKey, unit: &Unit) -> Rank {
        Rank { primary: primary(self.order, self.shapes.get(unit.shape).largest(), unit.priority, unit.deadline), first }
    }
}

/// Where a unit stands in an order: the smaller, the sooner it is tried. Equals are tried as they came.
#[must_use]
pub fn primary(order: QueueOrder, largest: Need, priority: i32, deadline: Millis) -> (u64, u64) {
    match order {
        QueueOrder::Arrival => (0, 0),
        QueueOrder::Decreasing => (u64::from(u32::MAX - largest.cores.0), u64::MAX - largest.memory.0),
        QueueOrder::Priority => ((i64::from(i32::MAX) - i64::from(priority)) as u64, 0),
        QueueOrder::Deadline => (deadline.0, 0),
    }
}

#[cfg(test)]
mod tests {
    use model::{Bytes, Cores};
    use smallvec::smallvec;

    use super::*;
    use crate::shape::Part;

    fn lane(queue: &mut Queue, cores: u32) -> ShapeId {
        let need = Need { cores: Cores(cores), memory: Bytes(0) };
        queue.intern(Shape {
            scope: None,
            estimated: false,
            parts: smallvec![Part { need, rules: None, ports: Box::default(), task: None, count: 1 }],
        })
    }

    fn unit(shape: ShapeId, priority: i32, end: u32) -> Unit {
        Unit { members: Members::Each(end), shape, priority, deadline: Millis::NEVER, estimate: None, announced: false }
    }

    fn key(job: u32) -> TaskKey {
        TaskKey { job: JobId(job), instance: 0 }
    }

    fn drained(queue: &mut Queue) -> Vec<u32> {
        std::iter::from_fn(|| {
            let (rank, shape) = queue.first()?;
            queue.take(shape, rank);
            Some(rank.first.job.0)
        })
        .collect()
    }

    #[test]
    fn each_order_puts_its_own_first_and_switching_loses_nothing() {
        for (order, expected) in
            [(QueueOrder::Arrival, [0, 1, 2, 3]), (QueueOrder::Decreasing, [1, 3, 0, 2]), (QueueOrder::Priority, [2, 0, 1, 3])]
        {
            let mut queue = Queue::new(QueueOrder::Deadline);
            let (small, large) = (lane(&mut queue, 1), lane(&mut queue, 8));
            for (job, shape, priority) in [(2, small, 9), (0, small, 0), (1, large, 0), (3, large, 0)] {
                queue.push(key(job), unit(shape, priority, 1));
            }
            queue.set_order(order);
            assert_eq!(queue.waiting(), 4);
            assert_eq!(drained(&mut queue), expected, "{order}");
        }
    }

    #[test]
    fn a_blocked_lane_is_passed_over_but_still_first_of_all() {
        let mut queue = Queue::new(QueueOrder::Arrival);
        let (small, large) = (lane(&mut queue, 1), lane(&mut queue, 8));
        queue.push(key(0), unit(large, 0, 1));
        queue.push(key(1), unit(small, 0, 3));
        queue.block(large);
        assert_eq!(queue.first_open().unwrap().1, small);
        assert_eq!(queue.first().unwrap().1, large);
        queue.unblock(|shape| shape.largest().cores == Cores(8));
        assert_eq!(drained(&mut queue), [0, 1, 1, 1]);
    }

    #[test]
    fn a_cancelled_job_leaves_no_unit() {
        let mut queue = Queue::new(QueueOrder::Priority);
        let small = lane(&mut queue, 1);
        queue.push(key(0), unit(small, 5, 10));
        queue.push(key(1), unit(small, 5, 1));
        queue.cancel(JobId(0), 5, Millis::NEVER);
        assert_eq!((queue.waiting(), drained(&mut queue)), (1, vec![1]));
    }
}
