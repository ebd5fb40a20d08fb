//! The figures over time: a sample every five seconds, and what is marked between them. The past is of a fixed size and is in no snapshot:
//! it begins anew with the process, but for what the log then tells again.

use std::collections::VecDeque;

use model::{Event, JobId, Millis, Name, NodeId, NodeState, Policy, TaskState};

use super::{NodeView, View};

/// The time between two samples.
const PITCH: Millis = Millis(5_000);
/// Samples that are kept: two hours in which something happened all the time, and more where not.
const MOST_SAMPLES: usize = 1_440;
/// Marks that are kept.
const MOST_MARKS: usize = 200;
/// Waits of tasks that began within this time are in the percentiles,
const LATELY: Millis = Millis(60_000);
/// as far as there are no more of them.
const MOST_WAITS: usize = 5_000;

/// How things stood at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub time: Millis,
    /// Cores of the nodes that had not left.
    pub cores: u64,
    /// Those of them that were held.
    pub held: u64,
    /// Task instances that waited for a place.
    pub waiting: u64,
    /// Placements until then, in all.
    pub placed: u64,
    /// From submission to start, of the tasks that began within the minute before: the middle one; none where none began.
    pub median: Option<Millis>,
    /// The same of which 95 in 100 are no longer.
    pub p95: Option<Millis>,
}

/// Something that is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The policy was switched to this one.
    Policy(Policy),
    /// A node stands otherwise.
    Node {
        /// Which.
        name: Name,
        /// Its state since then.
        state: NodeState,
        /// It got no new tasks since then.
        cordoned: bool,
        /// Heartbeats of it were missing.
        suspect: bool,
    },
}

/// The past, and what the next sample will say.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// How much there is now; not known before the first event of this process.
    gauges: Option<Gauges>,
    due: Millis,
    samples: VecDeque<Sample>,
    /// When tasks began lately, and how long they had waited.
    waits: VecDeque<(Millis, Millis)>,
    marks: VecDeque<(Millis, Mark)>,
}

/// What is counted along with the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gauges {
    cores: u64,
    held: u64,
    waiting: u64,
}

/// What an event is about, as it stood before.
#[derive(Debug, Default)]
pub(super) struct Before {
    cores: u64,
    held: u64,
    wait: Option<Millis>,
}

impl View {
    /// The samples that are kept, and how it stands now, in the order of their times.
    pub fn history(&self, now: Millis) -> impl Iterator<Item = Sample> {
        let gauges = self.history.gauges.unwrap_or_else(|| self.counted());
        let latest = self.history.waits.iter().filter(|(at, _)| now.since(*at) <= LATELY).map(|(_, wait)| *wait).collect();
        let sample = gauges.sample(now, self.totals.placed, latest);
        self.history.samples.iter().copied().filter(move |past| past.time < now).chain([sample])
    }

    /// What is marked, in the order of its times.
    pub fn marks(&self) -> impl Iterator<Item = &(Millis, Mark)> {
        self.history.marks.iter()
    }

    /// Before an event: samples that are due tell how it stood until then.
    pub(super) fn before(&mut self, time: Millis, event: &Event) -> Before {
        let gauges = self.history.gauges.unwrap_or_else(|| self.counted());
        self.history.gauges = Some(gauges);
        self.history.advance(time, gauges, self.totals.placed);
        let (cores, held) = self.weight(event);
        let wait = match event {
            Event::Task { task, to: TaskState::Running, .. } => self.wait(time, task.job, task.instance),
            _ => None,
        };
        Before { cores, held, wait }
    }

    /// After it: what it changed is counted, and marked where it is rare.
    pub(super) fn after(&mut self, time: Millis, event: &Event, before: &Before) {
        let (cores, held) = self.weight(event);
        let mark = self.mark(event);
        let history = &mut self.history;
        if let Some(gauges) = &mut history.gauges {
            gauges.cores = gauges.cores + cores - before.cores;
            gauges.held = gauges.held + held - before.held;
            if let Event::Task { from, to, .. } = event {
                let (came, went) = (u64::from(*to == TaskState::Ready), u64::from(*from == TaskState::Ready));
                gauges.waiting = (gauges.waiting + came).saturating_sub(went);
            }
        }
        keep(&mut history.waits, MOST_WAITS, before.wait.map(|wait| (time, wait)));
        keep(&mut history.marks, MOST_MARKS, mark.map(|mark| (time, mark)));
    }

