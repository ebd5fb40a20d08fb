//! Backfill: promised starts for units that wait, and the test that nothing started before them delays one.
//!
//! EASY (Lifka 1995) promises a start to the first waiting unit, conservative backfill (Mu'alem and Feitelson 2001) to every
//! waiting unit up to a depth. A promise names nodes and amounts. It is kept from round to round and replaced only by an
//! earlier one, so that it never slips while estimates hold and nodes live: whatever starts, wherever it stands in the queue,
//! starts only where it delays no promise.

use std::collections::BTreeMap;

use model::{HostPort, JobId, Millis, NodeId, TaskKey};
use serde::{Deserialize, Serialize};

use crate::gang::Ask;
use crate::held::Held;
use crate::inventory::Need;
use crate::room::{Asker, Room};

/// A start that was promised to a waiting unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The unit's first member.
    pub unit: TaskKey,
    /// The round in which it starts at the latest.
    pub start: Millis,
    /// When its places are free again; never, without an estimate.
    pub until: Millis,
    /// Its places, one for each member.
    pub places: Vec<PromisedPlace>,
}

/// A place that is promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromisedPlace {
    /// Where.
    pub node: NodeId,
    /// How much.
    pub need: Need,
    /// With which host ports.
    pub ports: Box<[HostPort]>,
    /// Which task of the job's list it is for, where its rules look at mates.
    pub mate: Option<u16>,
}

/// All promises: first those of earlier rounds, in the order of their queue, then those given in this one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Promises {
    list: Vec<Option<Promise>>,
    /// Promises from this place on were given in this round.
    settled_from: usize,
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

fn sum(one: Need, other: Need) -> Need {
    Need { cores: one.cores + other.cores, memory: one.memory + other.memory }
}

impl Promises {
    /// The promises that are in force.
    pub fn iter(&self) -> impl Iterator<Item = &Promise> {
        self.list.iter().flatten()
    }

    /// Begins a round: those that were settled in the last one stand, until their units are looked at again.
    #[must_use]
    pub fn next_round(self) -> Self {
        let mut next = Self::default();
        for promise in self.list.into_iter().skip(self.settled_from).flatten() {
            next.push(promise);
        }
        next.settled_from = next.list.len();
        next
    }

    /// Takes the promise of a unit out.
    pub fn take(&mut self, unit: TaskKey) -> Option<Promise> {
        self.list.iter_mut().find(|promise| promise.as_ref().is_some_and(|promise| promise.unit == unit))?.take()
    }

    /// Puts a promise back that was taken out to look at its unit.
    pub fn give_back(&mut self, promise: Option<Promise>) {
        // At the end it would count as settled; its unit's promise is looked at right after, and taken out again.
        promise.into_iter().for_each(|promise| self.push(promise));
    }

    /// Takes back what was promised to a job.
    pub fn forget(&mut self, job: JobId) {
        for promise in self.list.iter_mut().filter(|promise| promise.as_ref().is_some_and(|promise| promise.unit.job == job)) {
            *promise = None;
        }
    }

    /// Takes back what was promised on a node.
    pub fn leave(&mut self, node: NodeId) {
        for index in self.by_node.remove(&node).unwrap_or_default() {
            self.list[index] = None;
        }
    }

    /// Adds a promise, given in this round.
    pub fn push(&mut self, promise: Promise) {
        for &PromisedPlace { node, .. } in &promise.places {
            let touching = self.by_node.entry(node).or_default();
            if touching.last() != Some(&self.list.len()) {
                touching.push(self.list.len());
            }
        }
        self.list.push(Some(promise));
    }

    /// Whether `need` and these host ports, held on the node from `from` until `until`, delay no promise.
    #[must_use]
    pub fn spare(&self, room: &Room, node: NodeId, need: Need, ports: &[HostPort], from: Millis, until: Millis) -> bool {
        if !ports.is_empty() {
            let mut at_once = self.touching(node).filter(|promise| promise.start <= until && from <= promise.until);
            let shares = |place: &PromisedPlace| place.node == node && place.ports.iter().any(|port| ports.contains(port));
            if at_once.any(|promise| promise.places.iter().any(shares)) {
                return false;
            }
        }
        let starts = self.touching(node).map(|promise| promise.start).filter(|&start| from <= start && start <= until);
        starts.into_iter().all(|start| holds(self.level(room, node, start), need))
    }

    fn touching(&self, node: NodeId) -> impl Iterator<Item = &Promise> {
        self.by_node.get(&node).into_iter().flatten().filter_map(|&index| self.list[index].as_ref())
    }

