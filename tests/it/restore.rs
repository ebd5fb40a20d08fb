//! A planner that was saved and restored decides what the one that was saved decides, for ever after.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Bytes, Constraint, Cores, CpuSet, JobBody, JobId, Labels, Millis, NodeClass, NodeId, Operator, Pin, Policy, Preference, TaskKey,
    TopologySpec,
};
use proptest::prelude::*;
use scheduler::planner::Planner;
use scheduler::queue::{Members, Unit};
use scheduler::shape::Shape;

use super::properties::{job, name, policy};

const ROUND: Millis = Millis(100);

#[derive(Clone, Debug)]
enum Step {
    /// A job comes, all of it ready.
    Push(JobBody),
    /// The how-manieth holder of a place starts, or ends.
    Start(usize, u64),
    End(usize),
    /// It moves, anywhere or there.
    Move(usize, Option<u32>),
    /// A job's waiting tasks are taken back.
    Cancel(usize),
    /// A node comes, one closes or opens.
    Join(usize),
    Open(u32, bool),
    Policy(Policy),
    /// The twin is saved and restored.
    Restore,
}

/// Rules that the properties of whole simulations have no use for.
#[derive(Clone, Copy, Debug)]
enum Rule {
    None,
    North,
    LikesNorth,
    Pinned(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let rule =
        prop_oneof![3 => Just(Rule::None), 1 => Just(Rule::North), 1 => Just(Rule::LikesNorth), 1 => (0u32..4).prop_map(Rule::Pinned)];
    prop_oneof![
        6 => (job(), rule).prop_map(|(body, rule)| Step::Push(ruled(body, rule))),
        4 => (any::<usize>(), 0u64..60_000).prop_map(|(index, ends)| Step::Start(index, ends)),
        8 => any::<usize>().prop_map(Step::End),
        2 => (any::<usize>(), proptest::option::of(0u32..4)).prop_map(|(index, to)| Step::Move(index, to)),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => (0usize..3).prop_map(Step::Join),
        2 => (0u32..4, any::<bool>()).prop_map(|(node, open)| Step::Open(node, open)),
        1 => policy().prop_map(Step::Policy),
        3 => Just(Step::Restore),
    ]
}

fn ruled(mut body: JobBody, rule: Rule) -> JobBody {
    let label = || ("zone".to_owned(), vec!["north".to_owned()]);
    for task in body.tasks.iter_mut().map(Arc::make_mut) {
        let (label, values) = label();
        match rule {
            Rule::None => {}
            Rule::North => task.rules.constraints = vec![Constraint { label, op: Operator::In, values }],
            Rule::LikesNorth => task.rules.preferences = vec![Preference { label, op: Operator::In, values, weight: 3 }],
            Rule::Pinned(node) => {
                let cpuset = if task.count == 1 { CpuSet::first(task.cores) } else { CpuSet::new() };
                task.rules.pin = Some(Pin { node: name(&format!("n-{node}")), cpuset });
            }
        }
    }
    body
}

fn classes() -> Vec<Arc<NodeClass>> {
    let topology = TopologySpec { numa: 2, cache_groups: 2, smt: 2 }.expand(Cores(8)).expect("a topology");
    let plain = |cores, gib: u64| NodeClass::plain(name(&format!("c{cores}")), Cores(cores), Bytes(gib << 30));
    let north = Labels::from([("zone".to_owned(), "north".to_owned())]);
    let wide = NodeClass {
        offered: NodeClass::above_host(Cores(72), Cores(62)),
        host_memory: Bytes(1 << 30),
        labels: north.clone(),
        ..plain(72, 17)
    };
    vec![Arc::new(plain(6, 12)), Arc::new(NodeClass { topology, labels: north, ..plain(8, 24) }), Arc::new(wide)]
}

/// A planner and the one that was restored from it.
struct Twins {
    one: Planner,
    other: Planner,
    held: BTreeMap<TaskKey, (NodeId, CpuSet, Bytes)>,
    jobs: Vec<Arc<JobBody>>,
    nodes: u32,
}

fn saved(planner: &Planner) -> Vec<u8> {
    postcard::to_stdvec(planner).expect("a planner can be saved")
}

fn restored(planner: &Planner) -> Planner {
    let restored: Planner = postcard::from_bytes(&saved(planner)).expect("what was saved can be restored");
    restored.inventory().recount().expect("the restored sums agree");
    restored
}

impl Twins {
    fn new(policy: Policy) -> Self {
        let planner = Planner::new(policy, ROUND);
        let other = restored(&planner);
        let mut twins = Self { one: planner, other, held: BTreeMap::new(), jobs: Vec::new(), nodes: 0 };
        (0..3).for_each(|class| twins.join(class));
        twins
    }