    /// How long an instance that begins now has waited; none where it ran before its event came, as after a move.
    fn wait(&self, time: Millis, job: JobId, instance: u32) -> Option<Millis> {
        let job = self.jobs.get(&job)?;
        let fresh = job.tasks.get(instance as usize)?.started.is_none();
        fresh.then(|| time.since(job.submitted))
    }

    /// The cores that the node of an event adds to all, and those of them that are held.
    fn weight(&self, event: &Event) -> (u64, u64) {
        touched(event).and_then(|id| self.nodes.get(id.index())).map_or((0, 0), weight)
    }

    fn mark(&self, event: &Event) -> Option<Mark> {
        let id = match event {
            Event::PolicyChanged { policy } => return Some(Mark::Policy(*policy)),
            Event::Node { node, .. } | Event::Cordoned { node, .. } | Event::Suspected { node, .. } => node,
            _ => return None,
        };
        let node = self.nodes.get(id.index())?;
        let name = node.spec.name.clone();
        Some(Mark::Node { name, state: node.state, cordoned: node.cordoned, suspect: node.suspect })
    }

    /// Everything counted anew.
    fn counted(&self) -> Gauges {
        let (cores, held) = self.nodes.iter().map(weight).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let tasks = self.jobs.values().filter(|job| !job.is_over()).flat_map(|job| &job.tasks);
        Gauges { cores, held, waiting: tasks.filter(|task| task.state == TaskState::Ready).count() as u64 }
    }
}

impl History {
    /// Takes the samples that are due at this time. Where nothing happened for long there are two: how it stood before, and until now.
    fn advance(&mut self, time: Millis, gauges: Gauges, placed: u64) {
        if time < self.due {
            return;
        }
        let last = Millis(time.0 - time.0 % PITCH.0);
        let first = std::mem::replace(&mut self.due, last.plus(PITCH));
        if first == Millis::ZERO {
            // Before the first event nobody knows how it stood.
            return;
        }
        for at in [first, last].into_iter().skip(usize::from(first == last)) {
            while self.waits.front().is_some_and(|(began, _)| at.since(*began) > LATELY) {
                self.waits.pop_front();
            }
            let sample = gauges.sample(at, placed, self.waits.iter().map(|(_, wait)| *wait).collect());
            keep(&mut self.samples, MOST_SAMPLES, Some(sample));
        }
    }
}

impl Gauges {
    fn sample(self, time: Millis, placed: u64, mut waits: Vec<Millis>) -> Sample {
        waits.sort_unstable();
        let Self { cores, held, waiting } = self;
        Sample { time, cores, held, waiting, placed, median: percentile(&waits, 50), p95: percentile(&waits, 95) }
    }
}

/// The nearest rank.
fn percentile(sorted: &[Millis], percent: usize) -> Option<Millis> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// Keeps the latest.
pub(super) fn keep<T>(kept: &mut VecDeque<T>, most: usize, one: Option<T>) {
    let Some(one) = one else { return };
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(one);
}

/// The node whose cores an event changes.
fn touched(event: &Event) -> Option<NodeId> {
    match event {
        Event::Reserved { node, .. }
        | Event::Released { node, .. }
        | Event::Resized { node, .. }
        | Event::Node { node, .. }
        | Event::Joined { node, .. } => Some(*node),
        _ => None,
    }
}

