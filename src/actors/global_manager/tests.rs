//! The GlobalManager alone: what it refuses, and what it frees once.

use std::sync::Arc;

use model::{
    Action, Bytes, Cause, Change, Checkpoint, ContainerSpec, CoreWish, Cores, CpuSet, Event, Finding, Image, JobId, Join, Kept, Labels,
    Memory, Message, Millis, Move, Name, NodeClass, NodeId, NodeSpec, NodeState, Operation, Outbox, Placement, Plan, Resize, Run, Size,
    Status, TaskKey, TaskSpec, ToAgent, ToGlobalManager, ToJobManager,
};

use super::GlobalManager;

const NODE: NodeId = NodeId(0);
const FIRST: Run = Run { attempt: 1, placement: 1 };
const SECOND: Run = Run { attempt: 2, placement: 2 };

fn task(instance: u32) -> TaskKey {
    TaskKey { job: JobId(0), instance }
}

/// One node of four cores and 100 bytes.
fn manager() -> GlobalManager {
    let name: Name = "n".parse().unwrap();
    let class = Arc::new(NodeClass::plain(name.clone(), Cores(4), Bytes(100)));
    let mut manager = GlobalManager::new();
    tell(&mut manager, ToGlobalManager::Join(Box::new(Join::fresh(Arc::new(NodeSpec { name, class }), 0, Millis(200)))));
    manager
}

fn tell(manager: &mut GlobalManager, input: ToGlobalManager) -> Outbox {
    let mut out = Outbox::default();
    manager.step(Millis(0), input, &mut out);
    out
}

fn placement(instance: u32, run: Run, cpuset: &str, memory: u64) -> Placement {
    let (cpuset, spec) = (cpuset.parse().unwrap(), Arc::new(TaskSpec::default()));
    Placement { task: task(instance), run, node: NODE, cpuset, memory: Bytes(memory), spec, ..Placement::default() }
}

/// Proposes a gang; returns how many placements were refused and how many starts were ordered.
fn propose(manager: &mut GlobalManager, placements: Vec<Placement>) -> (usize, usize) {
    let out = tell(manager, ToGlobalManager::Propose(Box::new(Plan { placements, ..Plan::default() })));
    let refused = out.messages.iter().find_map(|message| match message {
        Message::JobManager(ToJobManager::Planned { refused }) => Some(refused.len()),
        _ => None,
    });
    let starts = out.messages.iter().filter(|message| matches!(message, Message::Agent(_, ToAgent::Order(_)))).count();
    (refused.expect("a plan is answered"), starts)
}

fn ended(manager: &mut GlobalManager, instance: u32, run: Run) -> usize {
    let found = Finding::Run { node: NODE, task: task(instance), run, status: Status::Ended(Cause::Exit(0)) };
    let out = tell(manager, ToGlobalManager::Found(found));
    out.events.iter().filter(|event| matches!(event, Event::Released { .. })).count()
}

fn free(manager: &GlobalManager) -> (Cores, Bytes) {
    (manager.free().free_cores(NODE), manager.free().free_memory(NODE))
}

#[test]
fn a_gang_that_does_not_fit_whole_takes_nothing() {
    let mut manager = manager();
    for _ in 0..3 {
        // The memory of the first must not be lost with the refusal of the second, however often it is tried.
        let gang = vec![placement(0, FIRST, "0-1", 60), placement(1, FIRST, "2-3", 60)];
        assert_eq!(propose(&mut manager, gang), (2, 0));
        assert_eq!(free(&manager), (Cores(4), Bytes(100)));
    }
    assert_eq!(propose(&mut manager, vec![placement(0, FIRST, "0-1", 60), placement(1, FIRST, "2-3", 40)]), (0, 2));
}

#[test]
fn a_core_that_is_held_is_refused() {
    let mut manager = manager();
    assert_eq!(propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]), (0, 1));
    assert_eq!(propose(&mut manager, vec![placement(1, FIRST, "1-2", 10)]), (1, 0));
    assert_eq!(propose(&mut manager, vec![placement(0, SECOND, "2", 10)]), (1, 0), "one live run of an instance on a node");
    assert_eq!(free(&manager), (Cores(2), Bytes(90)));
}

