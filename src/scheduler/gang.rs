//! One unit in one transaction: every member gets a place, or none does and the inventory is as before.

use model::{CpuSet, JobId, Millis, NodeId, TaskKey, WaitReason};

use crate::held::Held;
use crate::inventory::Need;
use crate::room::{Asker, Room};
use crate::shape::Shape;

/// A member's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The task instance.
    pub task: TaskKey,
    /// Where.
    pub node: NodeId,
    /// On which cores.
    pub cpuset: CpuSet,
    /// With how much.
    pub need: Need,
}

/// What a transaction needs to know of a unit.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Its job.
    pub job: JobId,
    /// Its members, in the order of the shape's parts.
    pub members: &'a [u32],
    /// Its shape.
    pub shape: &'a Shape,
    /// Its job's priority.
    pub priority: i32,
    /// When it is expected to end if it starts now.
    pub ends: Millis,
}

/// Takes a place for each member, appended to `places`, or takes nothing and says how far it came and what the next one lacks.
///
/// `choose` names the node of a member, by its position in the unit.
///
/// # Errors
/// The reason why the unit does not fit now.
pub fn place_all(
    room: &mut Room,
    ask: Ask,
    mut choose: impl FnMut(&Room, Asker, usize) -> Option<NodeId>,
    places: &mut Vec<Place>,
) -> Result<(), WaitReason> {
    let before = places.len();
    let parts = ask.shape.parts.iter().flat_map(|part| (0..part.count).map(move |_| part));
    for (index, (part, &instance)) in parts.zip(ask.members).enumerate() {
        let asker = Asker { job: ask.job, priority: ask.priority, part };
        let Some(node) = choose(room, asker, index) else {
            let reason = room.explain(asker).unwrap_or(WaitReason::NextRound);
            undo(room, places, before);
            return Err(of_gang(reason, index as u32, ask.members.len() as u32));
        };
        let task = TaskKey { job: ask.job, instance };
        let pinned = part.rules.as_ref().and_then(|rules| rules.pin.as_ref()).filter(|pin| !pin.cpuset.is_empty());
        let cpuset = match pinned {
            Some(pin) => {
                let taken = room.inventory.take_exact(node, &pin.cpuset, part.need.memory);
                assert!(taken, "the filter saw the pinned cores free");
                pin.cpuset.clone()
            }
            None => room.inventory.take(node, part.need),
        };
        let held = Held { need: part.need, priority: ask.priority, ends: ask.ends, stopping: false, mate: part.task };
        room.held.add(node, task, held, &part.ports);
        places.push(Place { task, node, cpuset, need: part.need });
    }
    Ok(())
}

/// Gives back every place after the first `keep`, the last one first.
pub fn undo(room: &mut Room, places: &mut Vec<Place>, keep: usize) {
    for place in places.drain(keep..).rev() {
        room.inventory.give(place.node, &place.cpuset, place.need.memory);
        room.held.remove(place.node, place.task).expect("what was placed is held");
    }
}

fn of_gang(reason: WaitReason, fitted: u32, of: u32) -> WaitReason {
    match (fitted, reason) {
        // Room there is, but not for this one: the caller knows what stands in the way.
        (0, reason) | (_, reason @ WaitReason::NextRound) => reason,
        (_, WaitReason::CoresShort { short_by, nearest }) => {
            WaitReason::GangShort { fitted, of, cores: short_by, memory: model::Bytes::ZERO, nearest: Some(nearest) }
        }
        (_, WaitReason::MemoryShort { short_by, nearest }) => {
            WaitReason::GangShort { fitted, of, cores: model::Cores::ZERO, memory: short_by, nearest: Some(nearest) }
        }
        _ => WaitReason::GangShort { fitted, of, cores: model::Cores::ZERO, memory: model::Bytes::ZERO, nearest: None },
    }
}
