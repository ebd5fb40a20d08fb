//! Discovery: what workers report. It keeps only later states, expires leases, and passes each change on once.

use model::{
    Cause, Finding, JobId, Message, Millis, Name, NodeId, Outbox, Report, ReportBody, Run, Status, TaskKey, Timer, ToDiscovery,
    ToGlobalManager,
};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The latest that is known of a task instance: ordered, so that a report that is not later changes nothing.
type Seen = (Run, Stage);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Stage {
    Running,
    /// For this placement; that of a later move is higher.
    CheckpointRefused(u16),
    Checkpointed,
    Ended,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    name: Name,
    epoch: u32,
    /// When its lease runs out unless it is heard of.
    lease_ends: Millis,
    lost: bool,
    /// The last report of this epoch that was taken.
    seq: u64,
}

/// Discovery's state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Discovery {
    lease: Millis,
    nodes: Vec<Option<Watched>>,
    /// By job, by instance; a job's list goes when nobody asks about it any more.
    seen: Vec<SmallVec<[Option<Seen>; 2]>>,
}

impl Discovery {
    /// Discovery with nodes that are lost when they were not heard of for `lease`.
    #[must_use]
    pub fn new(lease: Millis) -> Self {
        Self { lease, nodes: Vec::new(), seen: Vec::new() }
    }

    /// Takes a message.
    pub fn step(&mut self, now: Millis, input: ToDiscovery, out: &mut Outbox) {
        match input {
            ToDiscovery::Watch { node, name, epoch } => {
                if self.nodes.len() <= node.index() {
                    self.nodes.resize(node.index() + 1, None);
                }
                let lease_ends = now + self.lease;
                self.nodes[node.index()] = Some(Watched { name, epoch, lease_ends, lost: false, seq: 0 });
                out.timers.push((lease_ends, Timer::Lease(node)));
            }
            ToDiscovery::Forget(job) => self.forget(job),
            ToDiscovery::Vanished { node, task, run } => self.pass_on(node, task, run, Status::Ended(Cause::NodeLost), out),
            ToDiscovery::Report(report) => self.report(now, report, out),
        }
    }

    /// Whether the node may still be alive at `now`. While it may, a look at its lease changes nothing.
    #[must_use]
    pub fn holds(&self, now: Millis, node: NodeId) -> bool {
        self.watched(node).is_some_and(|watched| !watched.lost && now < watched.lease_ends)
    }

    /// Gives every node a full lease from now on: after a restart nobody knows which heartbeats were missed.
    pub fn renew_all(&mut self, now: Millis, out: &mut Outbox) {
        for (node, watched) in (0..).map(NodeId).zip(&mut self.nodes) {
            if let Some(watched) = watched.as_mut().filter(|watched| !watched.lost) {
                watched.lease_ends = watched.lease_ends.max(now + self.lease);
                out.timers.push((watched.lease_ends, Timer::Lease(node)));
            }
        }
    }

    /// Whether this report comes from a node whose lease is held, under its present epoch.
    #[must_use]
    pub fn is_current(&self, report: &Report) -> bool {
        self.watched(report.node).is_some_and(|watched| !watched.lost && watched.epoch == report.fence.epoch)
    }

    /// The name of a node that is or was watched.
    #[must_use]
    pub fn name(&self, node: NodeId) -> Option<&Name> {
        self.watched(node).map(|watched| &watched.name)
    }

    fn watched(&self, node: NodeId) -> Option<&Watched> {
        self.nodes.get(node.index())?.as_ref()
    }

    /// Looks at a node's lease; asks to be woken again while it holds.
    pub fn lease(&mut self, now: Millis, node: NodeId, out: &mut Outbox) {
        let Some(watched) = self.nodes.get_mut(node.index()).and_then(Option::as_mut).filter(|watched| !watched.lost) else { return };
        if now < watched.lease_ends {
            out.timers.push((watched.lease_ends, Timer::Lease(node)));
            return;
        }
        watched.lost = true;
        let found = Finding::NodeLost { node, epoch: watched.epoch };
        out.messages.push(Message::GlobalManager(ToGlobalManager::Found(found)));
    }

    fn report(&mut self, now: Millis, report: Report, out: &mut Outbox) {
        let Some(watched) = self.nodes.get_mut(report.node.index()).and_then(Option::as_mut) else { return };
        // Another epoch or a lost lease: whoever sent it must join again.
        if watched.epoch != report.fence.epoch || watched.lost {
            return;
        }
        // A sign of life counts once. What is said of a run may come again and late, since its sender repeats it until it is recorded:
        // there the order is that of the run.
        if report.body == ReportBody::Heartbeat && report.seq <= watched.seq {
            return;
        }
        watched.seq = watched.seq.max(report.seq);
        watched.lease_ends = watched.lease_ends.max(now + self.lease);
        let ReportBody::Run { task, run, status } = report.body else { return };
        self.pass_on(report.node, task, run, status, out);
    }

