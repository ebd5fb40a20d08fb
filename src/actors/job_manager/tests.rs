//! The JobManager alone: what happens while a plan is under way.

use std::sync::Arc;

use model::{
    Amendment, Bytes, Cause, Change, Constraint, ContainerSpec, Cores, Image, JobBody, JobId, JobSpec, Kept, Labels, Message, Millis,
    NodeClass, NodeId, NodeSpec, OnFailure, Operation, Operator, Outbox, Placement, PlacementRules, Plan, Policy, PolicyName, Progress,
    Run, TaskKey, TaskSpec, TaskState, ToGlobalManager, ToJobManager, Volume,
};

use super::JobManager;

const JOB: JobId = JobId(0);

/// A JobManager with one node of two cores and one job of one task, whose first plan is under way.
fn planning() -> (JobManager, Plan) {
    let name = |text: &str| text.parse().unwrap();
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    let class = Arc::new(NodeClass::plain(name("n"), Cores(2), Bytes(100)));
    let spec = Arc::new(NodeSpec { name: name("n"), class });
    tell(&mut manager, ToJobManager::NodeReady { node: NodeId(0), spec });
    let task = Arc::new(TaskSpec { name: name("t"), cores: Cores(1), ..TaskSpec::default() });
    admit(&mut manager, JobBody { tasks: vec![task], ..body() });
    let mut out = Outbox::default();
    manager.wake(Millis(100), &mut out);
    let plan = out.messages.into_iter().find_map(|message| match message {
        Message::GlobalManager(ToGlobalManager::Propose(plan)) => Some(*plan),
        _ => None,
    });
    (manager, plan.expect("the task fits"))
}

fn tell(manager: &mut JobManager, input: ToJobManager) -> Outbox {
    let mut out = Outbox::default();
    manager.step(Millis(100), input, &mut out);
    out
}

/// A job without tasks.
fn body() -> JobBody {
    let on_failure = OnFailure::FailFast;
    JobBody { tenant: None, priority: 0, labels: Labels::new(), on_failure, gang: false, deadline: None, tasks: Vec::new() }
}

fn admit(manager: &mut JobManager, body: JobBody) {
    let spec = JobSpec { name: "j".parse().unwrap(), body: Arc::new(body) };
    tell(manager, ToJobManager::Admit { job: JOB, spec, submitted: Millis::ZERO, progress: Vec::new() });
}

#[test]
fn what_is_stopped_while_its_plan_is_under_way_ends_where_the_plan_is_refused() {
    let (mut manager, plan) = planning();
    tell(&mut manager, ToJobManager::Operate(Operation::Stop(JOB)));
    assert_eq!(manager.live_jobs().count(), 1, "it may have been started");
    tell(&mut manager, ToJobManager::Planned { refused: plan.placements });
    assert_eq!(manager.live_jobs().count(), 0);
}

#[test]
fn what_is_drained_while_its_plan_is_under_way_waits_again_where_the_plan_is_refused() {
    let (mut manager, plan) = planning();
    tell(&mut manager, ToJobManager::Operate(Operation::Drain { node: "n".parse().unwrap(), migrate: false }));
    tell(&mut manager, ToJobManager::Planned { refused: plan.placements });
    let out = tell(&mut manager, ToJobManager::Operate(Operation::Undrain { node: "n".parse().unwrap() }));
    assert_eq!(out.timers.len(), 0, "the round was asked for already");
    let mut out = Outbox::default();
    manager.wake(Millis(200), &mut out);
    assert!(out.messages.iter().any(|message| matches!(message, Message::GlobalManager(ToGlobalManager::Propose(_)))));
}

fn node(manager: &mut JobManager, id: u32, name: &str, labels: &Labels) {
    let class = NodeClass { labels: labels.clone(), ..NodeClass::plain(name.parse().unwrap(), Cores(2), Bytes(100)) };
    let spec = Arc::new(NodeSpec { name: name.parse().unwrap(), class: Arc::new(class) });
    tell(manager, ToJobManager::NodeReady { node: NodeId(id), spec });
}