    /// Tells both the same; they must answer the same.
    fn both<R: PartialEq + std::fmt::Debug>(&mut self, tell: impl Fn(&mut Planner) -> R) -> R {
        let (answer, other) = (tell(&mut self.one), tell(&mut self.other));
        assert_eq!(answer, other);
        answer
    }

    fn join(&mut self, class: usize) {
        let node = NodeId(self.nodes);
        self.nodes += 1;
        self.both(|planner| planner.node_ready(node, &name(&format!("n-{node}", node = node.0)), &classes()[class]));
    }

    fn push(&mut self, body: JobBody) {
        let (job, body) = (JobId(self.jobs.len() as u32), Arc::new(body));
        let all: Vec<u32> = (0..body.instances()).collect();
        let (priority, deadline) = (body.priority, Millis(60_000 + u64::from(job.0)));
        let unit = |members, shape, estimate| Unit { members, shape, priority, deadline, estimate, announced: false };
        if body.gang && all.len() > 1 {
            let (shape, members) = Shape::of(job, &body, &all);
            let shape = self.both(|planner| planner.shape(shape.clone()));
            let estimate = body.tasks.iter().map(|task| task.expected).try_fold(Millis::ZERO, |most, one| Some(most.max(one?)));
            let unit = unit(Members::Gang(members.into()), shape, estimate);
            self.both(|planner| planner.push(TaskKey { job, instance: 0 }, unit.clone()));
        } else {
            for (index, task) in body.tasks.iter().enumerate() {
                let instances = body.instances_of(index);
                let shape = self.both(|planner| planner.shape(Shape::of_one(job, &body, index)));
                let unit = unit(Members::Each(instances.end), shape, task.expected);
                self.both(|planner| planner.push(TaskKey { job, instance: instances.start }, unit.clone()));
            }
        }
        self.jobs.push(body);
    }

    fn holder(&self, index: usize) -> Option<(TaskKey, NodeId, CpuSet, Bytes)> {
        let (&task, (node, cpuset, memory)) = self.held.iter().nth(index % self.held.len().max(1))?;
        Some((task, *node, cpuset.clone(), *memory))
    }

    fn step(&mut self, step: Step, now: Millis) {
        match step {
            Step::Push(body) => self.push(body),
            Step::Start(index, ends) => {
                let Some((task, node, ..)) = self.holder(index) else { return };
                self.both(|planner| planner.started(node, task, now.plus(Millis(ends))));
            }
            Step::End(index) => {
                let Some((task, node, cpuset, memory)) = self.holder(index) else { return };
                self.held.remove(&task);
                self.both(|planner| planner.release(node, task, &cpuset, memory));
            }
            Step::Move(index, to) => {
                let Some((task, from, cpuset, memory)) = self.holder(index) else { return };
                let body = Arc::clone(&self.jobs[task.job.index()]);
                let part = Shape::of_one(task.job, &body, body.task_of(task.instance)).parts.remove(0);
                let to = to.map(NodeId).filter(|to| to.0 < self.nodes);
                let moved = self.both(|planner| planner.place_move(task, from, to, part.clone(), body.priority, Millis::NEVER));
                if let Ok(place) = moved {
                    self.both(|planner| planner.release(from, task, &cpuset, memory));
                    self.held.insert(task, (place.node, place.cpuset, place.need.memory));
                }
            }
            Step::Cancel(index) if !self.jobs.is_empty() => {
                let job = JobId((index % self.jobs.len()) as u32);
                let priority = self.jobs[job.index()].priority;
                self.both(|planner| planner.cancel(job, priority, Millis(60_000 + u64::from(job.0))));
            }
            Step::Cancel(_) => {}
            Step::Join(class) => self.join(class),
            Step::Open(node, open) if node < self.nodes => self.both(|planner| planner.set_open(NodeId(node), open)),
            Step::Open(..) => {}
            Step::Policy(policy) => self.both(|planner| planner.set_policy(policy)),
            Step::Restore => self.other = restored(&self.other),
        }
    }

    fn round(&mut self, now: Millis) {
        let round = self.both(|planner| planner.plan(now));
        let places = round.places.into_iter().map(|(_, place)| (place.task, (place.node, place.cpuset, place.need.memory)));
        self.held.extend(places);
        self.both(Planner::reasons);
        assert_eq!(saved(&self.one), saved(&self.other), "the states differ where no answer shows it yet");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(500), ..ProptestConfig::default() })]

    #[test]
    fn a_restored_planner_decides_as_the_saved_one(policy in policy(), steps in proptest::collection::vec(step(), 1..80)) {
        let mut twins = Twins::new(policy);
        for (index, step) in steps.into_iter().enumerate() {
            let now = Millis(ROUND.0 * (index as u64 + 1));
            twins.step(step, now);
            twins.round(now);
        }
    }
}
