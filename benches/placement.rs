//! Placement decisions on a cluster that is 90 to 95 % full, with tasks coming and going.
//!
//! Timed are whole blocks of decisions (find a node, take its cores and memory) and of releases; which tasks go and
//! come is drawn outside the timed part. `cargo bench --bench placement`; method and figures: docs/performance.md.
#![allow(missing_docs)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use model::{Bytes, CoreChoice, Cores, CpuSet, Fit, NodeClass, NodeId, TopologySpec};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use scheduler::inventory::{Inventory, Need};

const CORES: u32 = 64;
const GIB: u64 = 1 << 30;
const MEMORY: u64 = 256 * GIB;
/// Decisions that are timed together.
const BLOCK: usize = 500;

/// What chooses and accounts.
trait Placer {
    fn place(&mut self, need: Need) -> Option<(NodeId, CpuSet)>;
    fn release(&mut self, node: NodeId, cpuset: &CpuSet, memory: Bytes);
    fn bytes(&self) -> Option<usize>;
}

impl Placer for Inventory {
    fn place(&mut self, need: Need) -> Option<(NodeId, CpuSet)> {
        let node = self.find(need)?;
        Some((node, self.take(node, need)))
    }

    fn release(&mut self, node: NodeId, cpuset: &CpuSet, memory: Bytes) {
        self.give(node, cpuset, memory);
    }

    fn bytes(&self) -> Option<usize> {
        Some(Inventory::bytes(self))
    }
}

/// Best-fit as one writes it first: look at every node.
struct Scan(Vec<(u32, u64, u64)>);

impl Placer for Scan {
    fn place(&mut self, need: Need) -> Option<(NodeId, CpuSet)> {
        let mut best = None;
        for (node, &(cores, memory, _)) in self.0.iter().enumerate() {
            if cores >= need.cores.0 && memory >= need.memory.0 && best.is_none_or(|(least, less, _)| (cores, memory) < (least, less)) {
                best = Some((cores, memory, node));
            }
        }
        let node = best?.2;
        let (cores, memory, free) = &mut self.0[node];
        let rest = (0..need.cores.0).fold(*free, |rest, _| rest & (rest - 1));
        let taken = *free & !rest;
        (*cores, *memory, *free) = (*cores - need.cores.0, *memory - need.memory.0, rest);
        Some((NodeId(node as u32), CpuSet::from_words(&[taken])))
    }

    fn release(&mut self, node: NodeId, cpuset: &CpuSet, memory: Bytes) {
        let record = &mut self.0[node.index()];
        record.0 += cpuset.count().0;
        record.1 += memory.0;
        record.2 |= cpuset.words()[0];
    }

    fn bytes(&self) -> Option<usize> {
        None
    }
}

/// A running task: where, and what it holds.
type Task = (NodeId, CpuSet, Bytes);

/// A placer with its running tasks. Each task ends with one of the next blocks, drawn when it starts, so that what is
/// done outside the timed part leaves the caches alone.
struct Cluster<P> {
    placer: P,
    /// The tasks that end together, block after block.
    ends: VecDeque<Vec<Task>>,
    /// The unit of memory that tasks ask for.
    grain: u64,
    busy: u64,
    /// The busy cores to keep up.
    level: u64,
    rng: Pcg64Mcg,
}

impl<P: Placer> Cluster<P> {
    fn new(placer: P, nodes: usize, grain: u64) -> Self {
        let level = nodes as u64 * u64::from(CORES) * 925 / 1000;
        // At 3.1 cores a task a block ends after another until all have.
        let blocks = (level * 10 / 31).div_ceil(BLOCK as u64 / 2).max(2);
        let ends = (0..blocks).map(|_| Vec::new()).collect();
        let mut cluster = Self { placer, ends, grain, busy: 0, level, rng: Pcg64Mcg::seed_from_u64(1) };
        // Some turnovers of all tasks, so that what is left free is what churn leaves.
        for _ in 0..3 * blocks {
            cluster.churn();
        }
        cluster
    }

    /// 1 to 8 cores with 1 to 6 GiB each.
    fn need(&mut self) -> Need {
        let cores = [1, 1, 2, 2, 4, 4, 8][self.rng.random_range(0..7)];
        let memory = self.rng.random_range(GIB..=6 * GIB) * u64::from(cores);
        Need { cores: Cores(cores), memory: Bytes(memory / self.grain * self.grain) }
    }

