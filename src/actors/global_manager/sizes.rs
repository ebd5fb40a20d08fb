//! Resizes: hold what a run gets beside what it has, order it, and let go of what it no longer has. Whatever fails, it keeps what it had.

use model::{Action, Change, CoreWish, CpuSet, NodeId, Outbox, Resize, TaskKey};

use super::ledger::{Phase, Resizing};
use super::{GlobalManager, tell};

impl GlobalManager {
    /// Holds and orders, or says that what the plan took is free again.
    pub(super) fn begin_resize(&mut self, resize: Resize, out: &mut Outbox) {
        let Resize { task, run, node, number, more, more_memory, size } = resize;
        let held = self.ledger.get_mut(node, task).filter(|held| held.run == run);
        let from = held.map(|held| ((held.cpuset.clone(), held.memory), matches!(held.phase, Phase::Running) && held.stopping.is_none()));
        let (from, runs) = from.unwrap_or_default();
        let all: CpuSet = from.0.iter().chain(more.iter()).collect();
        let cpuset = match size.cores {
            CoreWish::These(cpuset) => cpuset,
            CoreWish::Count(cores) => all.iter().take(cores.0 as usize).collect(),
        };
        let sound = runs && !cpuset.is_empty() && cpuset.is_subset(&all) && size.memory <= from.1 + more_memory;
        if !sound || !self.ledger.extend(node, task, &more, more_memory, out) {
            let change = Change::Resized { cores: from.0.count(), memory: from.1, freed: more, freed_memory: more_memory };
            return tell(node, task, run, change, out);
        }
        let to = (cpuset, size.memory);
        let order = Action::Resize { number, cpuset: to.0.clone(), memory: to.1 };
        let held = self.ledger.get_mut(node, task).expect("more is held for it since just now");
        held.phase = Phase::Resizing(Box::new(Resizing { number, from, to }));
        self.order(node, task, run, order, out);
    }

    /// The order is answered: what it has is settled.
    pub(super) fn resized(&mut self, node: NodeId, task: TaskKey, number: u16, done: bool, out: &mut Outbox) {
        let Some(held) = self.ledger.get_mut(node, task) else { return };
        let Phase::Resizing(resizing) = &held.phase else { return };
        // The answer to an earlier order says nothing of this one.
        if resizing.number != number {
            return;
        }
        let (run, size) = (held.run, if done { resizing.to.clone() } else { resizing.from.clone() });
        held.phase = Phase::Running;
        let (cores, memory) = (size.0.count(), size.1);
        let (freed, freed_memory) = self.ledger.settle(node, task, size, out).expect("it was there just now");
        tell(node, task, run, Change::Resized { cores, memory, freed, freed_memory }, out);
    }
}