fn round(manager: &mut JobManager, now: u64) -> Option<Plan> {
    let mut out = Outbox::default();
    manager.wake(Millis(now), &mut out);
    out.messages.into_iter().find_map(|message| match message {
        Message::GlobalManager(ToGlobalManager::Propose(plan)) => Some(*plan),
        _ => None,
    })
}

#[test]
fn what_waits_for_a_label_starts_where_a_node_gets_it_and_what_runs_stays() {
    let (north, south) = ([("zone".to_owned(), "north".to_owned())].into(), [("zone".to_owned(), "south".to_owned())].into());
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    node(&mut manager, 0, "n", &north);
    node(&mut manager, 1, "s", &south);
    let constraints = vec![Constraint { label: "zone".into(), op: Operator::In, values: vec!["north".into()] }];
    let rules = PlacementRules { constraints, ..PlacementRules::default() };
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(2), count: 2, rules, ..TaskSpec::default() };
    admit(&mut manager, JobBody { tasks: vec![Arc::new(task)], ..body() });
    let plan = round(&mut manager, 100).expect("one of two has a node");
    assert_eq!(plan.placements.iter().map(|placement| placement.node).collect::<Vec<_>>(), [NodeId(0)]);
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    let label = |node: &str, labels: &Labels| Operation::Label { node: node.parse().unwrap(), labels: labels.clone() };
    let out = tell(&mut manager, ToJobManager::Operate(label("n", &south)));
    assert_eq!(out.timers.len(), 1, "what waits is looked at again");
    assert!(round(&mut manager, 200).is_none());
    assert_eq!(manager.statuses().next().map(|status| (status.state, status.node)), Some((TaskState::Scheduled, Some(NodeId(0)))));
    tell(&mut manager, ToJobManager::Operate(label("s", &north)));
    let plan = round(&mut manager, 300).expect("the other has one now");
    assert_eq!(plan.placements.iter().map(|placement| placement.node).collect::<Vec<_>>(), [NodeId(1)]);
    tell(&mut manager, ToJobManager::NodeLost(NodeId(1)));
    node(&mut manager, 1, "s", &south);
    assert_eq!(manager.planner().inventory().class(NodeId(1)).labels, south, "a worker that joins anew says its own");
}

#[test]
fn what_is_in_an_image_goes_to_no_node_of_plain_processes() {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    let engine = |engine: &str| Labels::from([("engine".to_owned(), engine.to_owned())]);
    node(&mut manager, 0, "p", &engine("process"));
    node(&mut manager, 1, "d", &engine("docker"));
    let container = Some(Box::new(ContainerSpec { image: "busybox".into(), ..ContainerSpec::default() }));
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(1), count: 3, container, ..TaskSpec::default() };
    admit(&mut manager, JobBody { tasks: vec![Arc::new(task)], ..body() });
    let plan = round(&mut manager, 100).expect("two of three have a place");
    assert_eq!(plan.placements.iter().map(|placement| placement.node).collect::<Vec<_>>(), [NodeId(1); 2]);
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    assert!(round(&mut manager, 200).is_none());
}

