//! Which cores were held by what, in a window of time on a few nodes. Bounded: a long run shows its beginning, or the
//! window that was asked for.

use model::{Bytes, Cores, CpuSet, Millis, NodeId, NodeSpec, Run, TaskKey};

use crate::report::recording::{Bar, Gantt};

/// The most bars.
pub const MOST_BARS: usize = 2_000;
/// How many nodes are shown where none are chosen.
pub const FIRST_NODES: usize = 32;

/// What the Gantt shows.
#[derive(Clone, Debug, Default)]
pub struct GanttOptions {
    /// From when until when; absent: from the start until there are [`MOST_BARS`] bars.
    pub window: Option<(Millis, Millis)>,
    /// Which nodes; empty: the first [`FIRST_NODES`].
    pub nodes: Vec<NodeId>,
}

/// Collects the bars.
#[derive(Debug)]
pub struct Chart {
    from: Millis,
    until: Millis,
    /// The window ends when it is full.
    open_ended: bool,
    nodes: Vec<(NodeId, Cores)>,
    /// The row of each node of the cluster; [`HIDDEN`] where it has none.
    rows: Vec<u16>,
    /// What is held now, a row each.
    open: Vec<Vec<(Run, Bar)>>,
    /// Bars that are counted: those closed and those open that began in the window.
    taken: usize,
    bars: Vec<Bar>,
    left_out: u64,
}

const HIDDEN: u16 = u16::MAX;

impl Chart {
    /// No bar yet. Nodes that the cluster lacks are left out.
    pub fn new<'a>(options: &GanttOptions, start: Millis, nodes: impl ExactSizeIterator<Item = &'a NodeSpec>) -> Self {
        let cores: Vec<Cores> = nodes.map(|node| node.class.task_cores()).collect();
        let mut rows = vec![HIDDEN; cores.len()];
        let mut shown = Vec::new();
        let first: Vec<NodeId> = (0..cores.len().min(FIRST_NODES)).map(|index| NodeId(index as u32)).collect();
        let chosen = if options.nodes.is_empty() { &first } else { &options.nodes };
        for &node in chosen.iter().filter(|node| node.index() < cores.len()).take(usize::from(HIDDEN)) {
            if rows[node.index()] == HIDDEN {
                rows[node.index()] = shown.len() as u16;
                shown.push((node, cores[node.index()]));
            }
        }
        let (from, until) = options.window.unwrap_or((start, Millis::NEVER));
        Self {
            from,
            until,
            open_ended: options.window.is_none(),
            open: vec![Vec::new(); shown.len()],
            nodes: shown,
            rows,
            taken: 0,
            bars: Vec::new(),
            left_out: 0,
        }
    }

    /// Cores are held from now on.
    pub fn reserved(&mut self, now: Millis, task: TaskKey, run: Run, node: NodeId, cpuset: &CpuSet, memory: Bytes) {
        let row = self.rows[node.index()];
        if row == HIDDEN || now >= self.until {
            return;
        }
        if now >= self.from {
            if self.taken == MOST_BARS {
                self.full(now);
                return;
            }
            self.taken += 1;
        }
        let bar = Bar { task, node, cpuset: cpuset.clone(), memory, from: now, until: Millis::NEVER };
        self.open[usize::from(row)].push((run, bar));
    }

    fn full(&mut self, now: Millis) {
        if self.open_ended {
            self.until = now;
        } else {
            self.left_out += 1;
        }
    }

    /// They are held no longer.
    pub fn released(&mut self, now: Millis, task: TaskKey, run: Run, node: NodeId) {
        let row = self.rows[node.index()];
        if row == HIDDEN {
            return;
        }
        let open = &mut self.open[usize::from(row)];
        if let Some(index) = open.iter().position(|(of, bar)| bar.task == task && *of == run) {
            let (_, bar) = open.swap_remove(index);
            self.close(bar, now);
        }
    }

    fn close(&mut self, mut bar: Bar, now: Millis) {
        bar.until = now;
        if bar.from < self.from {
            // It began before the window: it counts only where it reaches into it.
            if now <= self.from {
                return;
            }
            if self.taken == MOST_BARS {
                self.left_out += 1;
                return;
            }
            self.taken += 1;
        }
        self.bars.push(bar);
    }

    /// All bars in order of start.
    pub fn finish(mut self, end: Millis) -> Gantt {
        for (_, bar) in std::mem::take(&mut self.open).into_iter().flatten() {
            self.close(bar, end);
        }
        self.bars.sort_by_key(|bar| (bar.from, bar.task, bar.node));
        Gantt { from: self.from, until: self.until.min(end.max(self.from)), nodes: self.nodes, bars: self.bars, left_out: self.left_out }
    }
}
