//! What happens behind a unit that does not fit: strict, skip, backfill; and preemption, which makes room for one.

use std::collections::BTreeSet;

use model::{Millis, NodeId, ShapeId, TaskKey, WaitReason};

use crate::gang::Ask;
use crate::inventory::Need;
use crate::planner::{Planner, Round};
use crate::preempt::victims;
use crate::promise::{Promise, Promises};
use crate::queue::{Members, Rank};
use crate::room::{Nominated, Room};

/// How many waiting units conservative backfill promises a start to.
pub const CONSERVATIVE_DEPTH: usize = 64;
/// How many waiting units one backfill round looks at.
const BACKFILL_SCAN: usize = 2_000;
/// How many waiting units one round may evict others for.
const EVICTING_UNITS: usize = 16;

/// First in, first out: the first unit that does not fit holds up all behind it.
pub fn strict(planner: &mut Planner, now: Millis, round: &mut Round) {
    while let Some((rank, shape)) = planner.queue.first_open().filter(|&first| Some(first) == planner.queue.first()) {
        match planner.try_unit(rank, shape, now, None, round) {
            Ok(()) => planner.placed(rank, shape, round),
            Err(reason) => {
                planner.queue.block(shape);
                planner.note_reason(shape, reason, round);
            }
        }
    }
}

/// Every unit is tried in order; those that do not fit are passed over.
pub fn skip(planner: &mut Planner, now: Millis, round: &mut Round) {
    while let Some((rank, shape)) = planner.queue.first_open() {
        match planner.try_unit(rank, shape, now, None, round) {
            Ok(()) => planner.placed(rank, shape, round),
            Err(reason) => {
                planner.queue.block(shape);
                planner.note_reason(shape, reason, round);
            }
        }
    }
}

/// Units behind waiting ones are tried where they delay none of the first `depth` of them.
pub fn backfill(planner: &mut Planner, now: Millis, depth: usize, round: &mut Round) {
    let earlier = std::mem::take(&mut planner.promises);
    let mut promises = Promises::default();
    let mut head: Option<TaskKey> = None;
    let mut firsts: BTreeSet<(Rank, ShapeId)> = planner.queue.firsts(true).collect();
    for _ in 0..BACKFILL_SCAN {
        let Some((rank, shape)) = firsts.pop_first() else { break };
        let unit = planner.queue.unit(shape, rank).expect("the lane's unit waits");
        let (estimate, each) = (unit.estimate, matches!(unit.members, Members::Each(_)));
        let until = estimate.map_or(Millis::NEVER, |estimate| now.plus(estimate));
        let spare = |room: &Room, node: NodeId, need: Need| promises.spare(room, node, need, until);
        let tried = match (head, estimate) {
            (Some(head), None) => Err(WaitReason::NoEstimate { head }),
            (Some(_), Some(_)) if !promises.is_empty() => planner.try_unit(rank, shape, now, Some(&spare), round),
            _ => planner.try_unit(rank, shape, now, None, round),
        };
        let next = planner.queue.next_in_lane(shape, rank);
        let reason = match tried {
            Ok(()) => {
                let again = rank.after_first();
                planner.placed(rank, shape, round);
                let rest = (each && planner.queue.unit(shape, again).is_some()).then_some(again);
                firsts.extend(rest.or(next).map(|rank| (rank, shape)));
                continue;
            }
            Err(WaitReason::NextRound) => delayed_by(&promises, head),
            Err(reason) => reason,
        };
        let first_of_lane = planner.queue.lane(shape).next().is_some_and(|(first, _)| first == rank);
        if first_of_lane {
            planner.note_reason(shape, reason, round);
        }
        head = head.or(Some(rank.first));
        if promises.len() < depth
            && let Some(promise) = promised(planner, &promises, rank, shape, now, &earlier)
        {
            promises.push(promise);
        }
        // Units behind it in the lane have the same shape, but may be short enough where this one was not.
        let hopeless = reason.nearest().is_some() && promises.len() >= depth;
        firsts.extend(next.filter(|_| !hopeless).map(|rank| (rank, shape)));
    }
    planner.promises = promises;
}

fn delayed_by(promises: &Promises, head: Option<TaskKey>) -> WaitReason {
    match (promises.iter().next(), head) {
        (Some(promise), _) => WaitReason::WouldDelay { head: promise.unit, promised: promise.start },
        (None, Some(head)) => WaitReason::BehindHead { head },
        (None, None) => WaitReason::NextRound,
    }
}

fn promised(planner: &Planner, promises: &Promises, rank: Rank, shape: ShapeId, now: Millis, earlier: &Promises) -> Option<Promise> {
    let unit = planner.queue.unit(shape, rank)?;
    let alone = [rank.first.instance];
    let members: &[u32] = match &unit.members {
        Members::Each(_) => &alone,
        Members::Gang(members) => members,
    };
    let ask = Ask { job: rank.first.job, members, shape: planner.queue.shape(shape), priority: unit.priority, ends: Millis::NEVER };
    let before = earlier.iter().find(|promise| promise.unit.job == ask.job && promise.unit.instance == members[0]);
    promises.earliest(&planner.room, ask, unit.estimate, now, planner.round, before)
}

/// Tells tasks of lower priority to yield to the waiting units of the highest priority.
pub fn preempt(planner: &mut Planner, round: &mut Round) {
    let room = &planner.room;
    let ended = |gone: &crate::preempt::Victim| room.held.on(gone.node).all(|(task, _)| task != gone.task);
    let done: Vec<TaskKey> = planner.evicting.iter().filter(|(_, victims)| victims.iter().all(ended)).map(|(&unit, _)| unit).collect();
    for unit in done {
        planner.evicting.remove(&unit);
        planner.room.nominated.retain(|_, kept| kept.job != unit.job);
    }
    let mut waiting: Vec<(std::cmp::Reverse<i32>, Rank, ShapeId)> = planner
        .queue
        .firsts(true)
        .filter_map(|(rank, shape)| Some((std::cmp::Reverse(planner.queue.unit(shape, rank)?.priority), rank, shape)))
        .collect();
    waiting.sort_unstable();
    for (std::cmp::Reverse(priority), rank, shape) in waiting.into_iter().take(EVICTING_UNITS) {
        if planner.evicting.keys().any(|unit| unit.job == rank.first.job) {
            continue;
        }
        let unit = planner.queue.unit(shape, rank).expect("the lane's unit waits");
        let alone = [rank.first.instance];
        let members: &[u32] = match &unit.members {
            Members::Each(_) => &alone,
            Members::Gang(members) => members,
        };
        let ask = Ask { job: rank.first.job, members, shape: planner.queue.shape(shape), priority, ends: Millis::NEVER };
        let Some(chosen) = victims(&planner.room, ask).filter(|chosen| !chosen.is_empty()) else { continue };
        for victim in &chosen {
            planner.room.held.set_stopping(victim.node, victim.task);
            planner.room.nominated.insert(victim.node, Nominated { job: rank.first.job, priority });
        }
        planner.note_reason(shape, WaitReason::Evicting { victims: chosen.len() as u32 }, round);
        round.victims.extend(&chosen);
        planner.evicting.insert(rank.first, chosen);
    }
}