fn weight(node: &NodeView) -> (u64, u64) {
    match node.state {
        NodeState::Left => (0, 0),
        _ => (u64::from(node.spec.class.task_cores().0), u64::from(node.used_cores.0)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Bytes, Cores, NodeClass, NodeSpec, Numbered, PolicyName, Run, TaskKey};

    use super::super::Limits;
    use super::*;

    fn tell(view: &mut View, time: u64, event: Event) {
        view.fold(&Numbered { seq: time, time: Millis(time), event });
    }

    fn with_a_node() -> View {
        let mut view = View::new(Limits::default(), PolicyName::BestFit.into());
        let class = Arc::new(NodeClass::plain("small".parse().unwrap(), Cores(4), Bytes(1 << 30)));
        let spec = Arc::new(NodeSpec { name: "alpha".parse().unwrap(), class });
        tell(&mut view, 1_000, Event::Joined { node: NodeId(0), spec, epoch: 1 });
        tell(&mut view, 1_000, Event::Node { node: NodeId(0), from: NodeState::Joining, to: NodeState::Ready });
        view
    }

    fn reserve(view: &mut View, time: u64, instance: u32) {
        let (task, node) = (TaskKey { job: JobId(0), instance }, NodeId(0));
        let run = Run { attempt: 1, placement: 1 };
        tell(view, time, Event::Reserved { task, run, node, cpuset: "0-1".parse().unwrap(), memory: Bytes(1) });
        let (from, to) = (TaskState::Ready, TaskState::Scheduled);
        tell(view, time, Event::Task { task, run, node: Some(node), from, to, cause: None });
        tell(view, time + 1, Event::Released { task, run, node, cores: Cores(2), memory: Bytes(1) });
    }

    #[test]
    fn samples_say_how_it_stood_and_a_quiet_time_has_two() {
        let mut view = with_a_node();
        let task = TaskKey { job: JobId(0), instance: 0 };
        let run = Run { attempt: 1, placement: 1 };
        let (from, to) = (TaskState::Blocked, TaskState::Ready);
        tell(&mut view, 2_000, Event::Task { task, run, node: None, from, to, cause: None });
        let cpuset = "0-1".parse().unwrap();
        tell(&mut view, 99_000, Event::Reserved { task, run, node: NodeId(0), cpuset, memory: Bytes(1) });
        let (from, to) = (TaskState::Ready, TaskState::Scheduled);
        tell(&mut view, 99_000, Event::Task { task, run, node: Some(NodeId(0)), from, to, cause: None });
        let samples: Vec<_> = view.history(Millis(99_500)).collect();
        let told = |at: usize| (samples[at].time.0, samples[at].cores, samples[at].held, samples[at].waiting, samples[at].placed);
        assert_eq!([0, 1, 2].map(told), [(5_000, 4, 0, 1, 0), (95_000, 4, 0, 1, 0), (99_500, 4, 2, 0, 1)]);
        tell(&mut view, 200_000, Event::Node { node: NodeId(0), from: NodeState::Ready, to: NodeState::Left });
        let last = view.history(Millis(200_001)).last().unwrap();
        assert_eq!((last.cores, last.held), (0, 0), "what has left does not count");
    }

    #[test]
    fn nothing_of_it_grows_and_what_is_counted_along_is_what_there_is() {
        let mut view = with_a_node();
        for second in 1..20_000 {
            reserve(&mut view, second * 1_000, 0);
            tell(&mut view, second * 1_000, Event::Suspected { node: NodeId(0), suspect: second % 2 == 0 });
            keep(&mut view.history.waits, MOST_WAITS, Some((Millis(second * 1_000), Millis(second))));
        }
        let History { gauges, samples, waits, marks, .. } = &view.history;
        assert_eq!((samples.len(), marks.len()), (MOST_SAMPLES, MOST_MARKS));
        assert!(waits.len() <= 70, "those of a minute: {}", waits.len());
        assert_eq!(*gauges, Some(view.counted()));
        let latest: Vec<_> = view.history(Millis(20_000_000)).collect();
        assert!(latest.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert_eq!(latest.last().map(|sample| (sample.median, sample.p95)), Some((Some(Millis(19_969)), Some(Millis(19_996)))));
    }

    #[test]
    fn a_view_that_was_restored_counts_again_what_it_has() {
        let mut view = with_a_node();
        let cpuset = "0-1".parse().unwrap();
        let (task, run) = (TaskKey { job: JobId(0), instance: 0 }, Run { attempt: 1, placement: 1 });
        tell(&mut view, 2_000, Event::Reserved { task, run, node: NodeId(0), cpuset, memory: Bytes(1) });
        let mut restored: View = postcard::from_bytes(&postcard::to_stdvec(&view).unwrap()).unwrap();
        let now: Vec<_> = restored.history(Millis(3_000)).collect();
        assert_eq!((now.len(), now[0].cores, now[0].held), (1, 4, 2));
        tell(&mut restored, 9_000, Event::PolicyChanged { policy: PolicyName::L2.into() });
        assert_eq!(restored.history(Millis(9_001)).last().map(|sample| (sample.cores, sample.held)), Some((4, 2)));
        assert_eq!(restored.marks().count(), 1);
    }
}