#[test]
fn an_end_frees_once_and_a_stale_end_frees_nothing() {
    let mut manager = manager();
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
    assert_eq!((ended(&mut manager, 0, FIRST), ended(&mut manager, 0, FIRST)), (1, 0));
    propose(&mut manager, vec![placement(0, SECOND, "0-1", 10)]);
    assert_eq!(ended(&mut manager, 0, FIRST), 0, "the end of the first run cannot end the second");
    assert_eq!(free(&manager), (Cores(2), Bytes(90)));
    assert_eq!(ended(&mut manager, 0, SECOND), 1);
    assert_eq!(free(&manager), (Cores(4), Bytes(100)));
}

#[test]
fn an_end_frees_once_over_a_restart() {
    let mut before = manager();
    propose(&mut before, vec![placement(0, FIRST, "0-1", 10), placement(1, FIRST, "2", 10)]);
    assert_eq!(ended(&mut before, 0, FIRST), 1);
    let kept = postcard::to_stdvec(&before).unwrap();
    let mut after: GlobalManager = postcard::from_bytes(&kept).unwrap();
    assert_eq!((ended(&mut after, 0, FIRST), free(&after)), (0, (Cores(3), Bytes(90))));
    assert_eq!((ended(&mut after, 1, FIRST), free(&after)), (1, (Cores(4), Bytes(100))));
}

#[test]
fn a_lost_node_frees_what_it_held_and_takes_no_more() {
    let mut manager = manager();
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
    let stale = tell(&mut manager, ToGlobalManager::Found(Finding::NodeLost { node: NODE, epoch: 0 }));
    assert!(stale.messages.is_empty(), "the loss of an earlier epoch is no news");
    let out = tell(&mut manager, ToGlobalManager::Found(Finding::NodeLost { node: NODE, epoch: 1 }));
    let first = &out.messages[0];
    assert!(matches!(first, Message::JobManager(ToJobManager::NodeLost(NODE))), "before what it means for its tasks: {first:?}");
    assert_eq!(free(&manager), (Cores(4), Bytes(100)));
    assert_eq!(propose(&mut manager, vec![placement(1, FIRST, "0", 10)]), (1, 0));
}

/// A placement of a task with a host port.
fn serving(instance: u32, cpuset: &str, port: u16) -> Placement {
    let container = ContainerSpec { ports: [("80/tcp".to_owned(), port)].into(), ..ContainerSpec::default() };
    let spec = Arc::new(TaskSpec { container: Some(Box::new(container)), ..TaskSpec::default() });
    Placement { spec, ..placement(instance, FIRST, cpuset, 10) }
}

#[test]
fn a_host_port_has_one_holder_until_its_end() {
    let mut manager = manager();
    assert_eq!(propose(&mut manager, vec![serving(0, "0", 80), serving(1, "1", 80)]), (2, 0), "a gang that shares a port");
    assert_eq!((free(&manager), manager.ports().iter().count()), ((Cores(4), Bytes(100)), 0));
    assert_eq!(propose(&mut manager, vec![serving(0, "0", 80)]), (0, 1));
    assert_eq!(propose(&mut manager, vec![serving(1, "1", 80)]), (1, 0));
    assert_eq!(propose(&mut manager, vec![serving(2, "1", 81)]), (0, 1), "another port is another thing");
    ended(&mut manager, 0, FIRST);
    assert_eq!(propose(&mut manager, vec![serving(1, "0", 80)]), (0, 1));
    tell(&mut manager, ToGlobalManager::Found(Finding::NodeLost { node: NODE, epoch: 1 }));
    assert_eq!(manager.ports().iter().count(), 0, "a lost node holds none");
}

