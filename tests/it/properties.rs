//! Properties of whole simulations over random scenarios: the invariants hold after every step, whatever happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Admission, Amendment, Bytes, Condition, Constraint, ContainerSpec, CoreChoice, CoreWish, Cores, Distribution, Fit, HostPort, JobBody,
    JobSpec, Labels, Millis, Name, NodeClass, NodeId, NodeSpec, OnFailure, Operation, Operator, PlacementRules, Policy, QueueOrder,
    Seconds, Simulate, Size, TaskKey, TaskKind, TaskSpec, TaskState,
};
use proptest::prelude::*;
use wharfinger::report::recording::Recording;
use wharfinger::sim::audit::audit;
use wharfinger::sim::config::{Arrival, Config, Deed, Timing};
use wharfinger::sim::input::JobInput;
use wharfinger::sim::simulation::{RunOptions, run};
use wharfinger::sim::world::World;

pub(super) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

prop_compose! {
    fn task()(
        cores in 1u32..6, gib in 0u64..6, count in 1u32..4, seconds in 1u64..60, service in 0u8..12, fails in 0u8..4, attempts in 1u16..4,
        spread: bool, anti in 0u8..6, estimated in 0u8..4, at_most_once in 0u8..8,
        port in 0u16..16,
    ) -> TaskSpec {
        // Two ports of each protocol, so that tasks often want the same.
        let key = if port < 2 { "80/tcp" } else { "53/udp" };
        let ports = BTreeMap::from([(key.to_owned(), 8000 + port % 2)]);
        let container = (port < 4).then(|| Box::new(ContainerSpec { ports, ..ContainerSpec::default() }));
        TaskSpec {
            name: name("t"),
            kind: if service == 0 { TaskKind::Service } else { TaskKind::Container },
            count,
            cores: Cores(cores),
            memory: Bytes(gib << 30),
            rules: PlacementRules { spread: spread && anti == 1, anti_affinity: anti == 0, ..PlacementRules::default() },
            depends_on: Vec::new(),
            attempts,
            at_most_once: at_most_once == 0,
            timeout: None,
            expected: (estimated > 0).then_some(Millis(seconds * 1000)),
            stop_grace: Millis(1000),
            simulate: Simulate {
                duration: Some(Distribution::Constant(Seconds(Millis(seconds * 1000)))),
                failure_probability: if fails == 0 { 0.4 } else { 0.0 },
                start_delay: (seconds % 3 == 0).then_some(Distribution::Constant(Seconds(Millis(seconds * 100)))),
            },
            container,
        }
    }
}

prop_compose! {
    pub(super) fn job()(mut tasks in proptest::collection::vec(task(), 1..4), gang: bool, chain: bool, priority in 0i32..3, fail_fast: bool) -> JobBody {
        for (index, task) in tasks.iter_mut().enumerate() {
            task.name = name(&format!("t{index}"));
            if chain && index > 0 {
                task.depends_on = vec![(index as u16 - 1, Condition::Succeeded)];
            }
        }
        let on_failure = if fail_fast { OnFailure::FailFast } else { OnFailure::Continue };
        JobBody { tenant: None, priority, labels: Labels::new(), on_failure, gang, deadline: Some(Millis(60_000)), tasks: tasks.into_iter().map(Arc::new).collect() }
    }
}

pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let order = proptest::sample::select(QueueOrder::ALL);
    let fit = proptest::sample::select(&Fit::ALL[..5]);
    let admission = proptest::sample::select(Admission::ALL);
    let cores = proptest::sample::select(CoreChoice::ALL);
    (order, fit, admission, cores, any::<bool>(), any::<bool>()).prop_map(|(order, fit, admission, cores, preempt, kill_overrun)| Policy {
        order,
        fit,
        admission,
        cores,
        preempt,
        kill_overrun,
    })
}

fn label() -> impl Strategy<Value = Deed> {
    (0u32..4, 0u8..3).prop_map(|(index, zone)| {
        let labels = Labels::from([("zone".to_owned(), zone.to_string())]);
        Deed::Operate(Operation::Label { node: name(&format!("n-{index}")), labels })
    })
}