#[test]
fn a_drain_lets_go_what_moves_already_and_moves_no_volume_of_one_node() {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    node(&mut manager, 0, "n", &Labels::new());
    let volume = |source: &str, read_only| Volume { source: source.into(), target: "/data".into(), read_only };
    let task = |name: &str, volume: Volume| {
        let container = Some(Box::new(ContainerSpec { volumes: vec![volume], ..ContainerSpec::default() }));
        Arc::new(TaskSpec { name: name.parse().unwrap(), cores: Cores(1), container, ..TaskSpec::default() })
    };
    let tasks = vec![task("moves", volume(Volume::OF_JOB, false)), task("stays", volume("data", false))];
    admit(&mut manager, JobBody { tasks, ..body() });
    let plan = round(&mut manager, 100).expect("both have a place");
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    for Placement { task, run, node, .. } in plan.placements {
        tell(&mut manager, ToJobManager::Changed { task, run, node, change: Change::Started });
    }
    node(&mut manager, 1, "m", &Labels::new());
    let moves = TaskKey { job: JOB, instance: 0 };
    tell(&mut manager, ToJobManager::Operate(Operation::Migrate { task: moves, to: None }));
    assert_eq!(round(&mut manager, 200).map(|plan| plan.moves.len()), Some(1));
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    let out = tell(&mut manager, ToJobManager::Operate(Operation::Drain { node: "n".parse().unwrap(), migrate: true }));
    let stopped = out.messages.into_iter().filter_map(|message| match message {
        Message::GlobalManager(ToGlobalManager::Stop(stop)) => Some(stop.task.instance),
        _ => None,
    });
    assert_eq!(stopped.collect::<Vec<_>>(), [1]);
}

/// A task that moves from `n` to `m`, because somebody wants that, or a drain; the placement that it has at the target, and its first run.
fn moving(by_drain: bool) -> (JobManager, Placement, Run) {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    node(&mut manager, 0, "n", &Labels::new());
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(1), ..TaskSpec::default() };
    admit(&mut manager, JobBody { tasks: vec![Arc::new(task)], ..body() });
    let Placement { task, run, node: source, .. } = round(&mut manager, 100).expect("it has a place").placements.remove(0);
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    tell(&mut manager, ToJobManager::Changed { task, run, node: source, change: Change::Started });
    node(&mut manager, 1, "m", &Labels::new());
    tell(&mut manager, if by_drain { drain("n") } else { ToJobManager::Operate(Operation::Migrate { task, to: None }) });
    let model::Move { to, .. } = round(&mut manager, 200).expect("it has another place").moves.remove(0);
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    (manager, to, run)
}

fn drain(node: &str) -> ToJobManager {
    ToJobManager::Operate(Operation::Drain { node: node.parse().unwrap(), migrate: true })
}

fn is_stopped(out: &Outbox) -> bool {
    out.messages
        .iter()
        .any(|message| matches!(message, Message::GlobalManager(ToGlobalManager::Stop(stop)) if stop.cause == Cause::Drained))
}

/// Its move fails, and it resumes at its source.
fn comes_back(manager: &mut JobManager, to: Placement, first: Run) -> Outbox {
    let task = to.task;
    let failed = Change::MoveFailed { target: to.node, cpuset: to.cpuset, memory: to.memory };
    tell(manager, ToJobManager::Changed { task, run: to.run, node: to.node, change: failed });
    // Who was lost may be back at once.
    node(manager, 1, "m", &Labels::new());
    let run = Run { placement: to.run.placement + 1, ..first };
    tell(manager, ToJobManager::Changed { task, run, node: NodeId(0), change: Change::Resumed });
    tell(manager, ToJobManager::Changed { task, run, node: NodeId(0), change: Change::Started })
}

#[test]
fn what_comes_back_to_a_drained_node_starts_again_elsewhere() {
    for draining in [false, true] {
        let (mut manager, to, run) = moving(draining);
        let out = comes_back(&mut manager, to, run);
        assert_eq!(is_stopped(&out), draining);
        assert!(round(&mut manager, 300).is_none());
    }
}

#[test]
fn what_comes_back_moves_again_where_its_node_is_drained_meanwhile_or_its_target_is_lost() {
    for (by_drain, meanwhile) in [(false, drain("n")), (true, ToJobManager::NodeLost(NodeId(1)))] {
        let (mut manager, to, run) = moving(by_drain);
        node(&mut manager, 2, "o", &Labels::new());
        tell(&mut manager, meanwhile);
        let out = comes_back(&mut manager, to, run);
        assert!(!is_stopped(&out));
        assert_eq!(round(&mut manager, 300).expect("it moves on").moves.len(), 1);
    }
}