#[test]
fn a_move_takes_cores_of_the_target_and_not_the_numbers_of_the_source() {
    let mut manager = manager();
    let name: Name = "m".parse().unwrap();
    let class = Arc::new(NodeClass::plain(name.clone(), Cores(4), Bytes(100)));
    tell(&mut manager, ToGlobalManager::Join(Box::new(Join::fresh(Arc::new(NodeSpec { name, class }), 0, Millis(200)))));
    let target = NodeId(1);
    // The target's cores 0 and 1 are another task's, as those of the source are this one's.
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10), Placement { node: target, ..placement(1, FIRST, "0-1", 10) }]);
    let found = |node, run, status| ToGlobalManager::Found(Finding::Run { node, task: task(0), run, status });
    tell(&mut manager, found(NODE, FIRST, Status::Running));
    let free = |manager: &GlobalManager| [NODE, target].map(|node| manager.free().free_cpuset(node).to_string());
    let moved_run = Run { placement: 2, ..FIRST };
    for (cpuset, left) in [("0-1", "2-3"), ("2", "3")] {
        let to = Placement { node: target, ..placement(0, moved_run, cpuset, 10) };
        let moved = Move { to, from_run: FIRST, from: NODE };
        tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { moves: vec![moved], ..Plan::default() })));
        assert_eq!(free(&manager), ["2-3", left], "cores that are held are refused, and others are taken as they were chosen");
    }
    let image = Image { size: Bytes(1), elapsed: Millis(1), remaining: None };
    tell(&mut manager, found(target, moved_run, Status::Prepared));
    tell(&mut manager, found(NODE, FIRST, Status::Checkpointed(image)));
    tell(&mut manager, found(target, moved_run, Status::Running));
    assert_eq!(free(&manager), ["0-3", "3"], "the source has all of its own back");
    tell(&mut manager, found(target, moved_run, Status::Ended(Cause::Exit(0))));
    assert_eq!(free(&manager), ["0-3", "2-3"], "and the other task of the target keeps its own");
}

#[test]
fn a_source_that_cannot_be_checkpointed_runs_on_and_frees_the_target() {
    let mut manager = manager();
    let name: Name = "m".parse().unwrap();
    let class = Arc::new(NodeClass::plain(name.clone(), Cores(4), Bytes(100)));
    tell(&mut manager, ToGlobalManager::Join(Box::new(Join::fresh(Arc::new(NodeSpec { name, class }), 0, Millis(200)))));
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
    let found = |status| ToGlobalManager::Found(Finding::Run { node: NODE, task: task(0), run: FIRST, status });
    tell(&mut manager, found(Status::Running));
    for target in [2, 3] {
        let to = Placement { node: NodeId(1), ..placement(0, Run { placement: target, ..FIRST }, "0-1", 10) };
        let moved = Move { to, from_run: FIRST, from: NODE };
        tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { moves: vec![moved], ..Plan::default() })));
        assert_eq!(manager.free().free_cores(NodeId(1)), Cores(2), "the target is held");
        assert!(tell(&mut manager, found(Status::CheckpointRefused { target })).messages.is_empty(), "nobody has asked for it yet");
        let run = Run { placement: target, ..FIRST };
        let ready = Finding::Run { node: NodeId(1), task: task(0), run, status: Status::Prepared };
        tell(&mut manager, ToGlobalManager::Found(ready));
        assert!(tell(&mut manager, found(Status::CheckpointRefused { target: target - 1 })).messages.is_empty(), "that of an earlier move");
        let out = tell(&mut manager, found(Status::CheckpointRefused { target }));
        let changes: Vec<&Change> = out
            .messages
            .iter()
            .filter_map(|message| match message {
                Message::JobManager(ToJobManager::Changed { change, .. }) => Some(change),
                _ => None,
            })
            .collect();
        assert!(matches!(changes[..], [Change::MoveFailed { .. }, Change::Stayed]), "{changes:?}");
        assert_eq!((manager.free().free_cores(NODE), manager.free().free_cores(NodeId(1))), (Cores(2), Cores(4)));
    }
    // Its guard was quicker than the word that it is too early, and nobody waits for the image.
    let image = Image { size: Bytes(1), elapsed: Millis(1), remaining: None };
    let out = tell(&mut manager, found(Status::Checkpointed(image)));
    let stops = |message: &Message| matches!(message, Message::Agent(NODE, ToAgent::Order(order)) if matches!(order.action, model::Action::Stop { .. }));
    assert!(out.messages.iter().any(stops), "it begins anew: {:?}", out.messages);
}