/// Not among the deeds that both carriers are given: live, the FrontEnd refuses one that nothing waits for.
fn amendment() -> impl Strategy<Value = (Millis, Deed)> {
    let what = prop_oneof![
        (0i32..3).prop_map(Amendment::Priority),
        (0u16..3, 1u32..6, 0u64..6).prop_map(|(task, cores, gib)| Amendment::Resources {
            task,
            cores: Cores(cores),
            memory: Bytes(gib << 30)
        }),
    ];
    (0u64..120_000, 0u32..12, what)
        .prop_map(|(at, job, amendment)| (Millis(at), Deed::Operate(Operation::Amend { job: model::JobId(job), amendment })))
}

/// Other cores and memory for what may run.
fn resize() -> impl Strategy<Value = Deed> {
    let cores = prop_oneof![
        (1u32..6).prop_map(|cores| CoreWish::Count(Cores(cores))),
        (0u32..4, 1u32..4).prop_map(|(first, count)| CoreWish::These((first..first + count).collect())),
    ];
    (0u32..12, 0u32..3, cores, 0u64..6).prop_map(|(job, instance, cores, gib)| {
        let size = Size { cores, memory: Bytes(gib << 30) };
        Deed::Operate(Operation::Resize { task: TaskKey { job: model::JobId(job), instance }, size })
    })
}

pub(super) fn deed() -> impl Strategy<Value = (Millis, Deed)> {
    let node = |index: u32| name(&format!("n-{index}"));
    let what = prop_oneof![
        (0u32..4).prop_map(|index| Deed::Fail(NodeId(index))),
        (0u32..4).prop_map(|index| Deed::Repair(NodeId(index))),
        (0u32..4, any::<bool>()).prop_map(move |(index, migrate)| Deed::Operate(Operation::Drain { node: node(index), migrate })),
        (0u32..4).prop_map(move |index| Deed::Operate(Operation::Undrain { node: node(index) })),
        (0u32..4, any::<bool>()).prop_map(move |(index, cordoned)| Deed::Operate(Operation::Cordon { node: node(index), cordoned })),
        (0u32..12, 0u32..3, proptest::option::of(0u32..4)).prop_map(move |(job, instance, to)| {
            Deed::Operate(Operation::Migrate { task: TaskKey { job: model::JobId(job), instance }, to: to.map(node) })
        }),
        (0u32..12, 0u32..3)
            .prop_map(|(job, instance)| { Deed::Operate(Operation::Checkpoint(TaskKey { job: model::JobId(job), instance })) }),
        label(),
        resize(),
        (0u32..12).prop_map(|job| Deed::Operate(Operation::Stop(model::JobId(job)))),
        policy().prop_map(|policy| Deed::Operate(Operation::SetPolicy(policy))),
    ];
    (0u64..120_000, what).prop_map(|(at, deed)| (Millis(at), deed))
}

fn cluster(sizes: &[(u32, u64)]) -> Vec<Arc<NodeSpec>> {
    let spec = |(index, &(cores, gib)): (usize, &(u32, u64))| {
        let class = Arc::new(NodeClass::plain(name(&format!("c{cores}")), Cores(cores), Bytes(gib << 30)));
        Arc::new(NodeSpec { name: name(&format!("n-{index}")), class })
    };
    sizes.iter().enumerate().map(spec).collect()
}

pub(super) fn config(nodes: &[(u32, u64)], policy: Policy, mut script: Vec<(Millis, Deed)>, seed: u64) -> Config {
    script.retain(|(_, deed)| !matches!(deed, Deed::Fail(node) | Deed::Repair(node) if node.index() >= nodes.len()));
    script.sort_by_key(|(at, _)| *at);
    let timing = Timing { lease: Millis(3000), ..Timing::default() };
    Config {
        nodes: cluster(nodes),
        policy,
        seed,
        timing,
        script,
        failures: None,
        estimate_error: None,
        start: Millis::ZERO,
        until: Some(Millis(600_000)),
    }
}

pub(super) fn arrivals(jobs: Vec<(u64, JobBody)>) -> JobInput {
    let arrival = |(index, (at, body)): (usize, (u64, JobBody))| {
        Arrival::new(Millis(at), JobSpec { name: name(&format!("job-{index}")), body: Arc::new(body) })
    };
    JobInput::from_jobs(jobs.into_iter().enumerate().map(arrival).collect())
}