    /// Passes on what is later than everything seen of the task instance.
    fn pass_on(&mut self, node: NodeId, task: TaskKey, run: Run, status: Status, out: &mut Outbox) {
        if self.is_later(task, run, status) {
            let found = Finding::Run { node, task, run, status };
            out.messages.push(Message::GlobalManager(ToGlobalManager::Found(found)));
        }
    }

    fn is_later(&mut self, task: TaskKey, run: Run, status: Status) -> bool {
        let stage = match status {
            Status::Running => Stage::Running,
            Status::CheckpointRefused { target } => Stage::CheckpointRefused(target),
            Status::Checkpointed(_) => Stage::Checkpointed,
            Status::Ended(_) => Stage::Ended,
        };
        let (job, instance) = (task.job.index(), task.instance as usize);
        if self.seen.len() <= job {
            self.seen.resize_with(job + 1, SmallVec::new);
        }
        let list = &mut self.seen[job];
        if list.len() <= instance {
            list.resize(instance + 1, None);
        }
        let later = list[instance].is_none_or(|seen| seen < (run, stage));
        if later {
            list[instance] = Some((run, stage));
        }
        later
    }

    fn forget(&mut self, job: JobId) {
        if let Some(list) = self.seen.get_mut(job.index()) {
            *list = SmallVec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Fence;

    use super::*;

    const NODE: NodeId = NodeId(0);
    const TASK: TaskKey = TaskKey { job: JobId(3), instance: 1 };

    fn discovery() -> Discovery {
        let mut discovery = Discovery::new(Millis(1000));
        discovery.step(Millis(0), ToDiscovery::Watch { node: NODE, name: "n".parse().unwrap(), epoch: 2 }, &mut Outbox::default());
        discovery
    }

    fn told(discovery: &mut Discovery, now: u64, epoch: u32, seq: u64, run: Run, status: Status) -> bool {
        let mut out = Outbox::default();
        let body = ReportBody::Run { task: TASK, run, status };
        let report = Report { node: NODE, fence: Fence { term: 1, epoch }, seq, body };
        discovery.step(Millis(now), ToDiscovery::Report(report), &mut out);
        !out.messages.is_empty()
    }

    #[test]
    fn an_ended_attempt_is_reported_once_and_absorbs() {
        let mut discovery = discovery();
        let (first, second) = (Run { attempt: 1, placement: 1 }, Run { attempt: 1, placement: 2 });
        let ended = Status::Ended(Cause::Exit(0));
        assert!(told(&mut discovery, 1, 2, 1, first, Status::Running));
        assert!(told(&mut discovery, 2, 2, 2, first, ended));
        assert!(!told(&mut discovery, 3, 2, 3, first, ended));
        assert!(!told(&mut discovery, 4, 2, 4, first, Status::Running));
        assert!(told(&mut discovery, 5, 2, 5, second, Status::Running));
        // The source's exit during a move cannot end what runs at the target.
        assert!(!told(&mut discovery, 6, 2, 6, first, ended));
    }

    #[test]
    fn another_epoch_is_refused_and_a_late_report_of_a_run_is_not() {
        let mut discovery = discovery();
        let run = Run { attempt: 1, placement: 1 };
        assert!(!told(&mut discovery, 1, 1, 1, run, Status::Running));
        let ended = Status::Ended(Cause::Exit(0));
        assert!(told(&mut discovery, 1, 2, 7, run, Status::Running));
        assert!(!told(&mut discovery, 1, 2, 7, run, Status::Running), "it was said before");
        assert!(told(&mut discovery, 1, 2, 6, run, ended), "a heartbeat overtook it");
        assert!(!told(&mut discovery, 1, 2, 8, run, Status::Running), "the end absorbs");
    }

    #[test]
    fn a_checkpoint_is_refused_once_for_each_move() {
        let mut discovery = discovery();
        let run = Run { attempt: 1, placement: 1 };
        let refused = |target| Status::CheckpointRefused { target };
        assert!(told(&mut discovery, 1, 2, 1, run, Status::Running));
        assert!(told(&mut discovery, 2, 2, 2, run, refused(2)));
        assert!(!told(&mut discovery, 3, 2, 3, run, refused(2)));
        assert!(told(&mut discovery, 4, 2, 4, run, refused(3)));
        assert!(told(&mut discovery, 5, 2, 5, run, Status::Ended(Cause::Exit(0))));
    }

    #[test]
    fn a_lease_runs_out_once_and_not_before_its_time() {
        let mut discovery = discovery();
        let run = Run { attempt: 1, placement: 1 };
        assert!(told(&mut discovery, 500, 2, 1, run, Status::Running));
        let mut out = Outbox::default();
        discovery.lease(Millis(1000), NODE, &mut out);
        assert_eq!((out.messages.len(), out.timers.clone()), (0, vec![(Millis(1500), Timer::Lease(NODE))]));
        discovery.lease(Millis(1500), NODE, &mut out);
        discovery.lease(Millis(1600), NODE, &mut out);
        assert_eq!(out.messages.len(), 1);
        assert!(!told(&mut discovery, 1700, 2, 2, run, Status::Ended(Cause::Exit(0))));
    }
}
