//! Hand-made runs for the tests of this room: what the machines would say, said by hand.

use std::sync::Arc;

use model::{
    Bytes, Cause, Cores, CpuSet, Event, JobBody, JobId, JobSpec, JobState, Labels, Millis, NodeClass, NodeId, NodeSpec, NodeState,
    OnFailure, PlacementRules, Run, Simulate, TaskKey, TaskKind, TaskSpec, TaskState,
};

use super::recorder::{GanttOptions, Recorder, RecorderOptions};

/// A gibibyte.
pub const GIB: u64 = 1 << 30;

/// Nodes `n0`, `n1`, ... of as many cores and GiB.
pub fn nodes(count: usize, cores: u32, gib: u64) -> Vec<Arc<NodeSpec>> {
    let class = Arc::new(NodeClass::plain("plain".parse().unwrap(), Cores(cores), Bytes(gib * GIB)));
    (0..count).map(|index| Arc::new(NodeSpec { name: format!("n{index}").parse().unwrap(), class: Arc::clone(&class) })).collect()
}

/// A job of one task `run` with so many instances.
pub fn job(name: &str, count: u32) -> JobSpec {
    let task = TaskSpec {
        name: "run".parse().unwrap(),
        kind: TaskKind::Container,
        count,
        cores: Cores(2),
        memory: Bytes(GIB),
        rules: PlacementRules::default(),
        depends_on: Vec::new(),
        attempts: 3,
        at_most_once: false,
        timeout: None,
        expected: None,
        stop_grace: Millis(1_000),
        simulate: Simulate::default(),
        container: None,
    };
    let body = JobBody {
        tenant: None,
        priority: 0,
        labels: Labels::new(),
        on_failure: OnFailure::FailFast,
        gang: true,
        deadline: None,
        tasks: vec![task.into()],
    };
    JobSpec { name: name.parse().unwrap(), body: Arc::new(body) }
}

/// An instance.
pub fn key(job: u32, instance: u32) -> TaskKey {
    TaskKey { job: JobId(job), instance }
}

/// A run.
pub fn run(attempt: u16, placement: u16) -> Run {
    Run { attempt, placement }
}

/// A node's change.
pub fn node(node: u32, from: NodeState, to: NodeState) -> Event {
    Event::Node { node: NodeId(node), from, to }
}

/// A task's change.
pub fn task(task: TaskKey, run: Run, from: TaskState, to: TaskState, cause: Option<Cause>) -> Event {
    Event::Task { task, run, node: Some(NodeId(0)), from, to, cause }
}

/// A job's change.
pub fn job_state(job: u32, from: JobState, to: JobState, cause: Option<Cause>) -> Event {
    Event::Job { job: JobId(job), from, to, cause }
}

/// A reservation.
pub fn reserved(task: TaskKey, run: Run, node: u32, cpuset: &str, gib: u64) -> Event {
    let cpuset: CpuSet = cpuset.parse().unwrap();
    Event::Reserved { task, run, node: NodeId(node), cpuset, memory: Bytes(gib * GIB) }
}

/// Its end.
pub fn released(task: TaskKey, run: Run, node: u32, cores: u32, gib: u64) -> Event {
    Event::Released { task, run, node: NodeId(node), cores: Cores(cores), memory: Bytes(gib * GIB) }
}

/// A recorder over these nodes, all up at time 0.
pub fn recorder(nodes: &[Arc<NodeSpec>], warmup: u64, gantt: GanttOptions) -> Recorder {
    let mut recorder = Recorder::new(RecorderOptions { nodes, warmup: Millis(warmup), start: Millis::ZERO, gantt });
    for index in 0..nodes.len() {
        recorder.event(Millis::ZERO, &node(index as u32, NodeState::Joining, NodeState::Ready));
    }
    recorder
}
