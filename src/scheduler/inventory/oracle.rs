//! Every choice of the inventory against one that looks at all nodes and knows no index.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Bytes, CoreChoice, Cores, CpuSet, Fit, NodeClass, NodeId, TopologySpec, WaitReason};
use proptest::prelude::*;

use super::{Inventory, Need};

/// A node as the oracle sees it.
struct Plain {
    cores: BTreeSet<u32>,
    memory: u64,
    open: bool,
    class: Arc<NodeClass>,
}

/// What was taken, to be given back.
type Taken = Vec<(NodeId, CpuSet, u64)>;

struct Pair {
    fit: Fit,
    inventory: Inventory,
    nodes: Vec<Plain>,
    taken: Taken,
}

/// One step; the numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    AddNode(usize),
    Find(u32, u64),
    Where(u32, u64, u32),
    TakeAt(u32, u32, u64),
    TakeExact(u32, Vec<u32>, u64),
    Give(usize),
    Open(u32, bool),
    Policy(Fit, CoreChoice),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let cores = || prop_oneof![4 => 0u32..9, 1 => 0u32..330];
    let memory = || prop_oneof![3 => 0u64..40, 1 => 0u64..3, 1 => 0u64..1 << 41];
    prop_oneof![
        2 => (0..7usize).prop_map(Step::AddNode),
        12 => (cores(), memory()).prop_map(|(cores, memory)| Step::Find(cores, memory)),
        4 => (cores(), memory(), any::<u32>()).prop_map(|(cores, memory, mask)| Step::Where(cores, memory, mask)),
        4 => (any::<u32>(), cores(), memory()).prop_map(|(node, cores, memory)| Step::TakeAt(node, cores, memory)),
        2 => (any::<u32>(), prop::collection::vec(0u32..330, 0..4), memory()).prop_map(|(node, cores, memory)| Step::TakeExact(node, cores, memory)),
        6 => any::<usize>().prop_map(Step::Give),
        2 => (any::<u32>(), any::<bool>()).prop_map(|(node, open)| Step::Open(node, open)),
        1 => (fit(), core_choice()).prop_map(|(fit, cores)| Step::Policy(fit, cores)),
        1 => Just(Step::Restore),
    ]
}

fn fit() -> impl Strategy<Value = Fit> {
    prop::sample::select(Fit::ALL)
}

fn core_choice() -> impl Strategy<Value = CoreChoice> {
    prop::sample::select(CoreChoice::ALL)
}

/// Small amounts, so that nodes are often equal; host shares and offers with gaps; more than one and more than four words of cores.
fn classes() -> Vec<Arc<NodeClass>> {
    let class = |name: &str, cores, shape: (u32, u32, u32), memory, host: (u32, u64)| {
        let spec = TopologySpec { numa: shape.0, cache_groups: shape.1, smt: shape.2 };
        let topology = spec.expand(Cores(cores)).unwrap();
        let plain = NodeClass::plain(name.parse().unwrap(), Cores(cores), Bytes(memory));
        let offered = NodeClass::above_host(Cores(cores), Cores(host.0));
        NodeClass { topology, offered, host_memory: Bytes(host.1), ..plain }
    };
    // What two workers of one machine have: its upper cores, and cores here and there beyond the first word.
    let upper = NodeClass { offered: "4-7".parse().unwrap(), ..class("upper", 8, (1, 2, 1), 40, (0, 0)) };
    let parted = NodeClass { offered: "3-5,40,66-71,90".parse().unwrap(), ..class("parted", 96, (2, 4, 2), 60, (0, 0)) };
    let classes = [
        class("small", 8, (1, 1, 1), 40, (0, 0)),
        class("host", 12, (2, 1, 2), 42, (2, 2)),
        class("wide", 96, (2, 4, 2), 1 << 40, (3, 1 << 30)),
        class("wider", 320, (4, 2, 2), 1 << 41, (1, 0)),
        class("tiny", 8, (1, 2, 1), 0, (0, 0)),
        upper,
        parted,
    ];
    classes.map(Arc::new).to_vec()
}

impl Pair {
    fn new(fit: Fit, cores: CoreChoice) -> Self {
        Self { fit, inventory: Inventory::new(fit, cores), nodes: Vec::new(), taken: Vec::new() }
    }