#[test]
fn what_has_moved_to_a_node_that_is_drained_meanwhile_moves_on() {
    for drained in ["n", "m"] {
        let (mut manager, to, _) = moving(drained == "m");
        let (task, run, target) = (to.task, to.run, to.node);
        tell(&mut manager, drain(drained));
        if drained == "m" {
            tell(&mut manager, ToJobManager::Operate(Operation::Undrain { node: "n".parse().unwrap() }));
        }
        node(&mut manager, 2, "o", &Labels::new());
        let change = Change::Moved { from: NodeId(0), cpuset: to.cpuset, memory: to.memory };
        let out = tell(&mut manager, ToJobManager::Changed { task, run, node: target, change });
        assert!(!is_stopped(&out));
        let moves = round(&mut manager, 300).map_or(Vec::new(), |plan| plan.moves);
        assert_eq!(moves.iter().map(|moved| moved.from).collect::<Vec<_>>(), [target; 1][..usize::from(drained == "m")]);
    }
}

#[test]
fn a_gang_that_does_not_fit_whole_leaves_everything_free() {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    node(&mut manager, 0, "n", &Labels::new());
    node(&mut manager, 1, "m", &Labels::new());
    let cordon = |cordoned| ToJobManager::Operate(Operation::Cordon { node: "m".parse().unwrap(), cordoned });
    tell(&mut manager, cordon(true));
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(1), memory: Bytes(60), count: 2, ..TaskSpec::default() };
    admit(&mut manager, JobBody { gang: true, tasks: vec![Arc::new(task)], ..body() });
    for time in 1..=3 {
        // The first member has a place until the second has none. A switch has what waits tried again.
        tell(&mut manager, ToJobManager::Operate(Operation::SetPolicy(Policy::from(PolicyName::BestFit))));
        assert!(round(&mut manager, time * 100).is_none());
        let free = manager.planner().inventory().free();
        assert_eq!((free.cores, free.memory, manager.planner().waiting()), (4, 200, 2), "try {time}");
    }
    tell(&mut manager, cordon(false));
    assert_eq!(round(&mut manager, 400).expect("both fit").placements.len(), 2);
}

#[test]
fn a_switch_of_the_policy_keeps_the_queue() {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(1), count: 2, ..TaskSpec::default() };
    admit(&mut manager, JobBody { tasks: vec![Arc::new(task)], ..body() });
    for (time, &name) in (1..).zip(PolicyName::ALL) {
        tell(&mut manager, ToJobManager::Operate(Operation::SetPolicy(Policy::from(name))));
        assert!(round(&mut manager, time * 100).is_none(), "there is no node");
        assert_eq!(manager.planner().waiting(), 2, "{name:?}");
    }
    tell(&mut manager, ToJobManager::Operate(Operation::SetPolicy(Policy::from(PolicyName::FirstFit))));
    node(&mut manager, 0, "n", &Labels::new());
    assert_eq!(round(&mut manager, 10_000).expect("both fit").placements.len(), 2);
}

#[test]
fn a_checkpoint_waits_for_a_move_and_then_calls_for_a_round_of_its_own() {
    let (mut manager, plan) = planning();
    let Placement { task, run, node, .. } = plan.placements[0].clone();
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    let changed = |change| ToJobManager::Changed { task, run, node, change };
    tell(&mut manager, changed(Change::Started));
    let out = tell(&mut manager, ToJobManager::Operate(Operation::Checkpoint(task)));
    assert_eq!(out.timers.len(), 1);
    let first = round(&mut manager, 200).expect("it runs").checkpoints;
    assert_eq!((first.len(), first[0].of.run, first[0].of.node), (1, run, node));
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    // A second one, while the first is made.
    tell(&mut manager, ToJobManager::Operate(Operation::Checkpoint(task)));
    assert!(round(&mut manager, 300).is_none());
    let later = Run { placement: first[0].number + 1, ..run };
    let out = tell(&mut manager, ToJobManager::Changed { task, run: later, node, change: Change::Resumed });
    assert_eq!(out.timers.len(), 1, "soon it is its turn");
    tell(&mut manager, ToJobManager::Changed { task, run: later, node, change: Change::Started });
    assert_eq!(round(&mut manager, 400).expect("it runs again").checkpoints[0].of.run, later);
}