    /// What is free on the node at a time, with every promise kept.
    fn level(&self, room: &Room, node: NodeId, at: Millis) -> Level {
        let mut level = (i64::from(room.inventory.free_cores(node).0), room.inventory.free_memory(node).0 as i64);
        for (_, held) in room.held.on(node) {
            if held.ends < at {
                add(&mut level, held.need, 1);
            }
        }
        for promise in self.touching(node) {
            if promise.start <= at && at <= promise.until {
                promise.places.iter().filter(|place| place.node == node).for_each(|place| add(&mut level, place.need, -1));
            }
        }
        level
    }

    /// The earliest start that can be promised to a unit that does not fit now. `kept` is what was promised to it before: it
    /// stands unless an earlier start is found or it can no longer be kept.
    #[must_use]
    pub fn earliest(
        &self,
        room: &Room,
        ask: Ask,
        length: Option<Millis>,
        now: Millis,
        round: Millis,
        kept: Option<Promise>,
    ) -> Option<Promise> {
        let kept = kept.filter(|promise| promise.start > now && self.still_good(room, promise));
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

    fn still_good(&self, room: &Room, promise: &Promise) -> bool {
        let mut taken: BTreeMap<NodeId, Need> = BTreeMap::new();
        promise.places.iter().all(|&PromisedPlace { node, need, ref ports, .. }| {
            let all = taken.entry(node).or_default();
            *all = sum(*all, need);
            room.inventory.is_open(node)
                && holds(self.level(room, node, promise.start), *all)
                && room.held.ports_end(node, ports, promise.start)
                && self.spare(room, node, *all, ports, promise.start, promise.until)
        })
    }

    /// Rounds in which something has become free: after each expected end and each end of a promise.
    fn candidate_starts(&self, room: &Room, now: Millis, round: Millis) -> Vec<Millis> {
        let promised = self.iter().map(|promise| promise.until).filter(|&until| until != Millis::NEVER);
        let ends = room.held.ends().map(|(ends, ..)| ends);
        let mut starts: Vec<Millis> = ends.chain(promised).map(|end| end.max(now).next_round(round)).collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    /// A place for each member at `start`: the node with the fewest cores left, then the least memory, then the lowest index.
    fn places_at(&self, room: &Room, ask: Ask, start: Millis, until: Millis) -> Option<Vec<PromisedPlace>> {
        let nodes = (0..room.inventory.len() as u32).map(NodeId);
        let mut levels: Vec<Level> = nodes.map(|node| self.level(room, node, start)).collect();
        let mut places: Vec<PromisedPlace> = Vec::with_capacity(ask.members.len());
        for part in &ask.shape.parts {
            let asker = Asker { job: ask.job, priority: ask.priority, part };
            for _ in 0..part.count {
                let fitting = (0..levels.len()).filter(|&node| holds(levels[node], part.need)).filter(|&node| {
                    let node = NodeId(node as u32);
                    let here = || places.iter().filter(|place| place.node == node);
                    let all = here().fold(part.need, |all, place| sum(all, place.need));
                    let mates = here().any(|place| place.mate == part.task) || self.mates(room, asker, node, start, until);
                    room.inventory.is_open(node)
                        && room.may_hold(asker, node, mates)
                        && !here().any(|place| part.shares_port(&place.ports))
                        && room.held.ports_end(node, &part.ports, start)
                        && self.spare(room, node, all, &part.ports, start, until)
                });
                let best = fitting.min_by_key(|&node| (levels[node], node))?;
                add(&mut levels[best], part.need, -1);
                places.push(PromisedPlace { node: NodeId(best as u32), need: part.need, ports: part.ports.clone(), mate: part.task });
            }
        }
        Some(places)
    }

    /// Whether an instance of the asker's task is on the node, or is promised to be, at any time from `start` until `until`.
    fn mates(&self, room: &Room, asker: Asker, node: NodeId, start: Millis, until: Millis) -> bool {
        let Some(task) = asker.part.task else { return false };
        let there = |(key, held): (TaskKey, &Held)| key.job == asker.job && held.mate == Some(task) && held.ends >= start;
        room.held.on(node).any(there) || self.promised_mate(asker, node, start, until)
    }

    /// Whether an instance of the asker's task is promised to be on the node at any time from `start` until `until`.
    #[must_use]
    pub fn promised_mate(&self, asker: Asker, node: NodeId, start: Millis, until: Millis) -> bool {
        let Some(task) = asker.part.task else { return false };
        let mates = self.touching(node).filter(|promise| promise.unit.job == asker.job);
        let mut at_once = mates.filter(|promise| promise.start <= until && start <= promise.until);
        at_once.any(|promise| promise.places.iter().any(|place| place.node == node && place.mate == Some(task)))
    }
}