    fn add(&mut self, class: &Arc<NodeClass>) {
        let node = self.inventory.add_node(class);
        assert_eq!(node.index(), self.nodes.len());
        let cores = class.task_cpuset().iter().collect();
        self.nodes.push(Plain { cores, memory: class.task_memory().0, open: true, class: Arc::clone(class) });
    }

    fn fits(&self, node: usize, need: Need) -> bool {
        self.nodes[node].cores.len() as u32 >= need.cores.0 && self.nodes[node].memory >= need.memory.0
    }

    /// The choice, by a key of whole numbers: the smallest wins.
    fn choice(&self, need: Need, allow: impl Fn(u32) -> bool) -> Option<NodeId> {
        let fitting = (0..self.nodes.len()).filter(|&node| self.nodes[node].open && self.fits(node, need) && allow(node as u32));
        let free = |node: usize| (self.nodes[node].cores.len() as u64, self.nodes[node].memory);
        let (cores, memory) = (u64::from(need.cores.0), need.memory.0);
        let capacity = |node: usize| (u64::from(self.nodes[node].class.task_cores().0), self.nodes[node].class.task_memory().0);
        let node = match self.fit {
            Fit::Pinned => None,
            Fit::FirstFit => fitting.min(),
            Fit::BestFit => fitting.min_by_key(|&node| (free(node), node)),
            Fit::WorstFit => fitting.min_by_key(|&node| (Reverse(free(node)), node)),
            Fit::L2 => fitting.min_by(|&one, &other| {
                let score = |node: usize| {
                    let left = (free(node).0 - cores, free(node).1 - memory);
                    (Fraction::of(left.0, left.0, capacity(node).0), Fraction::of(left.1, left.1, capacity(node).1))
                };
                Fraction::compare(score(one), score(other)).then(one.cmp(&other))
            }),
            Fit::DotProduct => fitting.min_by(|&one, &other| {
                let score = |node: usize| {
                    (Fraction::of(cores, free(node).0, capacity(node).0), Fraction::of(memory, free(node).1, capacity(node).1))
                };
                Fraction::compare(score(other), score(one)).then(one.cmp(&other))
            }),
        };
        node.map(|node| NodeId(node as u32))
    }

    fn reason(&self, need: Need, allow: impl Fn(u32) -> bool) -> Option<WaitReason> {
        let open = || (0..self.nodes.len()).filter(|&node| self.nodes[node].open && allow(node as u32));
        if open().any(|node| self.fits(node, need)) {
            return None;
        }
        let Some(nearest) = open().min_by_key(|&node| (Reverse(self.nodes[node].cores.len()), node)) else {
            return Some(WaitReason::NoNode);
        };
        let most = self.nodes[nearest].cores.len() as u32;
        if most < need.cores.0 {
            return Some(WaitReason::CoresShort { short_by: Cores(need.cores.0 - most), nearest: NodeId(nearest as u32) });
        }
        let enough = open().filter(|&node| self.nodes[node].cores.len() as u32 >= need.cores.0);
        let nearest = enough.min_by_key(|&node| (Reverse(self.nodes[node].memory), node)).unwrap();
        let short_by = Bytes(need.memory.0 - self.nodes[nearest].memory);
        Some(WaitReason::MemoryShort { short_by, nearest: NodeId(nearest as u32) })
    }

    fn take(&mut self, node: NodeId, need: Need) {
        let cpuset = self.inventory.take(node, need);
        let plain = &mut self.nodes[node.index()];
        assert_eq!(cpuset.count(), need.cores);
        assert!(cpuset.iter().all(|core| plain.cores.remove(&core)), "{cpuset} was not free");
        plain.memory -= need.memory.0;
        self.taken.push((node, cpuset, need.memory.0));
    }

    fn give(&mut self, at: usize) {
        let (node, cpuset, memory) = self.taken.swap_remove(at);
        self.inventory.give(node, &cpuset, Bytes(memory));
        let plain = &mut self.nodes[node.index()];
        plain.cores.extend(cpuset.iter());
        plain.memory += memory;
    }

    fn take_exact(&mut self, node: u32, cores: &[u32], memory: u64) {
        let cpuset: CpuSet = cores.iter().copied().collect();
        let plain = &mut self.nodes[node as usize];
        let free = plain.memory >= memory && cpuset.iter().all(|core| plain.cores.contains(&core));
        assert_eq!(self.inventory.take_exact(NodeId(node), &cpuset, Bytes(memory)), free);
        if free {
            cpuset.iter().for_each(|core| _ = plain.cores.remove(&core));
            plain.memory -= memory;
            self.taken.push((NodeId(node), cpuset, memory));
        }
    }

