//! The planner: one round over the queue gives placements, evictions and reasons. It decides; it sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Admission, Bytes, CoreWish, CpuSet, HostPort, JobId, Labels, Millis, Name, NodeClass, NodeId, Policy, ShapeId, Size, TaskKey,
    WaitReason,
};
use serde::{Deserialize, Serialize};

use crate::admission;
use crate::gang::{Ask, Place, place_all};
use crate::held::{Held, Holdings};
use crate::inventory::{Inventory, Need};
use crate::preempt::Victim;
use crate::promise::Promises;
use crate::queue::{Members, Queue, Rank, Unit};
use crate::room::{Asker, Room};
use crate::shape::{Part, Shape};

/// How many places are made ready for at the most before a round; a larger one grows as it goes.
const LARGE_ROUND: usize = 1 << 20;

/// What a round decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Places taken; those of a gang lie side by side with the same number.
    pub places: Vec<(u32, Place)>,
    /// Tasks that must yield.
    pub victims: Vec<Victim>,
    /// Units that wait since this round: first instance, one past the last, shape.
    pub announced: Vec<(TaskKey, u32, ShapeId)>,
    /// Shapes whose reason to wait has changed; absent: none of the shape waits.
    pub reasons: Vec<(ShapeId, Option<WaitReason>)>,
}

/// The queue, the cluster as it is known, and the policy in force.
///
/// Its serialised form is for snapshots: a planner that was restored decides what the one that was saved would have.
#[derive(Debug, Serialize, Deserialize)]
pub struct Planner {
    pub(crate) policy: Policy,
    pub(crate) round: Millis,
    pub(crate) room: Room,
    pub(crate) queue: Queue,
    pub(crate) promises: Promises,
    /// Units for which others were told to yield, with those others.
    pub(crate) evicting: BTreeMap<TaskKey, Vec<Victim>>,
    /// Nodes that have more free than when the blocked lanes were last tried.
    grown: Vec<NodeId>,
    is_grown: Vec<bool>,
    all_grown: bool,
    /// The reason last told for each shape.
    told: Vec<Option<WaitReason>>,
    /// Lanes that got units since the last round.
    touched: Vec<ShapeId>,
    /// Whether a shape could be held by the empty cluster, as of a number of nodes.
    possible: BTreeMap<ShapeId, (usize, bool)>,
    /// The places of the unit that is being tried; none between two steps.
    #[serde(skip)]
    places: Vec<Place>,
}

impl Planner {
    /// An empty cluster and an empty queue, deciding every `round`.
    #[must_use]
    pub fn new(policy: Policy, round: Millis) -> Self {
        let mut held = Holdings::default();
        held.keep_ends(backfills(policy.admission));
        Self {
            policy,
            round,
            room: Room {
                inventory: Inventory::new(policy.fit, policy.cores),
                held,
                names: BTreeMap::new(),
                nominated: BTreeMap::new(),
                fit: policy.fit,
            },
            queue: Queue::new(policy.order),
            promises: Promises::default(),
            evicting: BTreeMap::new(),
            grown: Vec::new(),
            is_grown: Vec::new(),
            all_grown: false,
            told: Vec::new(),
            touched: Vec::new(),
            possible: BTreeMap::new(),
            places: Vec::new(),
        }
    }