#[test]
fn a_source_stands_still_only_for_a_target_that_is_ready() {
    for status in [Status::Prepared, Status::Unprepared, Status::Ended(Cause::NodeLost)] {
        let mut manager = manager();
        let name: Name = "m".parse().unwrap();
        let class = Arc::new(NodeClass::plain(name.clone(), Cores(4), Bytes(100)));
        let spec = Arc::new(NodeSpec { name, class });
        tell(&mut manager, ToGlobalManager::Join(Box::new(Join::fresh(Arc::clone(&spec), 0, Millis(200)))));
        propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
        let found = |node, run, status| ToGlobalManager::Found(Finding::Run { node, task: task(0), run, status });
        tell(&mut manager, found(NODE, FIRST, Status::Running));
        let (target, run) = (NodeId(1), Run { placement: 2, ..FIRST });
        let moved = Move { to: Placement { node: target, ..placement(0, run, "0-1", 10) }, from_run: FIRST, from: NODE };
        let ordered = |out: &Outbox| -> Vec<(NodeId, Action)> {
            let order = |message: &Message| match message {
                Message::Agent(node, ToAgent::Order(order)) => Some((*node, order.action.clone())),
                _ => None,
            };
            out.messages.iter().filter_map(order).collect()
        };
        let out = tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { moves: vec![moved], ..Plan::default() })));
        assert!(matches!(ordered(&out)[..], [(NodeId(1), Action::Prepare(_))]), "{out:?}");
        assert!(ordered(&come_back(&mut manager, true)).is_empty(), "nothing is asked of the source");
        // The worker of the target comes back, and may have forgotten it.
        let join = Join { memory: Some(Memory { node: target, epoch: 1, runs: Vec::new() }), ..Join::fresh(spec, 0, Millis(200)) };
        assert!(matches!(ordered(&tell(&mut manager, ToGlobalManager::Join(Box::new(join))))[..], [(NodeId(1), Action::Prepare(_))]));
        // It shall go, as soon as it holds nothing.
        tell(&mut manager, ToGlobalManager::Operate(Operation::Remove { node: "m".parse().unwrap(), force: false }));
        let out = tell(&mut manager, found(target, run, status));
        let changes: Vec<&Change> = out
            .messages
            .iter()
            .filter_map(|message| match message {
                Message::JobManager(ToJobManager::Changed { change, .. }) => Some(change),
                _ => None,
            })
            .collect();
        let held = manager.free().free_cores(target) == Cores(2);
        match status {
            Status::Prepared => {
                assert!(matches!(ordered(&out)[..], [(NODE, Action::Checkpoint { target: 2, keep: false })]), "{out:?}");
                assert!(matches!(out.events[..], [Event::Prepared { .. }]) && held);
                assert!(matches!(ordered(&come_back(&mut manager, true))[..], [(NODE, Action::Checkpoint { target: 2, keep: false })]));
            }
            _ => {
                let dismissed = ordered(&out).iter().filter(|(node, action)| *node == target && matches!(action, Action::Dismiss)).count();
                assert_eq!(dismissed, usize::from(status == Status::Unprepared), "{out:?}");
                assert!(matches!(changes[..], [Change::MoveFailed { .. }, Change::Stayed]) && !held, "it runs as before: {changes:?}");
            }
        }
        // Whatever came of it, the source's own end is its end.
        let out = tell(&mut manager, found(NODE, FIRST, Status::Ended(Cause::Exit(0))));
        assert_eq!(ordered(&out).iter().filter(|(node, _)| *node == target).count(), usize::from(held), "a target that waits is dismissed");
        assert_eq!((manager.free().free_cores(NODE), manager.free().free_cores(target)), (Cores(4), Cores(4)));
        assert_eq!(manager.node_state(target), NodeState::Left);
    }
}

#[test]
fn what_a_failed_move_left_at_the_source_is_not_stopped_when_its_worker_comes_back() {
    let mut manager = manager();
    let name: Name = "m".parse().unwrap();
    let class = Arc::new(NodeClass::plain(name.clone(), Cores(4), Bytes(100)));
    tell(&mut manager, ToGlobalManager::Join(Box::new(Join::fresh(Arc::new(NodeSpec { name, class }), 0, Millis(200)))));
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
    let found = |node, run, status| ToGlobalManager::Found(Finding::Run { node, task: task(0), run, status });
    tell(&mut manager, found(NODE, FIRST, Status::Running));
    let moved_run = Run { placement: 2, ..FIRST };
    let moved = Move { to: Placement { node: NodeId(1), ..placement(0, moved_run, "0-1", 10) }, from_run: FIRST, from: NODE };
    tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { moves: vec![moved], ..Plan::default() })));
    tell(&mut manager, found(NodeId(1), moved_run, Status::Prepared));
    tell(&mut manager, found(NODE, FIRST, Status::Checkpointed(Image { size: Bytes(1), elapsed: Millis(1), remaining: None })));
    tell(&mut manager, found(NodeId(1), moved_run, Status::Ended(Cause::StartRefused)));
    let out = come_back(&mut manager, true);
    let orders = out.messages.iter().filter_map(|message| match message {
        Message::Agent(NODE, ToAgent::Order(order)) => Some((order.run.placement, matches!(order.action, model::Action::Restore { .. }))),
        _ => None,
    });
    assert_eq!(orders.collect::<Vec<_>>(), [(3, true)], "it is restored from what it has, which is not stopped");
}

