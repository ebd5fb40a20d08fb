//! Discovery: what workers report. It keeps only later states, expires leases, and passes each change on once.

use std::collections::BTreeMap;

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
    /// A resize was answered, or a checkpoint refused: by the number of the order, which rises from one to the next.
    Answered(u16),
    Checkpointed,
    Ended,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    name: Name,
    epoch: u32,
    /// When it was last heard of.
    heard: Millis,
    /// How long it may be silent before it is suspect.
    patience: Millis,
    /// Since when it is suspect.
    suspect: Option<Millis>,
    lost: bool,
    /// The last report of this epoch that was taken.
    seq: u64,
}

/// A node of which this many heartbeats are missing is suspect: its tasks run on for as long as its lease holds, and new ones go elsewhere.
const MISSING: u64 = 10;

/// Discovery's state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Discovery {
    lease: Millis,
    nodes: Vec<Option<Watched>>,
    /// By job, by instance; a job's list goes when nobody asks about it any more.
    seen: BTreeMap<JobId, SmallVec<[Option<Seen>; 2]>>,
}

impl Discovery {
    /// Discovery with nodes that are lost when they were not heard of for `lease`.
    #[must_use]
    pub fn new(lease: Millis) -> Self {
        Self { lease, nodes: Vec::new(), seen: BTreeMap::new() }
    }

    /// Takes a message.
    pub fn step(&mut self, now: Millis, input: ToDiscovery, out: &mut Outbox) {
        match input {
            ToDiscovery::Watch { node, name, epoch, heartbeat } => {
                if self.nodes.len() <= node.index() {
                    self.nodes.resize(node.index() + 1, None);
                }
                let patience = Millis(heartbeat.0.saturating_mul(MISSING));
                let watched = Watched { name, epoch, heard: now, patience, suspect: None, lost: false, seq: 0 };
                self.nodes[node.index()] = Some(watched);
                self.arm(node, out);
            }
            ToDiscovery::Forget(job) => {
                self.seen.remove(&job);
            }
            ToDiscovery::Vanished { node, task, run } => self.pass_on(node, task, run, Status::Ended(Cause::NodeLost), out),
            ToDiscovery::Report(report) => self.report(now, report, out),
        }
    }

    /// Whether a look at a node is no news: it was heard of in time.
    #[must_use]
    pub fn is_idle(&self, now: Millis, timer: Timer) -> bool {
        self.due(timer).is_some_and(|due| now < due)
    }

    /// Whether an input changes nothing that must outlive a restart: a sign of life of a node that is not suspect. It renews a lease,
    /// which a restart renews anyway.
    #[must_use]
    pub fn is_soft(&self, now: Millis, input: &ToDiscovery) -> bool {
        let ToDiscovery::Report(report) = input else { return false };
        report.body == ReportBody::Heartbeat && !self.watched(report.node).is_some_and(|watched| watched.is_cleared(now))
    }

    /// Takes every node as heard of just now: after a restart nobody knows which heartbeats were missed.
    pub fn renew_all(&mut self, now: Millis, out: &mut Outbox) {
        for node in (0..self.nodes.len() as u32).map(NodeId) {
            if let Some(watched) = self.nodes[node.index()].as_mut().filter(|watched| !watched.lost) {
                watched.heard = watched.heard.max(now);
                self.arm(node, out);
            }
        }
    }

    /// Asks to be woken when the node's heartbeats are missing, and when its lease runs out.
    fn arm(&self, node: NodeId, out: &mut Outbox) {
        for timer in [Timer::Suspect(node), Timer::Lease(node)] {
            out.timers.extend(self.due(timer).map(|due| (due, timer)));
        }
    }

