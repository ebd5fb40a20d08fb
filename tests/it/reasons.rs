//! Every waiting task has a reason, and the reason is true: judged by looking at every node.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Admission, Bytes, CoreChoice, Cores, CpuSet, Fit, HostPort, JobId, Millis, Name, NodeClass, NodeId, Policy, Protocol, QueueOrder,
    ShapeId, TaskKey, WaitReason,
};
use proptest::prelude::*;
use scheduler::inventory::{Inventory, Need};
use scheduler::planner::Planner;
use scheduler::queue::{Members, Unit};
use scheduler::shape::{Part, Shape};

const ROUND: Millis = Millis(100);

#[derive(Clone, Debug)]
enum Step {
    /// A gang of so many equal tasks comes; a gang of one is a task alone.
    Push { cores: u32, gib: u64, gang: u32, estimate: Option<u64>, port: Option<u16> },
    /// The how-manieth running task ends.
    End(usize),
    /// A node closes or opens.
    Open(u32, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1u32..9, 0u64..9, 1u32..4, proptest::option::of(1_000u64..60_000), proptest::option::weighted(0.3, 80u16..82))
            .prop_map(|(cores, gib, gang, estimate, port)| Step::Push { cores, gib, gang, estimate, port }),
        2 => (0usize..20).prop_map(Step::End),
        1 => (0u32..4, any::<bool>()).prop_map(|(node, open)| Step::Open(node, open)),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A cluster and a queue under test.
struct Bench {
    planner: Planner,
    running: Vec<(TaskKey, NodeId, CpuSet, Bytes)>,
    parts: BTreeMap<ShapeId, Part>,
    jobs: u32,
}

impl Bench {
    fn new(fit: Fit, admission: Admission) -> Self {
        let policy = Policy { order: QueueOrder::Arrival, fit, admission, cores: CoreChoice::Lowest, preempt: false, kill_overrun: false };
        let mut planner = Planner::new(policy, ROUND);
        for (index, (cores, gib)) in [(4, 8), (8, 8), (8, 16), (16, 16)].into_iter().enumerate() {
            let name: Name = format!("n{index}").parse().expect("a name");
            planner.node_ready(NodeId(index as u32), &name, &Arc::new(NodeClass::plain(name.clone(), Cores(cores), Bytes(gib << 30))));
        }
        Self { planner, running: Vec::new(), parts: BTreeMap::new(), jobs: 0 }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push { cores, gib, gang, estimate, port } => {
                let need = Need { cores: Cores(cores), memory: Bytes(gib << 30) };
                let estimated = estimate.is_some();
                let ports = port.into_iter().map(|port| HostPort { port, protocol: Protocol::Tcp }).collect();
                let part = Part { need, rules: None, ports, task: None, count: gang };
                let shape = self.planner.shape(Shape { scope: None, estimated, parts: [part.clone()].into_iter().collect() });
                self.parts.insert(shape, part);
                let members = if gang == 1 { Members::Each(1) } else { Members::Gang((0..gang).collect()) };
                let unit = Unit { members, shape, priority: 0, deadline: Millis::NEVER, estimate: estimate.map(Millis), announced: false };
                self.planner.push(TaskKey { job: JobId(self.jobs), instance: 0 }, unit);
                self.jobs += 1;
            }
            Step::End(index) if !self.running.is_empty() => {
                let (task, node, cpuset, memory) = self.running.swap_remove(index % self.running.len());
                self.planner.release(node, task, &cpuset, memory);
            }
            Step::End(_) => {}
            Step::Open(node, open) => self.planner.set_open(NodeId(node), open),
        }
    }

    fn round(&mut self, now: Millis) {
        let round = self.planner.plan(now);
        self.running.extend(round.places.into_iter().map(|(_, place)| (place.task, place.node, place.cpuset, place.need.memory)));
    }
}

fn open_nodes(inventory: &Inventory) -> impl Iterator<Item = NodeId> + '_ {
    (0..inventory.len() as u32).map(NodeId).filter(|&node| inventory.is_open(node))
}

