//! The JobManager alone: what happens while a plan is under way.

use std::sync::Arc;

use model::{
    Bytes, Cores, JobBody, JobId, JobSpec, Message, Millis, NodeClass, NodeId, NodeSpec, OnFailure, Operation, Outbox, Plan, Policy,
    PolicyName, TaskSpec, ToGlobalManager, ToJobManager,
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
    let on_failure = OnFailure::FailFast;
    let body =
        JobBody { tenant: None, priority: 0, labels: Default::default(), on_failure, gang: false, deadline: None, tasks: vec![task] };
    let spec = JobSpec { name: name("j"), body: Arc::new(body) };
    tell(&mut manager, ToJobManager::Admit { job: JOB, spec, submitted: Millis::ZERO, progress: Vec::new() });
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
