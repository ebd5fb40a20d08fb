//! Moves: reserve at the target, make ready there, checkpoint, restore there, release the source. Whatever fails, one side keeps the task. A checkpoint alone is
//! a move without a target.

use model::{Action, Cause, Change, Checkpoint, Event, Image, Move, NodeId, Outbox, Placement, Run, Start, TaskKey};

use super::ledger::Phase;
use super::{GlobalManager, reservation, start, tell};

impl GlobalManager {
    /// Reserves at the target and has it make ready; hands the placement back where it cannot.
    pub(super) fn begin_move(&mut self, moved: Move, out: &mut Outbox) -> Option<Placement> {
        let Move { to, from_run, from } = moved;
        let task = to.task;
        let runs = self.ledger.get_mut(from, task).is_some_and(|held| held.run == from_run && matches!(held.phase, Phase::Running));
        let start = Box::new(start(to.clone()));
        let preparing = Phase::Preparing { from, start: start.clone() };
        if !runs || !self.ledger.reserve(to.node, task, reservation(&to, preparing), out) {
            return Some(to);
        }
        let source = self.ledger.get_mut(from, task).expect("it runs there");
        source.phase = Phase::MovingOut { to: to.node };
        self.order(to.node, task, to.run, Action::Prepare(start), out);
        None
    }

    /// The target is ready: now the source is checkpointed.
    pub(super) fn prepared(&mut self, target: NodeId, task: TaskKey, out: &mut Outbox) {
        let held = self.ledger.get_mut(target, task).expect("the caller found it");
        let Phase::Preparing { from, start } = &held.phase else { return };
        let (from, start, run) = (*from, start.clone(), held.run);
        held.phase = Phase::Awaiting { from, start };
        out.events.push(Event::Prepared { task, run, node: target });
        let source = self.ledger.get_mut(from, task).expect("the source holds until the restore is confirmed").run;
        self.order(from, task, source, Action::Checkpoint { target: run.placement, keep: false }, out);
    }

    /// The target cannot be made ready, or is lost: nothing has become of the source.
    pub(super) fn unprepared(&mut self, source: NodeId, task: TaskKey, out: &mut Outbox) {
        let held = self.ledger.get_mut(source, task).expect("the source holds until the restore is confirmed");
        held.phase = Phase::Running;
        tell(source, task, held.run, Change::Stayed, out);
    }

    /// Orders a checkpoint after which the run goes on where it is, and whose image is kept.
    pub(super) fn begin_checkpoint(&mut self, Checkpoint { of, number }: Checkpoint, out: &mut Outbox) {
        let (node, task, run) = (of.node, of.task, of.run);
        let held = self.ledger.get_mut(node, task).filter(|held| held.run == run && held.stopping.is_none());
        let Some(held) = held.filter(|held| matches!(held.phase, Phase::Running)) else {
            return tell(node, task, run, Change::Stayed, out);
        };
        let start = Box::new(Start { cpuset: held.cpuset.clone(), memory: held.memory, ..start(of) });
        held.phase = Phase::Checkpointing { start, after: Run { placement: number, ..run }, keep: true };
        self.order(node, task, run, Action::Checkpoint { target: number, keep: true }, out);
    }

    /// The placement that the image of a source is made for, while it is being made.
    pub(super) fn image_for(&mut self, task: TaskKey, source: &Phase) -> Option<u16> {
        match source {
            Phase::MovingOut { to } => {
                let target = self.ledger.get_mut(*to, task).filter(|target| matches!(target.phase, Phase::Awaiting { .. }));
                target.map(|target| target.run.placement)
            }
            Phase::Checkpointing { after, .. } => Some(after.placement),
            _ => None,
        }
    }

    /// The source could not be checkpointed, and runs on: the target has nothing to wait for.
    pub(super) fn stayed(&mut self, source: NodeId, task: TaskKey, target: u16, out: &mut Outbox) {
        let Some(phase) = self.ledger.get_mut(source, task).map(|held| held.phase.clone()) else { return };
        // One that was refused for an earlier move says nothing of this one.
        if self.image_for(task, &phase) != Some(target) {
            return;
        }
        let held = self.ledger.get_mut(source, task).expect("it was there just now");
        held.phase = Phase::Running;
        let run = held.run;
        if let Phase::MovingOut { to } = phase {
            self.cancel_target(to, task, Cause::RolledBack, out);
        }
        tell(source, task, run, Change::Stayed, out);
    }

