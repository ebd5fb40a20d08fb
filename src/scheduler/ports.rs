//! Host ports that tasks hold. On a node each has one holder: the one check of planner and ledger.

use std::collections::BTreeMap;

use model::{HostPort, NodeId, Protocol, TaskKey};
use serde::{Deserialize, Serialize};

/// Who holds which host ports. Only ports that are held cost anything: few tasks ask for one.
///
/// ```
/// # use model::{HostPort, JobId, NodeId, Protocol, TaskKey};
/// # use scheduler::ports::Ports;
/// let http = [HostPort { port: 80, protocol: Protocol::Tcp }];
/// let task = TaskKey { job: JobId(0), instance: 0 };
/// let mut ports = Ports::default();
/// ports.take(NodeId(0), task, &http);
/// assert!(!ports.are_free(NodeId(0), &http) && ports.are_free(NodeId(1), &http));
/// ports.give(NodeId(0), task);
/// assert!(ports.are_free(NodeId(0), &http));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    holders: BTreeMap<(NodeId, HostPort), TaskKey>,
}

impl Ports {
    /// Whether no task holds any of these ports of the node.
    #[must_use]
    #[inline]
    pub fn are_free(&self, node: NodeId, ports: &[HostPort]) -> bool {
        ports.is_empty() || self.taken(node, ports).next().is_none()
    }

    /// Those of the ports that are held on the node, with their holders.
    pub fn taken(&self, node: NodeId, ports: &[HostPort]) -> impl Iterator<Item = (HostPort, TaskKey)> {
        ports.iter().filter_map(move |&port| Some((port, *self.holders.get(&(node, port))?)))
    }

    /// Gives free ports of the node to a task.
    ///
    /// # Panics
    /// When one of them is held.
    #[inline]
    pub fn take(&mut self, node: NodeId, task: TaskKey, ports: &[HostPort]) {
        for &port in ports {
            let holder = self.holders.insert((node, port), task);
            assert!(holder.is_none(), "{port} of {node} was free");
        }
    }

    /// Takes back all ports that the task holds on the node.
    #[inline]
    pub fn give(&mut self, node: NodeId, task: TaskKey) {
        if self.holders.is_empty() {
            return;
        }
        let all = (node, HostPort { port: 0, protocol: Protocol::Tcp })..=(node, HostPort { port: u16::MAX, protocol: Protocol::Udp });
        let held: Vec<_> = self.holders.range(all).filter(|(_, holder)| **holder == task).map(|(&port, _)| port).collect();
        for port in held {
            self.holders.remove(&port);
        }
    }