/// What is wrong with the reason, seen from the nodes.
fn untruth(planner: &Planner, part: &Part, reason: WaitReason) -> Option<String> {
    let (inventory, need, ports) = (planner.inventory(), part.need, planner.holdings().ports());
    let most_cores = open_nodes(inventory).map(|node| inventory.free_cores(node)).max();
    let with_cores = || open_nodes(inventory).filter(|&node| inventory.free_cores(node) >= need.cores);
    let roomy = || open_nodes(inventory).filter(|&node| inventory.fits(node, need));
    let fits = roomy().any(|node| ports.are_free(node, &part.ports));
    let ok = match reason {
        WaitReason::NoNode => most_cores.is_none(),
        WaitReason::CoresShort { short_by, nearest } => {
            most_cores == Some(inventory.free_cores(nearest))
                && most_cores.map(|most| most + short_by) == Some(need.cores)
                && short_by > Cores::ZERO
        }
        WaitReason::MemoryShort { short_by, nearest } => {
            let most = with_cores().map(|node| inventory.free_memory(node)).max();
            most == Some(inventory.free_memory(nearest)) && most.map(|most| most + short_by) == Some(need.memory) && short_by > Bytes::ZERO
        }
        // That the rest does not fit with some placed is seen by counting how many fit at all, since they are alike.
        WaitReason::GangShort { fitted, of, .. } => {
            let room = |node| {
                let cores = inventory.free_cores(node).0 / need.cores.0;
                let memory = inventory.free_memory(node).0.checked_div(need.memory.0).unwrap_or(u64::MAX);
                let of_ports = if part.ports.is_empty() { u64::MAX } else { u64::from(ports.are_free(node, &part.ports)) };
                u64::from(cores).min(memory).min(of_ports)
            };
            let all: u64 = open_nodes(inventory).map(room).sum();
            of == part.count && all == u64::from(fitted) && fitted < of
        }
        // Where room is all there is, each node with room lacks the port.
        WaitReason::PortsTaken { port, nearest } => part.ports[0].port == port && roomy().next() == Some(nearest) && !fits,
        WaitReason::BehindHead { .. } | WaitReason::NoEstimate { .. } | WaitReason::WouldDelay { .. } => fits,
        _ => false,
    };
    (!ok).then(|| format!("{reason:?} is not true of {part:?}"))
}

proptest! {
    #[test]
    fn every_waiting_task_has_a_reason_that_is_true(
        steps in steps(), fit in proptest::sample::select(&Fit::ALL[..5]), admission in proptest::sample::select(Admission::ALL),
    ) {
        let mut bench = Bench::new(fit, admission);
        for (index, step) in steps.iter().enumerate() {
            bench.step(step);
            bench.round(Millis(100 * (index as u64 + 1)));
            let reasons = bench.planner.reasons();
            prop_assert_eq!(reasons.is_empty(), bench.planner.waiting() == 0);
            for (shape, reason) in reasons {
                prop_assert_eq!(untruth(&bench.planner, &bench.parts[&shape], reason), None);
                // Under skip nothing waits that fits.
                let idle = matches!(reason, WaitReason::BehindHead { .. } | WaitReason::NextRound);
                prop_assert!(admission != Admission::Skip || !idle);
            }
            bench.planner.inventory().recount().map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_policy_switch_in_mid_run_keeps_the_queue(
        steps in steps(), fits in proptest::collection::vec(proptest::sample::select(Fit::ALL), 1..4),
    ) {
        let mut bench = Bench::new(Fit::FirstFit, Admission::Skip);
        for (index, step) in steps.iter().enumerate() {
            bench.step(step);
            bench.round(Millis(100 * (index as u64 + 1)));
            let policy = Policy { fit: fits[index % fits.len()], order: QueueOrder::ALL[index % 4], ..*bench.planner.policy() };
            let waiting = bench.planner.waiting();
            bench.planner.set_policy(policy);
            prop_assert_eq!(bench.planner.waiting(), waiting);
        }
    }
}
