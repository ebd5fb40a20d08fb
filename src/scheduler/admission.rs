//! What happens behind a unit that does not fit: strict, skip, backfill; and preemption, which makes room for one.

use std::collections::BTreeSet;

use model::{Millis, ShapeId, TaskKey, WaitReason};

use crate::gang::Ask;
use crate::planner::{Planner, Round};
use crate::preempt::victims;
use crate::promise::{Promise, PromisedPlace, Promises};
use crate::queue::{Members, Rank};
use crate::room::{Asker, Nominated, Room};

/// How many waiting units conservative backfill promises a start to.
pub const CONSERVATIVE_DEPTH: usize = 64;
/// How many waiting units one backfill round looks at.
const BACKFILL_SCAN: usize = 2_000;
/// How many waiting units one round may evict others for.
const EVICTING_UNITS: usize = 16;

/// First in, first out: the first unit that does not fit holds up all behind it.
pub fn strict(planner: &mut Planner, now: Millis, round: &mut Round) {
    while let Some((rank, shape)) = planner.queue.first_open().filter(|&first| Some(first) == planner.queue.first()) {
        match planner.try_unit(rank, shape, now, round) {
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
        match planner.try_unit(rank, shape, now, round) {
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
    let mut promises = std::mem::take(&mut planner.promises).next_round();
    let mut head: Option<TaskKey> = None;
    let mut left = depth;
    let mut firsts: BTreeSet<(Rank, ShapeId)> = planner.queue.firsts(true).collect();
    for _ in 0..BACKFILL_SCAN {
        let Some((rank, shape)) = firsts.pop_first() else { break };
        let unit = planner.queue.unit(shape, rank).expect("the lane's unit waits");
        let each = matches!(unit.members, Members::Each(_));
        let next = planner.queue.next_in_lane(shape, rank);
        let reason = match try_between(planner, &mut promises, head, (rank, shape), now, round) {
            Ok(()) => {
                planner.placed(rank, shape, round);
                let again = rank.after_first();
                let rest = (each && planner.queue.unit(shape, again).is_some()).then_some(again);
                firsts.extend(rest.or(next).map(|rank| (rank, shape)));
                continue;
            }
            Err(reason) => reason,
        };
        let first_of_lane = planner.queue.lane(shape).next().is_some_and(|(first, _)| first == rank);
        if first_of_lane {
            planner.note_reason(shape, reason, round);
        }
        head = head.or(Some(rank.first));
        left -= promise(planner, &mut promises, left, (rank, shape), now);
        // Units behind it in the lane have the same shape, but may be short enough where this one was not.
        let hopeless = reason.nearest().is_some() && left == 0;
        firsts.extend(next.filter(|_| !hopeless).map(|rank| (rank, shape)));
    }
    planner.promises = promises;
}

/// Tries a unit without delaying a promise of another: where the fit chooses, else where it was promised its places.
fn try_between(
    planner: &mut Planner,
    promises: &mut Promises,
    head: Option<TaskKey>,
    (rank, shape): (Rank, ShapeId),
    now: Millis,
    round: &mut Round,
) -> Result<(), WaitReason> {
    let unit = planner.queue.unit(shape, rank).expect("the lane's unit waits");
    let (estimate, alone) = (unit.estimate, [rank.first.instance]);
    let key = TaskKey { instance: unit.next_members(&alone)[0], ..rank.first };
    if let (Some(head), None) = (head, estimate) {
        return Err(WaitReason::NoEstimate { head });
    }
    let own = promises.take(key);
    if own.is_none() && promises.iter().next().is_none() {
        return planner.try_unit(rank, shape, now, round);
    }
    let until = estimate.map_or(Millis::NEVER, |estimate| now.plus(estimate));
    let between = |room: &Room, asker: Asker, _: usize| {
        let apart = asker.part.rules.as_ref().is_some_and(|rules| rules.anti_affinity);
        room.place_where(asker, |node| {
            promises.spare(room, node, asker.part.need, &asker.part.ports, now, until)
                && !(apart && promises.promised_mate(asker, node, now, until))
        })
    };
    let mut tried = planner.try_unit_at(rank, shape, now, between, round);
    if let (Err(_), Some(own)) = (&tried, &own) {
        let promised = |room: &Room, asker: Asker, member: usize| {
            let PromisedPlace { node: there, need, .. } = own.places[member];
            room.place_where(asker, |node| node == there && promises.spare(room, node, need, &asker.part.ports, now, until))
        };
        if planner.try_unit_at(rank, shape, now, promised, round).is_ok() {
            tried = Ok(());
        }
    }
    if tried.is_err() {
        promises.give_back(own);
    }
    tried.map_err(|reason| match (reason, promises.iter().find(|promise| promise.unit != key), head) {
        (WaitReason::NextRound, Some(promise), _) => WaitReason::WouldDelay { head: promise.unit, promised: promise.start },
        (WaitReason::NextRound, None, Some(head)) => WaitReason::BehindHead { head },
        (reason, ..) => reason,
    })
}

/// Promises a start to the unit, or to each of its members where they are placed one by one, to `left` of them at the most. Returns
/// how many were looked at: one that no start can be promised to, for want of estimates, counts too.
fn promise(planner: &Planner, promises: &mut Promises, left: usize, (rank, shape): (Rank, ShapeId), now: Millis) -> usize {
    let unit = planner.queue.unit(shape, rank).expect("the lane's unit waits");
    let each: Vec<[u32; 1]> = match &unit.members {
        Members::Each(end) => (rank.first.instance..*end).take(left).map(|instance| [instance]).collect(),
        Members::Gang(_) => Vec::new(),
    };
    let units: Vec<&[u32]> = match &unit.members {
        Members::Each(_) => each.iter().map(|member| member.as_slice()).collect(),
        Members::Gang(members) => vec![members.as_ref()],
    };
    let looked_at = units.len().min(left);
    for members in units.into_iter().take(left) {
        let ask = Ask { job: rank.first.job, members, shape: planner.queue.shape(shape), priority: unit.priority, ends: Millis::NEVER };
        let kept = promises.take(TaskKey { job: ask.job, instance: members[0] });
        if let Some(promise) = promises.earliest(&planner.room, ask, unit.estimate, now, planner.round, kept) {
            promises.push(promise);
        }
    }
    // Members that are placed one by one are tried in their order and are alike, so the first gets the earliest start.
    let mut given: Vec<_> = each.iter().filter_map(|[instance]| promises.take(TaskKey { instance: *instance, ..rank.first })).collect();
    given.sort_by_key(|promise| promise.start);
    for (promise, [instance]) in given.into_iter().zip(&each) {
        promises.push(Promise { unit: TaskKey { instance: *instance, ..rank.first }, ..promise });
    }
    looked_at
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
        let members = unit.next_members(&alone);
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