    /// All held ports with their holders, by node.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, HostPort, TaskKey)> + '_ {
        self.holders.iter().map(|(&(node, port), &task)| (node, port, task))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Admission, Bytes, CoreChoice, Cores, Fit, JobId, Millis, NodeClass, Policy, QueueOrder, ShapeId, WaitReason};

    use super::*;
    use crate::inventory::Need;
    use crate::planner::{Planner, Round};
    use crate::queue::{Members, Unit};
    use crate::shape::{Part, Shape};

    const ROUND: Millis = Millis(100);

    /// Nodes of 8 cores.
    fn planner(nodes: u32, admission: Admission, preempt: bool) -> Planner {
        let (order, fit, cores) = (QueueOrder::Priority, Fit::FirstFit, CoreChoice::Lowest);
        let mut planner = Planner::new(Policy { order, fit, admission, cores, preempt, kill_overrun: false }, ROUND);
        let class = Arc::new(NodeClass::plain("n".parse().unwrap(), Cores(8), Bytes(0)));
        (0..nodes).for_each(|node| planner.node_ready(NodeId(node), &format!("n{node}").parse().unwrap(), &class));
        planner
    }

    fn part(cores: u32, port: Option<u16>) -> Part {
        let ports = port.into_iter().map(|port| HostPort { port, protocol: Protocol::Tcp }).collect();
        Part { need: Need { cores: Cores(cores), memory: Bytes(0) }, rules: None, ports, task: None, count: 1 }
    }

    /// Queues so many alike tasks of a job, that run so many seconds.
    fn push(planner: &mut Planner, job: u32, part: Part, count: u32, seconds: u64, priority: i32) -> ShapeId {
        let shape = planner.shape(Shape { scope: None, estimated: true, parts: [part].into_iter().collect() });
        let estimate = Some(Millis(seconds * 1000));
        let unit = Unit { members: Members::Each(count), shape, priority, deadline: Millis::NEVER, estimate, announced: false };
        planner.push(TaskKey { job: JobId(job), instance: 0 }, unit);
        shape
    }

    fn placed(round: &Round) -> Vec<(u32, u32)> {
        round.places.iter().map(|(_, place)| (place.task.job.0, place.node.0)).collect()
    }

    #[test]
    fn instances_with_a_port_go_to_different_nodes_and_the_rest_waits_for_it() {
        let mut planner = planner(2, Admission::Skip, false);
        let shape = push(&mut planner, 0, part(1, Some(80)), 3, 9, 0);
        push(&mut planner, 1, part(1, Some(81)), 1, 9, 0);
        let round = planner.plan(ROUND);
        assert_eq!(placed(&round), [(0, 0), (0, 1), (1, 0)]);
        assert_eq!(planner.reason(shape), Some(WaitReason::PortsTaken { port: 80, nearest: NodeId(0) }));
        // Neither room elsewhere nor another port's end helps; its own end does.
        let place = &round.places[2].1;
        planner.release(place.node, place.task, &place.cpuset, Bytes(0));
        assert!(planner.plan(Millis(200)).places.is_empty());
        let place = &round.places[1].1;
        planner.release(place.node, place.task, &place.cpuset, Bytes(0));
        assert_eq!(placed(&planner.plan(Millis(300))), [(0, 1)]);
    }

    #[test]
    fn a_move_goes_where_the_port_is_free() {
        let mut planner = planner(3, Admission::Skip, false);
        push(&mut planner, 0, part(1, Some(80)), 2, 9, 0);
        let moving = planner.plan(ROUND).places[0].1.task;
        let mut go = |to: Option<u32>| planner.place_move(moving, NodeId(0), to.map(NodeId), part(1, Some(80)), 0, Millis::NEVER);
        assert_eq!(go(Some(1)).unwrap_err(), WaitReason::NoTarget);
        assert_eq!(go(None).unwrap().node, NodeId(2));
    }

    #[test]
    fn nothing_that_holds_a_promised_port_for_too_long_starts() {
        let mut planner = planner(1, Admission::Easy, false);
        push(&mut planner, 0, part(5, None), 1, 10, 0);
        let place = planner.plan(Millis(0)).places.remove(0).1;
        planner.started(place.node, place.task, Millis(10_000));
        push(&mut planner, 1, part(4, Some(80)), 1, 10, 0);
        let long = push(&mut planner, 2, part(1, Some(80)), 1, 60, 0);
        push(&mut planner, 3, part(1, Some(81)), 1, 60, 0);
        push(&mut planner, 4, part(1, Some(80)), 1, 5, 0);
        let round = planner.plan(ROUND);
        assert_eq!(placed(&round), [(3, 0), (4, 0)]);
        let promise = planner.promises().iter().next().unwrap();
        assert_eq!((promise.unit.job, promise.start), (JobId(1), Millis(10_100)));
        let delays = WaitReason::WouldDelay { head: promise.unit, promised: promise.start };
        assert!(round.reasons.contains(&(long, Some(delays))));
        assert!(matches!(planner.reason(long), Some(WaitReason::PortsTaken { port: 80, .. })), "the short one holds it now");
        let short = TaskKey { job: JobId(4), instance: 0 };
        let cpuset = [6].into_iter().collect();
        planner.release(NodeId(0), short, &cpuset, Bytes(0));
        assert!(planner.plan(Millis(5_100)).places.is_empty(), "the long one would hold it beyond the promise");
    }

    #[test]
    fn who_holds_the_port_yields_though_there_is_room() {
        let mut planner = planner(1, Admission::Skip, true);
        push(&mut planner, 0, part(1, None), 2, 9, 0);
        push(&mut planner, 1, part(1, Some(80)), 1, 9, 1);
        assert_eq!(planner.plan(ROUND).places.len(), 3);
        let shape = push(&mut planner, 2, part(1, Some(80)), 1, 9, 1);
        assert_eq!(planner.plan(Millis(200)).victims, [], "not to its equal");
        assert_eq!(planner.reason(shape), Some(WaitReason::PortsTaken { port: 80, nearest: NodeId(0) }));
        push(&mut planner, 3, part(1, Some(80)), 1, 9, 2);
        let victims: Vec<u32> = planner.plan(Millis(300)).victims.iter().map(|victim| victim.task.job.0).collect();
        assert_eq!(victims, [1]);
    }
}