    /// Uses another policy from now on. The queue and the cluster stay as they are.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.room.fit = policy.fit;
        self.room.inventory.set_policy(policy.fit, policy.cores);
        self.room.held.keep_ends(backfills(policy.admission));
        self.queue.set_order(policy.order);
        self.promises = Promises::default();
        self.all_grown = true;
        self.touched = self.queue.occupied().collect();
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many task instances wait for a place.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.queue.waiting()
    }

    /// The cluster as the planner knows it.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.room.inventory
    }

    /// What runs where, as the planner knows it.
    #[must_use]
    pub fn holdings(&self) -> &Holdings {
        &self.room.held
    }

    /// The starts that are promised, in the order of the queue.
    #[must_use]
    pub fn promises(&self) -> &Promises {
        &self.promises
    }

    /// A node's id by its name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.room.names.get(name).copied()
    }

    /// A new node, or one that came back empty.
    pub fn node_ready(&mut self, node: NodeId, name: &Name, class: &Arc<NodeClass>) {
        if node.index() < self.room.inventory.len() {
            // What it held was released task by task; what is planned on it meanwhile holds until the plan is answered.
            self.room.inventory.set_open(node, true);
            self.set_labels(node, &class.labels);
        } else {
            let added = self.room.inventory.add_node(class);
            assert_eq!(added, node, "the GlobalManager numbers nodes densely");
            self.room.held.add_node();
            self.room.names.insert(name.clone(), node);
            self.is_grown.push(false);
        }
        self.note_growth(node);
    }

    /// Opens a node for new tasks or closes it.
    pub fn set_open(&mut self, node: NodeId, open: bool) {
        self.room.inventory.set_open(node, open);
        self.room.nominated.remove(&node);
        if open {
            self.note_growth(node);
        }
    }

    /// Gives a node other labels: what it is promised to and what waits is looked at again, what runs there stays.
    pub fn set_labels(&mut self, node: NodeId, labels: &Labels) {
        if self.room.inventory.class(node).labels != *labels {
            self.room.inventory.set_labels(node, labels);
            self.promises.leave(node);
            self.possible.clear();
            self.all_grown = true;
        }
    }

    /// The shape of a unit, and its members in the order of the shape's parts.
    pub fn shape(&mut self, shape: Shape) -> ShapeId {
        let id = self.queue.intern(shape);
        self.told.resize(self.told.len().max(id.index() + 1), None);
        id
    }

    /// Whether the empty cluster could hold a unit of this shape; an empty cluster of no nodes holds nothing, yet.
    pub fn could_ever_hold(&mut self, shape: ShapeId) -> bool {
        let nodes = self.room.inventory.len();
        if let Some(&(known, possible)) = self.possible.get(&shape)
            && (possible || known == nodes)
        {
            return possible;
        }
        let parts = &self.queue.shape(shape).parts;
        let each = parts.iter().all(|part| self.room.could_ever_hold(part));
        let all = self.room.inventory.capacity();
        let cores: u64 = parts.iter().map(|part| u64::from(part.need.cores.0) * u64::from(part.count)).sum();
        let memory: u128 = parts.iter().map(|part| u128::from(part.need.memory.0) * u128::from(part.count)).sum();
        let possible = each && cores <= all.cores && memory <= all.memory;
        self.possible.insert(shape, (nodes, possible));
        possible
    }

    /// Queues a unit.
    pub fn push(&mut self, first: TaskKey, unit: Unit) {
        self.touched.push(unit.shape);
        self.queue.push(first, unit);
    }

    /// Takes all waiting units of a job out of the queue.
    pub fn cancel(&mut self, job: JobId, priority: i32, deadline: Millis) {
        self.touched.extend(self.queue.occupied());
        self.queue.cancel(job, priority, deadline);
        self.forget_eviction(job);
    }

    /// The same, and what was promised to them is taken back: they come again as others.
    pub fn withdraw(&mut self, job: JobId, priority: i32, deadline: Millis) {
        self.cancel(job, priority, deadline);
        self.promises.forget(job);
    }

    /// A place is free again.
    pub fn release(&mut self, node: NodeId, task: TaskKey, cpuset: &CpuSet, memory: Bytes) {
        self.room.inventory.give(node, cpuset, memory);
        self.room.held.remove(node, task);
        self.note_growth(node);
    }

    /// A task runs and is expected to end then.
    pub fn started(&mut self, node: NodeId, task: TaskKey, ends: Millis) {
        self.room.held.set_end(node, task, ends);
    }

    /// A task was told to stop.
    pub fn stopping(&mut self, node: NodeId, task: TaskKey) {
        self.room.held.set_stopping(node, task);
    }

    /// Takes what a held task shall have beside what it has; none where it holds nothing, or its node lacks it.
    pub fn grow(&mut self, node: NodeId, task: TaskKey, size: &Size) -> Option<(CpuSet, Bytes)> {
        let held = self.room.held.need(node, task)?;
        let inventory = &mut self.room.inventory;
        let memory = size.memory.saturating_sub(held.memory);
        let more = match &size.cores {
            CoreWish::Count(cores) => {
                let need = Need { cores: cores.saturating_sub(held.cores), memory };
                inventory.fits(node, need).then(|| inventory.take(node, need))?
            }
            CoreWish::These(cpuset) => {
                let free = inventory.free_cpuset(node);
                let more = cpuset.without(&cpuset.without(&free));
                inventory.take_exact(node, &more, memory).then_some(more)?
            }
        };
        let need = Need { cores: held.cores + more.count(), memory: held.memory + memory };
        self.room.held.set_need(node, task, need);
        Some((more, memory))
    }

    /// A resize is over: what the task holds, if it holds it still, and what is free again.
    pub fn resized(&mut self, node: NodeId, task: TaskKey, need: Option<Need>, freed: &CpuSet, memory: Bytes) {
        self.room.inventory.give(node, freed, memory);
        if let Some(need) = need {
            self.room.held.set_need(node, task, need);
        }
        self.note_growth(node);
    }

    /// Takes a place that is already known, for a task of a saved state.
    pub fn adopt(&mut self, place: &Place, held: Held, ports: &[HostPort]) -> bool {
        let free = self.room.held.ports().are_free(place.node, ports);
        let taken = free && self.room.inventory.take_exact(place.node, &place.cpuset, place.need.memory);
        if taken {
            self.room.held.add(place.node, place.task, held, ports);
        }
        taken
    }

    /// A place on another node for a running task, or on the named one.
    ///
    /// # Errors
    /// When no other node has room.
    pub fn place_move(
        &mut self,
        task: TaskKey,
        from: NodeId,
        to: Option<NodeId>,
        part: Part,
        priority: i32,
        ends: Millis,
    ) -> Result<Place, WaitReason> {
        let shape = Shape { scope: None, estimated: true, parts: smallvec::smallvec![part] };
        let members = [task.instance];
        let ask = Ask { job: task.job, members: &members, shape: &shape, priority, ends };
        let other = |room: &Room, asker: Asker, _: usize| room.place_where(asker, |node| node != from && to.is_none_or(|to| to == node));
        let mut places = Vec::new();
        place_all(&mut self.room, ask, other, &mut places).map_err(|_| WaitReason::NoTarget)?;
        Ok(places.remove(0))
    }

    /// Decides over the whole queue.
    pub fn plan(&mut self, now: Millis) -> Round {
        self.unblock();
        let mut round = Round::default();
        // Every task takes at least one core, so no round places more than this.
        let most = self.queue.waiting().min(self.room.inventory.free().cores);
        round.places.reserve(usize::try_from(most).unwrap_or(0).min(LARGE_ROUND));
        match self.policy.admission {
            Admission::Strict => admission::strict(self, now, &mut round),
            Admission::Skip => admission::skip(self, now, &mut round),
            Admission::Easy => admission::backfill(self, now, 1, &mut round),
            Admission::Conservative => admission::backfill(self, now, admission::CONSERVATIVE_DEPTH, &mut round),
        }
        if self.policy.preempt {
            admission::preempt(self, &mut round);
        }
        self.tell(&mut round);
        round
    }

    /// Tries one unit, or the first member of a unit whose members are placed one by one, where the fit chooses.
    pub(crate) fn try_unit(&mut self, rank: Rank, shape: ShapeId, now: Millis, round: &mut Round) -> Result<(), WaitReason> {
        self.try_unit_at(rank, shape, now, |room, asker, _| room.place(asker), round)
    }

    /// The same where `choose` says.
    pub(crate) fn try_unit_at(
        &mut self,
        rank: Rank,
        shape: ShapeId,
        now: Millis,
        choose: impl FnMut(&Room, Asker, usize) -> Option<NodeId>,
        round: &mut Round,
    ) -> Result<(), WaitReason> {
        let unit = self.queue.unit(shape, rank).expect("only a waiting unit is tried");
        let gang = round.places.last().map_or(0, |(gang, _)| gang + 1);
        let ends = unit.estimate.map_or(Millis::NEVER, |estimate| now.plus(estimate));
        let alone = [rank.first.instance];
        let members = unit.next_members(&alone);
        let ask = Ask { job: rank.first.job, members, shape: self.queue.shape(shape), priority: unit.priority, ends };
        place_all(&mut self.room, ask, choose, &mut self.places)?;
        round.places.extend(self.places.drain(..).map(|place| (gang, place)));
        if !self.evicting.is_empty() {
            self.forget_eviction(rank.first.job);
        }
        Ok(())
    }

    /// Takes a placed unit off the queue.
    pub(crate) fn placed(&mut self, rank: Rank, shape: ShapeId, round: &mut Round) {
        self.queue.take(shape, rank);
        if self.told[shape.index()].is_some() && self.queue.lane(shape).next().is_none() {
            self.told[shape.index()] = None;
            round.reasons.push((shape, None));
        }
    }

    /// Notes why the units of a shape wait.
    pub(crate) fn note_reason(&mut self, shape: ShapeId, reason: WaitReason, round: &mut Round) {
        if self.told[shape.index()] != Some(reason) {
            self.told[shape.index()] = Some(reason);
            round.reasons.push((shape, Some(reason)));
        }
    }

    /// Why the units of a shape wait, worked out now: what holds for its first unit.
    pub fn reason(&mut self, shape: ShapeId) -> Option<WaitReason> {
        let (rank, _) = self.queue.lane(shape).next()?;
        if let Some(victims) = self.evicting.get(&rank.first) {
            return Some(WaitReason::Evicting { victims: victims.len() as u32 });
        }
        let mut round = Round::default();
        match self.try_unit(rank, shape, Millis::ZERO, &mut round) {
            Err(reason) => Some(reason),
            Ok(()) => {
                let mut places = round.places.into_iter().map(|(_, place)| place).collect();
                crate::gang::undo(&mut self.room, &mut places, 0);
                let head = self.queue.first().map(|(head, _)| head.first).filter(|&head| head != rank.first);
                Some(match (self.policy.admission, head) {
                    (Admission::Strict, Some(head)) => WaitReason::BehindHead { head },
                    _ => self.told[shape.index()].unwrap_or(WaitReason::NextRound),
                })
            }
        }
    }

    /// Why everything that waits waits, worked out now.
    pub fn reasons(&mut self) -> Vec<(ShapeId, WaitReason)> {
        let mut shapes: Vec<ShapeId> = self.queue.occupied().collect();
        shapes.sort_unstable();
        shapes.into_iter().filter_map(|shape| Some((shape, self.reason(shape)?))).collect()
    }

    /// Forgets that others were told to yield to a job's unit.
    fn forget_eviction(&mut self, job: JobId) {
        self.evicting.retain(|unit, _| unit.job != job);
        self.room.nominated.retain(|_, kept| kept.job != job);
    }

    fn note_growth(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.is_grown[node.index()], true) {
            self.grown.push(node);
        }
    }

    /// Opens the lanes that a node with more free than before may hold now.
    fn unblock(&mut self) {
        let (room, grown, all) = (&self.room, &self.grown, self.all_grown);
        if all || !grown.is_empty() {
            let open: Vec<NodeId> = grown.iter().copied().filter(|&node| room.inventory.is_open(node)).collect();
            let fits = |part: &Part| open.iter().any(|&node| room.fits(node, part));
            self.queue.unblock(|shape| all || shape.parts.iter().any(fits));
        }
        for node in self.grown.drain(..) {
            self.is_grown[node.index()] = false;
        }
        self.all_grown = false;
    }

    /// Says what waits since this round, and why where nothing was said yet.
    fn tell(&mut self, round: &mut Round) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let head = self.queue.first().map(|(rank, _)| rank.first);
        for shape in touched.drain(..) {
            if self.queue.lane(shape).next().is_none() {
                if self.told[shape.index()].take().is_some() {
                    round.reasons.push((shape, None));
                }
                continue;
            }
            self.queue.announce(shape, |first, members| match members {
                Members::Each(end) => round.announced.push((first, *end, shape)),
                Members::Gang(members) => {
                    let each = members.iter().map(|&instance| (TaskKey { instance, ..first }, instance + 1, shape));
                    round.announced.extend(each);
                }
            });
            if self.told[shape.index()].is_none()
                && let Some(head) = head
            {
                self.note_reason(shape, WaitReason::BehindHead { head }, round);
            }
        }
        self.touched = touched;
    }
}

fn backfills(admission: Admission) -> bool {
    matches!(admission, Admission::Easy | Admission::Conservative)
}