    /// When a look at a node finds something, if it is not heard of any more. One that is suspect for longer than its lease cannot be.
    fn due(&self, timer: Timer) -> Option<Millis> {
        let (Timer::Suspect(node) | Timer::Lease(node)) = timer else { return None };
        let watched = self.watched(node).filter(|watched| !watched.lost)?;
        match timer {
            Timer::Suspect(_) => (watched.suspect.is_none() && watched.patience < self.lease).then(|| watched.heard + watched.patience),
            _ => Some(watched.heard + self.lease),
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

    /// Looks whether a node was heard of in time, and asks to be woken again where it was.
    pub fn wake(&mut self, now: Millis, timer: Timer, out: &mut Outbox) {
        let (Timer::Suspect(node) | Timer::Lease(node)) = timer else { return };
        let Some(due) = self.due(timer) else { return };
        if now < due {
            out.timers.push((due, timer));
            return;
        }
        let watched = self.nodes[node.index()].as_mut().expect("what is due is watched");
        let epoch = watched.epoch;
        let found = if matches!(timer, Timer::Suspect(_)) {
            watched.suspect = Some(now);
            Finding::NodeSuspect { node, epoch, suspect: true }
        } else {
            watched.lost = true;
            Finding::NodeLost { node, epoch }
        };
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
        watched.heard = watched.heard.max(now);
        if watched.is_cleared(now) {
            watched.suspect = None;
            let found = Finding::NodeSuspect { node: report.node, epoch: watched.epoch, suspect: false };
            out.messages.push(Message::GlobalManager(ToGlobalManager::Found(found)));
            let timer = Timer::Suspect(report.node);
            out.timers.extend(self.due(timer).map(|due| (due, timer)));
        }
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
            // What is to come says nothing yet of where the run is, and is said as often as it is asked.
            Status::Prepared | Status::Unprepared => {
                let seen = self.seen.get(&task.job).and_then(|list| *list.get(task.instance as usize)?);
                return seen.is_none_or(|(seen, _)| seen < run);
            }
            Status::Running => Stage::Running,
            Status::CheckpointRefused { target: number } | Status::Resized { number, .. } => Stage::Answered(number),
            Status::Checkpointed(_) => Stage::Checkpointed,
            Status::Ended(_) => Stage::Ended,
        };
        let instance = task.instance as usize;
        let list = self.seen.entry(task.job).or_default();
        if list.len() <= instance {
            list.resize(instance + 1, None);
        }
        let later = list[instance].is_none_or(|seen| seen < (run, stage));
        if later {
            list[instance] = Some((run, stage));
        }
        later
    }
}

impl Watched {
    /// Whether a sign of life at `now` clears it of suspicion. Not within the moment in which it became suspect: what of one moment is
    /// recorded is decided before any of it is taken.
    fn is_cleared(&self, now: Millis) -> bool {
        self.suspect.is_some_and(|since| since < now)
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
        discovery.step(
            Millis(0),
            ToDiscovery::Watch { node: NODE, name: "n".parse().unwrap(), epoch: 2, heartbeat: Millis(20) },
            &mut Outbox::default(),
        );
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
    fn an_end_is_known_over_a_restart() {
        let mut discovery = discovery();
        let (run, ended) = (Run { attempt: 1, placement: 1 }, Status::Ended(Cause::Exit(0)));
        assert!(told(&mut discovery, 1, 2, 1, run, ended));
        let kept = postcard::to_stdvec(&discovery).unwrap();
        let mut again: Discovery = postcard::from_bytes(&kept).unwrap();
        assert!(!told(&mut again, 2, 2, 2, run, ended), "its sender repeats it until it knows that it is recorded");
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
    fn a_target_that_is_ready_says_nothing_of_the_run_at_its_source() {
        let mut discovery = discovery();
        let (run, target) = (Run { attempt: 1, placement: 1 }, Run { attempt: 1, placement: 2 });
        assert!(told(&mut discovery, 1, 2, 1, run, Status::Running));
        assert!(told(&mut discovery, 2, 2, 2, target, Status::Prepared));
        assert!(told(&mut discovery, 3, 2, 3, target, Status::Unprepared));
        assert!(told(&mut discovery, 4, 2, 4, run, Status::CheckpointRefused { target: 2 }), "the source is heard as before");
        assert!(told(&mut discovery, 5, 2, 5, target, Status::Running));
        assert!(!told(&mut discovery, 6, 2, 6, target, Status::Prepared), "it is there already");
    }

    #[test]
    fn a_lease_runs_out_once_and_not_before_its_time() {
        let mut discovery = discovery();
        let run = Run { attempt: 1, placement: 1 };
        assert!(told(&mut discovery, 500, 2, 1, run, Status::Running));
        let mut out = Outbox::default();
        discovery.wake(Millis(1000), Timer::Lease(NODE), &mut out);
        assert_eq!((out.messages.len(), out.timers.clone()), (0, vec![(Millis(1500), Timer::Lease(NODE))]));
        discovery.wake(Millis(1500), Timer::Lease(NODE), &mut out);
        discovery.wake(Millis(1600), Timer::Lease(NODE), &mut out);
        assert_eq!(out.messages.len(), 1);
        assert!(!told(&mut discovery, 1700, 2, 2, run, Status::Ended(Cause::Exit(0))));
    }

    fn beat(seq: u64) -> ToDiscovery {
        ToDiscovery::Report(Report { node: NODE, fence: Fence { term: 1, epoch: 2 }, seq, body: ReportBody::Heartbeat })
    }

    fn found(out: &Outbox) -> Vec<bool> {
        let suspect = |message: &Message| match message {
            Message::GlobalManager(ToGlobalManager::Found(Finding::NodeSuspect { suspect, .. })) => *suspect,
            other => panic!("{other:?}"),
        };
        out.messages.iter().map(suspect).collect()
    }

    #[test]
    fn missing_heartbeats_make_a_node_suspect_until_it_is_heard_of() {
        let mut discovery = discovery();
        let mut out = Outbox::default();
        assert!(discovery.is_soft(Millis(100), &beat(1)));
        discovery.step(Millis(100), beat(1), &mut out);
        discovery.wake(Millis(200), Timer::Suspect(NODE), &mut out);
        assert_eq!((found(&out), out.timers.pop()), (vec![], Some((Millis(300), Timer::Suspect(NODE)))), "it was heard of meanwhile");
        assert!(!discovery.is_idle(Millis(300), Timer::Suspect(NODE)));
        discovery.wake(Millis(300), Timer::Suspect(NODE), &mut out);
        // A heartbeat of the same moment was taken for a soft one before.
        assert!(discovery.is_soft(Millis(300), &beat(2)));
        discovery.step(Millis(300), beat(2), &mut out);
        assert_eq!(found(&out), [true]);
        assert!(!discovery.is_soft(Millis(320), &beat(3)), "it changes what the others know");
        discovery.step(Millis(320), beat(3), &mut out);
        assert_eq!((found(&out), out.timers), (vec![true, false], vec![(Millis(520), Timer::Suspect(NODE))]));
    }
}