#[test]
fn a_checkpoint_that_is_kept_lets_the_task_go_on_where_it_is() {
    let mut manager = manager();
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
    let found = |run, status| ToGlobalManager::Found(Finding::Run { node: NODE, task: task(0), run, status });
    let changes = |out: &Outbox| -> Vec<Change> {
        let changed = out.messages.iter().filter_map(|message| match message {
            Message::JobManager(ToJobManager::Changed { change, .. }) => Some(change.clone()),
            _ => None,
        });
        changed.collect()
    };
    let checkpoint = |number| {
        let of = Placement { cpuset: CpuSet::default(), memory: Bytes::ZERO, ..placement(0, FIRST, "0", 0) };
        ToGlobalManager::Propose(Box::new(Plan { checkpoints: vec![Checkpoint { of, number }], ..Plan::default() }))
    };
    assert_eq!(changes(&tell(&mut manager, checkpoint(2))), [Change::Stayed], "it does not run yet");
    tell(&mut manager, found(FIRST, Status::Running));
    let out = tell(&mut manager, checkpoint(3));
    let ordered = |out: &Outbox| -> Vec<Action> {
        let order = |message: &Message| match message {
            Message::Agent(NODE, ToAgent::Order(order)) => Some(order.action.clone()),
            _ => None,
        };
        out.messages.iter().filter_map(order).collect()
    };
    assert!(matches!(ordered(&out)[..], [Action::Checkpoint { target: 3, keep: true }]), "{out:?}");
    // Its worker comes back, and may not have heard of it.
    assert!(matches!(ordered(&come_back(&mut manager, true))[..], [Action::Checkpoint { target: 3, keep: true }]));
    let image = Image { size: Bytes(1), elapsed: Millis(1), remaining: None };
    let out = tell(&mut manager, found(FIRST, Status::Checkpointed(image)));
    assert!(matches!(out.events[..], [Event::Checkpointed { kept: true, .. }]), "{out:?}");
    match &ordered(&out)[..] {
        [Action::Restore { start, source: NODE, .. }] => {
            assert_eq!((start.cpuset.to_string().as_str(), start.memory), ("0-1", Bytes(10)), "what it has");
            assert_eq!(start.resume, None, "from where it stood still, and not from what is kept");
        }
        other => panic!("{other:?}"),
    }
    let next = Run { placement: 4, ..FIRST };
    assert_eq!(changes(&tell(&mut manager, found(next, Status::Running))), [Change::Started]);
    assert_eq!(manager.free().free_cores(NODE), Cores(2), "nothing was freed or taken");
    // One that the engine refuses changes nothing.
    let again = Placement { run: next, ..placement(0, FIRST, "0", 0) };
    let plan = Plan { checkpoints: vec![Checkpoint { of: again, number: 5 }], ..Plan::default() };
    tell(&mut manager, ToGlobalManager::Propose(Box::new(plan)));
    assert_eq!(changes(&tell(&mut manager, found(next, Status::CheckpointRefused { target: 5 }))), [Change::Stayed]);
}

#[test]
fn an_attempt_from_a_checkpoint_is_ordered_so_as_often_as_it_takes() {
    let mut manager = manager();
    let image = Image { size: Bytes(1), elapsed: Millis(1), remaining: None };
    let kept = Kept { node: NodeId(7), image };
    let restored = |out: &Outbox| {
        let restore = |message: &Message| match message {
            Message::Agent(NODE, ToAgent::Order(order)) => matches!(&order.action, Action::Restore { start, source, .. }
                if *source == kept.node && start.resume.as_deref() == Some(&kept)),
            _ => false,
        };
        out.messages.iter().any(restore)
    };
    let of = Placement { resume: Some(Box::new(kept)), ..placement(0, FIRST, "0-1", 10) };
    let out = tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { placements: vec![of], ..Plan::default() })));
    assert!(restored(&out), "{out:?}");
    let memory = Some(Memory { node: NODE, epoch: 1, runs: Vec::new() });
    let spec = NodeSpec { name: "n".parse().unwrap(), class: Arc::clone(&manager.nodes[0].joined) };
    let join = Join { memory, ..Join::fresh(Arc::new(spec), 0, Millis(200)) };
    assert!(restored(&tell(&mut manager, ToGlobalManager::Join(Box::new(join)))), "its worker has not heard of it");
}

