//! The nodes as the ledger and the leases show them: what each holds, whether it is up, and the share of every node in
//! the gauges. Each change costs the same, however many nodes there are.

use model::{Bytes, Cores, Millis, NodeId, NodeSpec, NodeState};

use super::bins::Bins;
use super::gauges::{Gauge, Gauges, Peaks, STRANDED_UNIT, Totals};
use crate::report::recording::{Heat, Series};

#[derive(Clone, Copy, Debug)]
struct Node {
    cores: Cores,
    memory: Bytes,
    used_cores: Cores,
    used_memory: Bytes,
    /// Reservations held.
    held: u32,
    up: bool,
    /// Stranded units that a byte of free memory saves: cores / memory.
    units_per_byte: f64,
}

impl Node {
    fn new(spec: &NodeSpec) -> Self {
        let (cores, memory) = (spec.class.task_cores(), spec.class.task_memory());
        let units_per_byte = if memory == Bytes::ZERO { 0.0 } else { f64::from(cores.0) * STRANDED_UNIT as f64 / memory.0 as f64 };
        Self { cores, memory, used_cores: Cores::ZERO, used_memory: Bytes::ZERO, held: 0, up: false, units_per_byte }
    }

    /// max(0, free cores - free memory x (cores / memory)), in [`STRANDED_UNIT`]ths. Rounded per node to a millionth of
    /// a core, so that the sum over nodes is one of integers and cannot drift.
    fn stranded(&self) -> u64 {
        let free_cores = self.cores.saturating_sub(self.used_cores);
        let free_memory = self.memory.saturating_sub(self.used_memory);
        let matched = free_memory.0 as f64 * self.units_per_byte;
        (f64::from(free_cores.0) * STRANDED_UNIT as f64 - matched).max(0.0).round() as u64
    }

    /// Its share of every gauge that nodes make up. A node that is down has none, even while the ledger still holds what
    /// ran there: used over capacity never exceeds 1.
    fn shares(&self) -> [(Gauge, u64); 6] {
        let of = |value: u64| if self.up { value } else { 0 };
        [
            (Gauge::UsedCores, of(u64::from(self.used_cores.0))),
            (Gauge::CapacityCores, of(u64::from(self.cores.0))),
            (Gauge::UsedMemory, of(self.used_memory.0)),
            (Gauge::CapacityMemory, of(self.memory.0)),
            (Gauge::Stranded, of(self.stranded())),
            (Gauge::UsedNodes, of(u64::from(self.held > 0))),
        ]
    }
}

/// All nodes, the gauges, and the time axis.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    gauges: Gauges,
    bins: Bins,
    window: Window,
}

/// From when on means are taken, and the integrals at that moment.
#[derive(Clone, Copy, Debug)]
enum Window {
    /// No job yet.
    Unknown,
    /// It opens then.
    Opens(Millis),
    /// It is open since then; the integrals at that moment.
    Open(Millis, Totals),
}

/// The integrals and peaks of the window up to a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Integrals since the window opened; zero where it has not.
    pub totals: Totals,
    /// Peaks since the window opened.
    pub peaks: Peaks,
    /// How long the window has been open.
    pub span: Millis,
}

impl Cluster {
    /// All nodes down: a node is up from its own event on.
    pub fn new<'a>(start: Millis, nodes: impl ExactSizeIterator<Item = &'a NodeSpec> + Clone) -> Self {
        Self {
            gauges: Gauges::new(start),
            bins: Bins::new(start, nodes.clone()),
            nodes: nodes.map(Node::new).collect(),
            window: Window::Unknown,
        }
    }

    /// Moves time forward; earlier times are taken as the present.
    #[inline]
    pub fn advance(&mut self, now: Millis) {
        if now > self.gauges.now() {
            self.flow(now);
        }
    }

    fn flow(&mut self, now: Millis) {
        if let Window::Opens(from) = self.window
            && from <= now
        {
            // Where `from` is past: nothing changed since the last step, so nothing is lost by opening there.
            let from = from.max(self.gauges.now());
            self.step(from);
            self.gauges.reset_peaks();
            self.window = Window::Open(from, *self.gauges.totals());
        }
        self.step(now);
    }

    fn step(&mut self, now: Millis) {
        if self.bins.boundary() <= now {
            self.bins.cross(now, &mut self.gauges);
        }
        self.gauges.flow(now);
    }

    /// The first job is here: means are taken from `from` on, or from the last change on where that is later. Call it
    /// before time moves to the admission. Later calls change nothing.
    pub fn open_window(&mut self, from: Millis) {
        if let Window::Unknown = self.window {
            self.window = Window::Opens(from);
        }
    }

    /// The integrals of the window up to now.
    pub fn reading(&self) -> Reading {
        match &self.window {
            Window::Open(from, opened) => {
                Reading { totals: self.gauges.totals().since(opened), peaks: self.gauges.peaks(), span: self.gauges.now() - *from }
            }
            Window::Unknown | Window::Opens(_) => Reading::default(),
        }
    }

    /// A number of waiting or running instances changes.
    #[inline]
    pub fn count(&mut self, gauge: Gauge, old: bool, new: bool) {
        if old != new {
            self.gauges.replace(gauge, u64::from(old), u64::from(new));
        }
    }

    /// The ledger holds cores and memory on a node.
    pub fn reserved(&mut self, now: Millis, node: NodeId, cores: Cores, memory: Bytes) {
        self.change(now, node, |node| {
            node.used_cores += cores;
            node.used_memory += memory;
            node.held += 1;
        });
    }

    /// The ledger lets go of cores and memory on a node.
    pub fn released(&mut self, now: Millis, node: NodeId, cores: Cores, memory: Bytes) {
        self.change(now, node, |node| {
            node.used_cores = node.used_cores.saturating_sub(cores);
            node.used_memory = node.used_memory.saturating_sub(memory);
            node.held = node.held.saturating_sub(1);
        });
    }

    /// A node changes its state.
    pub fn node_state(&mut self, now: Millis, node: NodeId, state: NodeState) {
        self.change(now, node, |node| node.up = matches!(state, NodeState::Ready | NodeState::Draining));
    }

    fn change(&mut self, now: Millis, id: NodeId, change: impl FnOnce(&mut Node)) {
        let node = &mut self.nodes[id.index()];
        let before = *node;
        change(node);
        for ((gauge, old), (_, new)) in before.shares().into_iter().zip(node.shares()) {
            self.gauges.replace(gauge, old, new);
        }
        if before.used_cores != node.used_cores {
            self.bins.change(now.max(self.gauges.now()), id, before.used_cores, node.used_cores);
        }
    }

    /// The cluster over time.
    pub fn finish(mut self) -> (Series, Heat) {
        let end = self.gauges.now();
        self.bins.finish(end, &mut self.gauges)
    }
}