fn simulate(config: &Config, jobs: &JobInput, inspect: &mut dyn FnMut(&World)) -> Recording {
    let options = RunOptions { inspect: Some(inspect), ..RunOptions::default() };
    run(config, jobs.open(config.seed).expect("jobs"), options).expect("a run")
}

/// The bodies of the jobs in the order of their ids.
fn bodies(jobs: &[(u64, JobBody)]) -> Vec<JobBody> {
    let mut sorted = jobs.to_vec();
    sorted.sort_by_key(|(at, _)| *at);
    sorted.into_iter().map(|(_, body)| body).collect()
}

/// A host port that two tasks of a node hold, by what was asked for: in the ledger, or in what an agent runs.
fn port_held_twice(world: &World, bodies: &[JobBody]) -> Option<String> {
    let (_, ledger) = world.machines();
    let twice = |node: NodeId, tasks: Vec<TaskKey>| {
        let mut holders: BTreeMap<HostPort, TaskKey> = BTreeMap::new();
        tasks.into_iter().find_map(|task| {
            let body = &bodies[task.job.index()];
            let ports = body.tasks[body.task_of(task.instance)].host_ports();
            let other = ports.iter().find_map(|&port| Some((port, holders.insert(port, task)?)));
            other.map(|(port, other)| format!("{task} and {other} hold {port} of {node}"))
        })
    };
    let reserved =
        (0..ledger.free().len() as u32).map(NodeId).find_map(|node| twice(node, ledger.holders(node).map(|held| held.0).collect()));
    reserved.or_else(|| world.agents().find_map(|(node, agent)| twice(node, agent.runs().map(|run| run.0).collect())))
}

pub(super) fn nodes() -> impl Strategy<Value = Vec<(u32, u64)>> {
    proptest::collection::vec((4u32..12, 8u64..24), 2..5)
}