#[test]
fn what_is_restored_goes_on_from_its_checkpoint_at_every_attempt() {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    node(&mut manager, 0, "n", &Labels::new());
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(1), count: 2, attempts: 2, ..TaskSpec::default() };
    let spec = JobSpec { name: "j".parse().unwrap(), body: Arc::new(JobBody { tasks: vec![Arc::new(task)], ..body() }) };
    let image = Image { size: Bytes(5), elapsed: Millis(700), remaining: None };
    let (after, kept) = (Run { attempt: 3, placement: 4 }, Kept { node: NodeId(0), image });
    let progress = [Some(kept), None].map(|from| Progress::Again { after, from }).to_vec();
    tell(&mut manager, ToJobManager::Admit { job: JOB, spec, submitted: Millis::ZERO, progress });
    let from = |plan: &Plan| -> Vec<(u16, Option<Kept>, Millis)> {
        let of = |placement: &Placement| (placement.run.attempt, placement.resume.as_deref().copied(), placement.elapsed);
        plan.placements.iter().map(of).collect()
    };
    let plan = round(&mut manager, 100).expect("both fit");
    assert_eq!(from(&plan), [(4, Some(kept), Millis(700)), (4, None, Millis::ZERO)]);
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    let Placement { task, run, node, cpuset, memory, .. } = plan.placements[0].clone();
    let change = Change::Ended { cause: Cause::StartRefused, cpuset, memory };
    tell(&mut manager, ToJobManager::Changed { task, run, node, change });
    assert_eq!(from(&round(&mut manager, 200).expect("it is tried again")), [(5, Some(kept), Millis(700))]);
}

#[test]
fn what_waits_is_amended_and_what_is_placed_is_not() {
    let mut manager = JobManager::new(Policy::from(PolicyName::BestFit), Millis(100));
    node(&mut manager, 0, "n", &Labels::new());
    let task = TaskSpec { name: "t".parse().unwrap(), cores: Cores(2), count: 3, ..TaskSpec::default() };
    admit(&mut manager, JobBody { tasks: vec![Arc::new(task)], ..body() });
    assert_eq!(round(&mut manager, 100).expect("one fits").placements.len(), 1);
    tell(&mut manager, ToJobManager::Planned { refused: Vec::new() });
    let amend = |amendment| ToJobManager::Operate(Operation::Amend { job: JOB, amendment });
    tell(&mut manager, amend(Amendment::Priority(5)));
    tell(&mut manager, amend(Amendment::Resources { task: 0, cores: Cores(1), memory: Bytes(50) }));
    assert_eq!(manager.planner().waiting(), 0, "they come back to the queue in the next round");
    assert!(round(&mut manager, 200).is_none(), "the node is full");
    assert_eq!((manager.planner().waiting(), manager.planner().inventory().free_cores(NodeId(0))), (2, Cores(0)));
    node(&mut manager, 1, "m", &Labels::new());
    let plan = round(&mut manager, 300).expect("both fit side by side");
    let places: Vec<_> = plan.placements.iter().map(|one| (one.node, one.cpuset.count(), one.memory, one.spec.cores)).collect();
    assert_eq!(places, [(NodeId(1), Cores(1), Bytes(50), Cores(1)); 2]);
    assert_eq!(manager.live_jobs().next().map(|(_, spec, _)| spec.body.priority), Some(5));
}