#[test]
fn a_worker_that_offers_other_cores_is_another_node_and_is_not_sent_away() {
    let mut manager = manager();
    let name: Name = "n".parse().unwrap();
    let class = Arc::new(NodeClass::plain(name.clone(), Cores(2), Bytes(100)));
    let join = Join { number: 7, ..Join::fresh(Arc::new(NodeSpec { name, class }), 0, Millis(200)) };
    let out = tell(&mut manager, ToGlobalManager::Join(Box::new(join)));
    let said: Vec<&ToAgent> = out
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::Agent(_, said) => Some(said),
            _ => None,
        })
        .collect();
    assert!(matches!(said[..], [ToAgent::Welcome { node: NodeId(1), join: 7, .. }]), "{said:?}");
    assert_eq!(manager.node_state(NODE), NodeState::Left);
}

fn labels(manager: &GlobalManager) -> &Labels {
    assert_eq!(manager.free().class(NODE).labels, manager.nodes[0].spec.class.labels);
    &manager.free().class(NODE).labels
}

/// A worker of the node comes back with the run of the first task, where it has that.
fn come_back(manager: &mut GlobalManager, has: bool) -> Outbox {
    let memory = has.then(|| Memory { node: NODE, epoch: 1, runs: vec![(task(0), FIRST)] });
    let spec = NodeSpec { name: "n".parse().unwrap(), class: Arc::clone(&manager.nodes[0].joined) };
    tell(manager, ToGlobalManager::Join(Box::new(Join { memory, ..Join::fresh(Arc::new(spec), 0, Millis(200)) })))
}

#[test]
fn labels_of_an_operator_hold_until_the_worker_joins_with_nothing_running() {
    let mut manager = manager();
    propose(&mut manager, vec![placement(0, FIRST, "0-1", 10)]);
    let north = Labels::from([("zone".to_owned(), "north".to_owned())]);
    let label = |labels: &Labels| ToGlobalManager::Operate(Operation::Label { node: "n".parse().unwrap(), labels: labels.clone() });
    let out = tell(&mut manager, label(&north));
    assert!(matches!(&out.messages[..], [Message::JobManager(ToJobManager::Operate(Operation::Label { .. }))]), "{:?}", out.messages);
    assert_eq!(out.events, [Event::Labelled { node: NODE, labels: north.clone() }]);
    assert_eq!((labels(&manager), free(&manager)), (&north, (Cores(2), Bytes(90))), "what runs is not touched");
    let fixed = tell(&mut manager, label(&Labels::from([("engine".to_owned(), "process".to_owned())])));
    assert!(fixed.messages.is_empty() && fixed.events.is_empty(), "how it runs its tasks is not the operator's to say");
    come_back(&mut manager, true);
    assert_eq!((labels(&manager), free(&manager)), (&north, (Cores(2), Bytes(90))), "it comes back to the same epoch");
    let out = come_back(&mut manager, false);
    assert!(out.messages.iter().any(|message| matches!(message, Message::JobManager(ToJobManager::NodeReady { node: NODE, spec })
        if spec.class.labels.is_empty())));
    assert_eq!((labels(&manager), free(&manager)), (&Labels::new(), (Cores(4), Bytes(100))), "it is the same node, as its worker says it");
}

/// A resize of the first instance to so many cores and bytes; it gets `more` and `bytes` beside what it has.
fn resize(number: u16, cores: u32, memory: u64, more: &str, bytes: u64) -> Resize {
    let size = Size { cores: CoreWish::Count(Cores(cores)), memory: Bytes(memory) };
    Resize { task: task(0), run: FIRST, node: NODE, number, more: more.parse().unwrap(), more_memory: Bytes(bytes), size }
}

/// What the JobManager is told of a resize, if it is over.
fn resized(out: &Outbox) -> Option<(u32, u64, String, u64)> {
    out.messages.iter().find_map(|message| match message {
        Message::JobManager(ToJobManager::Changed { change: Change::Resized { cores, memory, freed, freed_memory }, .. }) => {
            Some((cores.0, memory.0, freed.to_string(), freed_memory.0))
        }
        _ => None,
    })
}

