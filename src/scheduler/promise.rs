//! Backfill: promised starts for units that wait, and the test that nothing started before them delays one.
//!
//! EASY (Lifka 1995) promises a start to the first waiting unit, conservative backfill (Mu'alem and Feitelson 2001) to every
//! waiting unit up to a depth. A promise names nodes and amounts. It is kept from round to round and replaced only by an
//! earlier one, so that it never slips while estimates hold and nodes live.

use std::collections::BTreeMap;

use model::{Millis, NodeId, TaskKey};

use crate::gang::Ask;
use crate::inventory::Need;
use crate::room::{Asker, Room};

/// A start that was promised to a waiting unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The unit's first member.
    pub unit: TaskKey,
    /// The round in which it starts at the latest.
    pub start: Millis,
    /// When its places are free again; never, without an estimate.
    pub until: Millis,
    /// Its places, a node for each member.
    pub places: Vec<(NodeId, Need)>,
}

/// All promises, in the order of the queue.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    list: Vec<Promise>,
    /// Which promises touch a node, by their place in the list.
    by_node: BTreeMap<NodeId, Vec<usize>>,
}

/// Free cores and memory of a node; negative where more is promised than free.
type Level = (i64, i64);

fn add(level: &mut Level, need: Need, sign: i64) {
    level.0 += sign * i64::from(need.cores.0);
    level.1 += sign * need.memory.0 as i64;
}

fn holds(level: Level, need: Need) -> bool {
    level.0 >= i64::from(need.cores.0) && level.1 >= need.memory.0 as i64
}

impl Promises {
    /// The promise at a place of the list.
    pub fn iter(&self) -> impl Iterator<Item = &Promise> {
        self.list.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a promise behind the others.
    pub fn push(&mut self, promise: Promise) {
        for &(node, _) in &promise.places {
            let touching = self.by_node.entry(node).or_default();
            if touching.last() != Some(&self.list.len()) {
                touching.push(self.list.len());
            }
        }
        self.list.push(promise);
    }

    /// Whether `need` may be taken on the node until `until` without delaying a promise.
    #[must_use]
    pub fn spare(&self, room: &Room, node: NodeId, need: Need, until: Millis) -> bool {
        self.delayed(room, node, need, Millis::ZERO, until).is_none()
    }

    /// The first promise on the node that `need`, held from `from` until `until`, would delay.
    #[must_use]
    pub fn delayed(&self, room: &Room, node: NodeId, need: Need, from: Millis, until: Millis) -> Option<&Promise> {
        let touching = self.by_node.get(&node)?;
        let touching = touching.iter().map(|&index| &self.list[index]);
        touching
            .filter(|promise| from <= promise.start && promise.start <= until)
            .find(|promise| !holds(self.level(room, node, promise.start), need))
    }

    /// What is free on the node at a time, with every promise kept.
    fn level(&self, room: &Room, node: NodeId, at: Millis) -> Level {
        let mut level = free(room, node);
        for (_, held) in room.held.on(node) {
            if held.ends < at {
                add(&mut level, held.need, 1);
            }
        }
        for &index in self.by_node.get(&node).into_iter().flatten() {
            let promise = &self.list[index];
            if promise.start <= at && at <= promise.until {
                promise.places.iter().filter(|place| place.0 == node).for_each(|place| add(&mut level, place.1, -1));
            }
        }
        level
    }

    /// The earliest start that can be promised to a unit that does not fit now, behind all other promises.
    ///
    /// `length` is its estimate. `earlier` is what was promised to it before: it is kept unless an earlier start is found.
    pub fn earliest(
        &self,
        room: &Room,
        ask: Ask,
        length: Option<Millis>,
        now: Millis,
        round: Millis,
        earlier: Option<&Promise>,
    ) -> Option<Promise> {
        let kept = earlier.filter(|promise| promise.start > now && self.still_good(room, promise, length)).cloned();
        let limit = kept.as_ref().map_or(Millis::NEVER, |promise| promise.start);
        let unit = TaskKey { job: ask.job, instance: ask.members[0] };
        for start in self.candidate_starts(room, now, round) {
            if start >= limit {
                break;
            }
            let until = length.map_or(Millis::NEVER, |length| start.plus(length));
            if let Some(places) = self.places_at(room, ask, start, until) {
                return Some(Promise { unit, start, until, places });
            }
        }
        kept
    }

    fn still_good(&self, room: &Room, promise: &Promise, length: Option<Millis>) -> bool {
        let until = length.map_or(Millis::NEVER, |length| promise.start.plus(length));
        let mut taken: BTreeMap<NodeId, Need> = BTreeMap::new();
        promise.places.iter().all(|&(node, need)| {
            let sum = taken.entry(node).or_default();
            *sum = Need { cores: sum.cores + need.cores, memory: sum.memory + need.memory };
            room.inventory.is_open(node) && self.lasting(room, node, *sum, promise.start, until)
        })
    }

    /// Rounds in which something has become free: after each expected end and each end of a promise.
    fn candidate_starts(&self, room: &Room, now: Millis, round: Millis) -> Vec<Millis> {
        let promised = self.list.iter().map(|promise| promise.until).filter(|&until| until != Millis::NEVER);
        let ends = room.held.ends().map(|(ends, ..)| ends);
        let mut starts: Vec<Millis> = ends.chain(promised).map(|end| end.max(now).next_round(round)).collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    /// Whether `need` is free on the node all the time from `start` until `until`.
    fn lasting(&self, room: &Room, node: NodeId, need: Need, start: Millis, until: Millis) -> bool {
        holds(self.level(room, node, start), need) && self.delayed(room, node, need, start, until).is_none()
    }

    /// A place for each member at `start`: the node with the fewest cores left, then the least memory, then the lowest index.
    fn places_at(&self, room: &Room, ask: Ask, start: Millis, until: Millis) -> Option<Vec<(NodeId, Need)>> {
        let mut levels: Vec<Level> = (0..room.inventory.len() as u32).map(|node| self.level(room, NodeId(node), start)).collect();
        let mut places: Vec<(NodeId, Need)> = Vec::with_capacity(ask.members.len());
        for part in &ask.shape.parts {
            let asker = Asker { job: ask.job, priority: ask.priority, part };
            for _ in 0..part.count {
                let fitting = (0..levels.len()).filter(|&node| holds(levels[node], part.need)).filter(|&node| {
                    let node = NodeId(node as u32);
                    let mine = places
                        .iter()
                        .filter(|place| place.0 == node)
                        .fold(part.need, |sum, place| Need { cores: sum.cores + place.1.cores, memory: sum.memory + place.1.memory });
                    let alone = part.task.is_none() || !places.iter().any(|place| place.0 == node);
                    room.inventory.is_open(node)
                        && room.may_hold(asker, node, alone)
                        && self.delayed(room, node, mine, start, until).is_none()
                });
                let best = fitting.min_by_key(|&node| (levels[node], node))?;
                add(&mut levels[best], part.need, -1);
                places.push((NodeId(best as u32), part.need));
            }
        }
        Some(places)
    }
}

fn free(room: &Room, node: NodeId) -> Level {
    (i64::from(room.inventory.free_cores(node).0), room.inventory.free_memory(node).0 as i64)
}