    fn step(&mut self, step: Step) {
        let nodes = self.nodes.len() as u32;
        match step {
            Step::AddNode(class) => self.add(&classes()[class]),
            Step::Find(cores, memory) => {
                let need = Need { cores: Cores(cores), memory: Bytes(memory) };
                let found = self.inventory.find(need);
                assert_eq!(found, self.choice(need, |_| true), "{need:?} by {}", self.fit);
                assert_eq!(self.inventory.nearest(need), self.reason(need, |_| true));
                found.into_iter().for_each(|node| self.take(node, need));
            }
            Step::Where(cores, memory, mask) => {
                let need = Need { cores: Cores(cores), memory: Bytes(memory) };
                let allow = |node: u32| mask >> (node % 32) & 1 == 1;
                let found = self.inventory.find_where(need, |node| allow(node.0));
                assert_eq!(found, self.choice(need, allow), "{need:?} by {} where {mask:b}", self.fit);
                assert_eq!(self.inventory.nearest_where(need, |node| allow(node.0)), self.reason(need, allow));
                let ever = self
                    .nodes
                    .iter()
                    .zip(0..)
                    .any(|(node, at)| node.class.task_cores() >= need.cores && node.class.task_memory() >= need.memory && allow(at));
                assert_eq!(self.inventory.could_ever_fit(need, |node| allow(node.0)), ever);
            }
            Step::TakeAt(node, cores, memory) => {
                let plain = &self.nodes[(node % nodes) as usize];
                let cores = cores.min(plain.cores.len() as u32);
                self.take(NodeId(node % nodes), Need { cores: Cores(cores), memory: Bytes(memory.min(plain.memory)) });
            }
            Step::TakeExact(node, cores, memory) => self.take_exact(node % nodes, &cores, memory),
            Step::Give(at) if !self.taken.is_empty() => self.give(at % self.taken.len()),
            Step::Give(_) => {}
            Step::Open(node, open) => {
                self.inventory.set_open(NodeId(node % nodes), open);
                self.nodes[(node % nodes) as usize].open = open;
            }
            Step::Policy(fit, cores) => {
                self.fit = fit;
                self.inventory.set_policy(fit, cores);
            }
            Step::Restore => {
                let saved = postcard::to_stdvec(&self.inventory).unwrap();
                self.inventory = postcard::from_bytes(&saved).unwrap();
            }
        }
    }
}

/// A product of two shares of one capacity; without capacity it is zero.
struct Fraction(u128, u128);

impl Fraction {
    fn of(one: u64, other: u64, capacity: u64) -> Self {
        if capacity == 0 { Self(0, 1) } else { Self(u128::from(one) * u128::from(other), u128::from(capacity).pow(2)) }
    }

    /// Compares the sums of two fractions each, by long division to 500 binary digits: far more than the smallest
    /// difference that the classes can make, so what is left after them is only what was cut off.
    fn compare(one: (Self, Self), other: (Self, Self)) -> std::cmp::Ordering {
        let digit = |part: &mut Self| {
            let digit = part.0 / part.1;
            part.0 = part.0 % part.1 * 2;
            digit as i128
        };
        let mut parts = [one.0, one.1, other.0, other.1];
        let mut difference = 0i128;
        for _ in 0..500 {
            let [a, b, c, d] = parts.each_mut().map(digit);
            difference = difference * 2 + (a + b - c - d);
            if difference.abs() > 1 << 20 {
                return difference.cmp(&0);
            }
        }
        if difference.abs() < 8 { std::cmp::Ordering::Equal } else { difference.cmp(&0) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_choice_is_the_oracles(
        fit in fit(), cores in core_choice(), first in prop::collection::vec(0..7usize, 1..40), steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut pair = Pair::new(fit, cores);
        first.into_iter().for_each(|class| pair.add(&classes()[class]));
        for step in steps {
            pair.step(step.clone());
            if let Err(error) = pair.inventory.recount() {
                panic!("after {step:?}: {error}");
            }
        }
        let (capacity, whole) = (pair.inventory.capacity(), pair.inventory.free());
        while !pair.taken.is_empty() {
            pair.give(0);
        }
        pair.inventory.recount().unwrap();
        prop_assert!(whole.cores <= capacity.cores);
        prop_assert_eq!(pair.inventory.free(), capacity);
    }
}