    /// The image is made: restore it at the target, or here where the target is gone.
    pub(super) fn checkpointed(&mut self, source: NodeId, task: TaskKey, image: Image, out: &mut Outbox) {
        let held = self.ledger.get_mut(source, task).expect("the caller found it");
        match held.phase {
            Phase::MovingOut { to } => {
                out.events.push(Event::Checkpointed { task, run: held.run, node: source, image, kept: false });
                held.phase = Phase::Kept { image, to };
                let target = self.ledger.get_mut(to, task).expect("a move holds its target");
                let Phase::Awaiting { start, .. } = &target.phase else { return };
                let (run, start) = (target.run, start.clone());
                target.phase = Phase::Restoring { from: source, start: start.clone(), image };
                self.order(to, task, run, Action::Restore { start, image, source }, out);
            }
            Phase::Checkpointing { ref start, after, keep } => {
                let start = start.clone();
                if keep {
                    out.events.push(Event::Checkpointed { task, run: held.run, node: source, image, kept: true });
                }
                self.resume(source, task, after, image, start, out);
            }
            // Nobody waits for it any more, and how it was to run is not known here: it begins anew.
            Phase::Running => {
                let run = held.run;
                self.order(source, task, run, Action::Stop { cause: Cause::RolledBack }, out);
            }
            _ => {}
        }
    }

    /// The target runs: the source lets go.
    pub(super) fn moved(&mut self, target: NodeId, task: TaskKey, run: Run, from: NodeId, out: &mut Outbox) {
        let source = self.ledger.release(from, task, out).expect("the source holds until the restore is confirmed");
        self.order(from, task, source.run, Action::Stop { cause: Cause::Drained }, out);
        let change = Change::Moved { from, cpuset: source.cpuset, memory: source.memory };
        tell(target, task, run, change, out);
        self.leave_if_empty(from, out);
    }

    /// The source has ended or is lost: the target has nothing to wait for.
    pub(super) fn cancel_target(&mut self, target: NodeId, task: TaskKey, cause: Cause, out: &mut Outbox) {
        let Some(held) = self.ledger.release(target, task, out) else { return };
        match held.phase {
            Phase::Restoring { .. } => self.order(target, task, held.run, Action::Stop { cause }, out),
            _ => self.order(target, task, held.run, Action::Dismiss, out),
        }
        tell(target, task, held.run, Change::MoveFailed { target, cpuset: held.cpuset, memory: held.memory }, out);
        self.leave_if_empty(target, out);
    }

    /// The target has failed or is lost: the source goes on from its image, as soon as it has one.
    pub(super) fn fall_back(&mut self, source: NodeId, task: TaskKey, failed: Run, start: Start, out: &mut Outbox) {
        let Some(held) = self.ledger.get_mut(source, task) else { return };
        let start = Box::new(Start { cpuset: held.cpuset.clone(), memory: held.memory, ..start });
        match held.phase {
            Phase::MovingOut { .. } => held.phase = Phase::Checkpointing { start, after: failed, keep: false },
            Phase::Kept { image, .. } => self.resume(source, task, failed, image, start, out),
            _ => {}
        }
    }

    /// Restores at the source, as the next placement.
    fn resume(&mut self, source: NodeId, task: TaskKey, after: Run, image: Image, start: Box<Start>, out: &mut Outbox) {
        let held = self.ledger.get_mut(source, task).expect("the source holds until the restore is confirmed");
        held.run = Run { placement: after.placement + 1, ..after };
        held.phase = Phase::Resuming { start: start.clone(), image };
        let run = held.run;
        self.order(source, task, run, Action::Restore { start, image, source }, out);
        tell(source, task, run, Change::Resumed, out);
    }
}