pub(super) fn jobs() -> impl Strategy<Value = Vec<(u64, JobBody)>> {
    proptest::collection::vec((0u64..90_000, job()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]



    #[test]
    fn every_invariant_holds_after_every_step(
        nodes in nodes(), jobs in jobs(), policy in policy(), mut script in proptest::collection::vec(deed(), 0..10),
        amendments in proptest::collection::vec(amendment(), 0..4), seed: u64,
    ) {
        script.extend(amendments);
        let (config, bodies) = (config(&nodes, policy, script, seed), bodies(&jobs));
        let mut fault = None;
        let recording = simulate(&config, &arrivals(jobs), &mut |world| {
            if fault.is_none() {
                let found = audit(world).err().or_else(|| port_held_twice(world, &bodies));
                fault = found.map(|fault| format!("at {}: {fault}", world.now()));
            }
        });
        prop_assert_eq!(fault, None);
        let counts = recording.summary.jobs;
        prop_assert_eq!(counts.submitted, counts.completed + counts.failed + counts.rejected + counts.running + counts.waiting);
        prop_assert_eq!((recording.summary.tasks.lost, recording.summary.tasks.duplicated), (0, 0));
    }

    #[test]
    fn messages_that_take_their_time_lose_nothing(
        nodes in nodes(), jobs in jobs(), policy in policy(), script in proptest::collection::vec(deed(), 0..10),
        latency in 0u64..300, jitter in 0u64..300, seed: u64,
    ) {
        let mut config = config(&nodes, policy, script, seed);
        (config.timing.latency, config.timing.jitter) = (Millis(latency), Millis(jitter));
        let bodies = bodies(&jobs);
        let mut fault = None;
        let recording = simulate(&config, &arrivals(jobs), &mut |world| {
            if fault.is_none() {
                let found = audit(world).err().or_else(|| port_held_twice(world, &bodies));
                fault = found.map(|fault| format!("at {}: {fault}", world.now()));
            }
        });
        prop_assert_eq!(fault, None);
        prop_assert_eq!((recording.summary.tasks.lost, recording.summary.tasks.duplicated), (0, 0));
    }

    #[test]
    fn a_task_is_placed_by_the_labels_of_the_moment(
        nodes in nodes(), mut jobs in jobs(), policy in policy(), mut script in proptest::collection::vec(deed(), 0..6),
        labelled in proptest::collection::vec((0u64..120_000, label()), 1..8), seed: u64,
    ) {
        let zone = Constraint { label: "zone".into(), op: Operator::In, values: vec!["0".into()] };
        for task in jobs.iter_mut().flat_map(|(_, body)| &mut body.tasks) {
            Arc::make_mut(task).rules.constraints = vec![zone.clone()];
        }
        script.extend(labelled.into_iter().map(|(at, deed)| (Millis(at), deed)));
        let mut config = config(&nodes, policy, script, seed);
        for (index, node) in config.nodes.iter_mut().enumerate() {
            *node = Arc::new(node.relabelled([("zone".to_owned(), (index % 3).to_string())].into()).expect("no fixed label"));
        }
        let (mut placed, mut fault) = (BTreeMap::new(), None);
        simulate(&config, &arrivals(jobs), &mut |world| {
            let (manager, _) = world.machines();
            for status in manager.statuses().filter(|status| status.state == TaskState::Scheduled) {
                let Some(node) = status.node else { continue };
                if placed.insert((status.task, status.attempt), node) != Some(node) {
                    let labels = &manager.planner().inventory().class(node).labels;
                    fault = fault.take().or_else(|| (!zone.allows(labels)).then(|| (status.task, node, world.now(), labels.clone())));
                }
            }
            fault = fault.take().or_else(|| audit(world).err().map(|said| panic!("at {}: {said}", world.now())));
        });
        prop_assert_eq!(fault, None);
    }

    #[test]
    fn a_gang_is_whole_or_absent(nodes in nodes(), jobs in jobs(), policy in policy(), seed: u64) {
        let config = config(&nodes, Policy { preempt: false, ..policy }, Vec::new(), seed);
        let whole = |body: JobBody| body.gang && body.tasks.iter().all(|task| task.depends_on.is_empty());
        let gangs: Vec<bool> = bodies(&jobs).into_iter().map(whole).collect();
        let mut torn = None;
        simulate(&config, &arrivals(jobs), &mut |world| {
            let mut started: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
            for status in world.machines().0.statuses() {
                let counts = started.entry(status.task.job.0).or_default();
                counts.0 += u32::from(status.attempt > 0);
                counts.1 += u32::from(status.attempt == 0);
            }
            let broken = started.iter().find(|(job, counts)| gangs[**job as usize] && counts.0 > 0 && counts.1 > 0);
            torn = torn.or(broken.map(|(&job, &counts)| (job, counts, world.now())));
        });
        prop_assert_eq!(torn, None);
    }

    #[test]
    fn backfill_never_delays_a_promise(
        nodes in nodes(), mut jobs in jobs(), fit in proptest::sample::select(&Fit::ALL[..5]), conservative: bool, seed: u64,
    ) {
        for (_, body) in &mut jobs {
            for task in body.tasks.iter_mut().map(Arc::make_mut) {
                // Estimates are exact, starts take no time and nothing fails: the conditions under which a promise is one.
                // What becomes ready later stands behind, so that nothing comes before a promise after it was given.
                task.depends_on.clear();
                task.kind = TaskKind::Container;
                (task.simulate.failure_probability, task.simulate.start_delay) = (0.0, None);
                task.expected = match task.simulate.duration {
                    Some(Distribution::Constant(Seconds(duration))) => Some(duration),
                    _ => unreachable!("durations are constant here"),
                };
            }
        }
        let admission = if conservative { Admission::Conservative } else { Admission::Easy };
        let policy = Policy { order: QueueOrder::Arrival, fit, admission, cores: CoreChoice::Lowest, preempt: false, kill_overrun: false };
        let config = config(&nodes, policy, Vec::new(), seed);
        let mut promised: BTreeMap<TaskKey, Millis> = BTreeMap::new();
        let mut broken = None;
        simulate(&config, &arrivals(jobs), &mut |world| {
            let (manager, _) = world.machines();
            for promise in manager.planner().promises().iter() {
                let first = promised.entry(promise.unit).or_insert(promise.start);
                *first = (*first).min(promise.start);
            }
            for status in manager.statuses() {
                if let (TaskState::Ready, Some(&start)) = (status.state, promised.get(&status.task))
                    && world.now() > start
                    && broken.is_none()
                {
                    broken = Some((status.task, start, world.now()));
                }
            }
        });
        prop_assert_eq!(broken, None);
    }
}