/// A manager whose first instance runs on the cores 0 and 1 with 40 bytes, and what comes of a resize of it.
fn resizing(resize: Resize) -> (GlobalManager, Outbox) {
    let mut manager = manager();
    assert_eq!(propose(&mut manager, vec![placement(0, FIRST, "0-1", 40)]), (0, 1));
    status(&mut manager, Status::Running);
    let out = tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { resizes: vec![resize], ..Plan::default() })));
    (manager, out)
}

fn status(manager: &mut GlobalManager, status: Status) -> Outbox {
    tell(manager, ToGlobalManager::Found(Finding::Run { node: NODE, task: task(0), run: FIRST, status }))
}

fn answer(manager: &mut GlobalManager, number: u16, done: bool) -> Option<(u32, u64, String, u64)> {
    resized(&status(manager, Status::Resized { number, done }))
}

#[test]
fn what_grows_has_both_until_it_is_answered_and_what_it_had_where_that_is_refused() {
    for (done, now, left) in [(true, (3, 70), (Cores(1), Bytes(30))), (false, (2, 40), (Cores(2), Bytes(60)))] {
        let (mut manager, out) = resizing(resize(2, 3, 70, "2", 30));
        assert_eq!((resized(&out), free(&manager)), (None, (Cores(1), Bytes(30))));
        assert_eq!(propose(&mut manager, vec![placement(1, FIRST, "2", 10)]), (1, 0), "it is held");
        assert_eq!(answer(&mut manager, 1, true), None, "the answer to another order");
        let freed = if done { (String::new(), 0) } else { ("2".to_owned(), 30) };
        assert_eq!(answer(&mut manager, 2, done), Some((now.0, now.1, freed.0, freed.1)));
        assert_eq!((answer(&mut manager, 2, done), free(&manager)), (None, left), "once");
    }
}

#[test]
fn what_shrinks_keeps_its_cores_until_it_is_answered_and_lets_the_highest_go() {
    let (mut manager, _) = resizing(resize(2, 1, 10, "", 0));
    assert_eq!(free(&manager), (Cores(2), Bytes(60)));
    assert_eq!(answer(&mut manager, 2, true), Some((1, 10, "1".to_owned(), 30)));
    assert_eq!(free(&manager), (Cores(3), Bytes(90)));
    let these = Size { cores: CoreWish::These("1,3".parse().unwrap()), memory: Bytes(10) };
    let resize = Resize { size: these, ..resize(3, 0, 0, "1,3", 0) };
    tell(&mut manager, ToGlobalManager::Propose(Box::new(Plan { resizes: vec![resize], ..Plan::default() })));
    assert_eq!(answer(&mut manager, 3, true), Some((2, 10, "0".to_owned(), 0)));
    assert_eq!(manager.holders(NODE).next().map(|(.., cpuset)| cpuset.to_string()), Some("1,3".to_owned()));
}

#[test]
fn a_resize_that_cannot_be_gives_back_what_its_plan_took() {
    let given_back = |cores, memory| Some((cores, memory, "2".to_owned(), 30));
    let cases = [
        ("of a run that is not there", Resize { run: SECOND, ..resize(2, 3, 70, "2", 30) }, given_back(0, 0)),
        ("of cores that it does not get", Resize { more: "2".parse().unwrap(), ..these("0,3") }, given_back(2, 40)),
        ("to nothing", Resize { more: "2".parse().unwrap(), ..these("") }, given_back(2, 40)),
        ("with less than it asks for", resize(2, 3, 71, "2", 30), given_back(2, 40)),
        ("with a core that is held", resize(2, 3, 70, "1", 30), Some((2, 40, "1".to_owned(), 30))),
    ];
    for (what, resize, told) in cases {
        let (manager, out) = resizing(resize);
        assert_eq!((resized(&out), free(&manager)), (told, (Cores(2), Bytes(60))), "{what}");
    }
}

fn these(cpuset: &str) -> Resize {
    let size = Size { cores: CoreWish::These(cpuset.parse().unwrap()), memory: Bytes(70) };
    Resize { size, ..resize(2, 0, 0, "", 30) }
}

#[test]
fn an_end_under_a_resize_frees_both() {
    let (mut manager, _) = resizing(resize(2, 3, 70, "2", 30));
    assert_eq!((ended(&mut manager, 0, FIRST), free(&manager)), (1, (Cores(4), Bytes(100))));
    assert_eq!(answer(&mut manager, 2, true), None);
}