    /// A block of releases, then placements until the cluster is as full as before: times and counts of both.
    fn churn(&mut self) -> [(Duration, u64); 2] {
        let ended = self.ends.pop_front().expect("there are blocks");
        let start = Instant::now();
        for (node, cpuset, memory) in &ended {
            self.placer.release(*node, cpuset, *memory);
        }
        let released = (start.elapsed(), ended.len() as u64);
        self.busy -= ended.iter().map(|(_, cpuset, _)| u64::from(cpuset.count().0)).sum::<u64>();
        self.ends.push_back(Vec::new());
        let mut placed = (Duration::ZERO, 0);
        for _ in 0..3 {
            let (time, count) = self.place();
            placed = (placed.0 + time, placed.1 + count);
        }
        [placed, released]
    }

    /// Tries as many tasks as are missing to the level.
    fn place(&mut self) -> (Duration, u64) {
        let (mut needs, mut wanted) = (Vec::new(), self.busy);
        while wanted < self.level {
            needs.push(self.need());
            wanted += u64::from(needs[needs.len() - 1].cores.0);
        }
        let mut started: Vec<Task> = Vec::with_capacity(needs.len());
        let start = Instant::now();
        for &need in &needs {
            if let Some((node, cpuset)) = self.placer.place(need) {
                started.push((node, cpuset, need.memory));
            }
        }
        let time = start.elapsed();
        for task in started {
            self.busy += u64::from(task.1.count().0);
            let block = self.rng.random_range(0..self.ends.len());
            self.ends[block].push(task);
        }
        (time, needs.len() as u64)
    }
}

/// Measures the decisions and then the releases of one cluster, which is made when the first of them is wanted.
fn measure<P: Placer>(criterion: &mut Criterion, name: &str, nodes: usize, grain: u64, placer: impl Fn() -> P) {
    let mut cluster = None;
    for (which, verb) in ["place", "release"].into_iter().enumerate() {
        criterion.bench_function(&format!("{verb} {name} {nodes}"), |bencher| {
            let cluster = cluster.get_or_insert_with(|| Cluster::new(placer(), nodes, grain));
            // The median of the blocks: a block in which the machine did something else does not count.
            bencher.iter_custom(|times| {
                let (mut count, mut blocks) = (0, Vec::new());
                while count < times {
                    let (time, more) = black_box(cluster.churn())[which];
                    count += more;
                    blocks.extend((more > 0).then(|| time.div_f64(more as f64)));
                }
                blocks.sort_unstable();
                blocks[blocks.len() / 2].mul_f64(times as f64)
            });
        });
    }
    if let Some(bytes) = cluster.and_then(|cluster| cluster.placer.bytes()) {
        eprintln!("{name} {nodes}: {:.1} bytes a node", bytes as f64 / nodes as f64);
    }
}

fn inventory(fit: Fit, cores: CoreChoice, nodes: usize) -> Inventory {
    let topology = TopologySpec { numa: 2, cache_groups: 4, smt: 2 }.expand(Cores(CORES)).expect("64 cores divide into 2 x 4 x 2");
    let plain = NodeClass::plain("node".parse().expect("a name"), Cores(CORES), Bytes(MEMORY));
    let class = Arc::new(NodeClass { topology, ..plain });
    let mut inventory = Inventory::new(fit, cores);
    for _ in 0..nodes {
        inventory.add_node(&class);
    }
    inventory
}

fn indexed(criterion: &mut Criterion) {
    let lowest = CoreChoice::Lowest;
    let kinds = [
        ("best-fit", Fit::BestFit, lowest, 1 << 20, &[1_000, 10_000, 100_000][..]),
        ("best-fit-gib", Fit::BestFit, lowest, GIB, &[10_000, 100_000]),
        ("best-fit-bytes", Fit::BestFit, lowest, 1, &[10_000, 100_000]),
        ("best-fit-topology", Fit::BestFit, CoreChoice::Topology, 1 << 20, &[1_000, 10_000, 100_000]),
        ("l2-topology", Fit::L2, CoreChoice::Topology, 1 << 20, &[10_000, 100_000]),
        ("worst-fit", Fit::WorstFit, lowest, 1 << 20, &[10_000]),
        ("dot-product", Fit::DotProduct, lowest, 1 << 20, &[10_000]),
        ("first-fit", Fit::FirstFit, lowest, 1 << 20, &[1_000, 10_000, 100_000]),
    ];
    for (name, fit, cores, grain, sizes) in kinds {
        for &nodes in sizes {
            measure(criterion, name, nodes, grain, || inventory(fit, cores, nodes));
        }
    }
}

fn scan(criterion: &mut Criterion) {
    for nodes in [1_000, 10_000] {
        measure(criterion, "scan", nodes, 1 << 20, || Scan(vec![(CORES, MEMORY, u64::MAX); nodes]));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = indexed, scan
}
criterion_main!(benches);
