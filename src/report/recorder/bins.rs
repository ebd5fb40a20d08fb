//! The adaptive time axis: bins of one second that double in width, by merging pairs, when the run outgrows them; and
//! what is kept per bin. Work per event does not grow with bins: each bin is closed once.

use model::{Cores, Millis, NodeId, NodeSpec};

use super::gauges::{Gauge, Gauges, Totals};
use crate::report::recording::{Heat, Series};

/// The most bins.
pub const MOST_BINS: usize = 512;
/// The most rows of the heat map.
pub const MOST_GROUPS: usize = 128;
/// Width of a bin at first.
const FIRST_WIDTH: Millis = Millis(1_000);

/// The closed bins.
#[derive(Debug)]
pub struct Bins {
    start: Millis,
    width: Millis,
    /// The end of the bin that is open.
    boundary: Millis,
    /// The integrals at the end of each closed bin.
    ends: Vec<Totals>,
    groups: Vec<Group>,
    group_size: usize,
}

/// A few neighbouring nodes.
#[derive(Debug)]
struct Group {
    nodes: (NodeId, NodeId),
    capacity: Cores,
    used: Cores,
    /// Up to when `filled` reaches.
    since: Millis,
    /// Core-milliseconds in the open bin.
    filled: u64,
    /// Used share of each closed bin.
    ratio: Vec<f32>,
}

impl Group {
    fn flow(&mut self, now: Millis) {
        self.filled += u64::from(self.used.0) * (now - self.since).0;
        self.since = now;
    }

    fn close(&mut self, end: Millis, width: Millis) {
        self.flow(end);
        let whole = f64::from(self.capacity.0) * width.0 as f64;
        self.ratio.push(if whole > 0.0 { (self.filled as f64 / whole) as f32 } else { 0.0 });
        self.filled = 0;
    }
}

impl Bins {
    /// No bin yet.
    pub fn new<'a>(start: Millis, nodes: impl ExactSizeIterator<Item = &'a NodeSpec>) -> Self {
        let group_size = nodes.len().div_ceil(MOST_GROUPS).max(1);
        let mut groups: Vec<Group> = Vec::new();
        for (index, node) in nodes.enumerate() {
            let id = NodeId(index as u32);
            if index % group_size == 0 {
                let empty = Group { nodes: (id, id), capacity: Cores::ZERO, used: Cores::ZERO, since: start, filled: 0, ratio: Vec::new() };
                groups.push(empty);
            }
            let group = groups.last_mut().expect("the first node opens a group");
            group.nodes.1 = id;
            group.capacity += node.class.task_cores();
        }
        Self { start, width: FIRST_WIDTH, boundary: start + FIRST_WIDTH, ends: Vec::new(), groups, group_size }
    }

    /// The end of the bin that is open.
    #[inline]
    pub fn boundary(&self) -> Millis {
        self.boundary
    }

    /// Cores of a node are held since now, or no longer.
    #[inline]
    pub fn change(&mut self, now: Millis, node: NodeId, old: Cores, new: Cores) {
        let group = &mut self.groups[node.index() / self.group_size];
        group.flow(now);
        group.used = group.used - old + new;
    }

    /// Closes every bin that ends at or before `now`.
    pub fn cross(&mut self, now: Millis, gauges: &mut Gauges) {
        while self.boundary <= now {
            self.close(self.boundary, gauges);
            if self.ends.len() == MOST_BINS {
                self.merge();
            }
            self.boundary += self.width;
        }
    }

    fn close(&mut self, end: Millis, gauges: &mut Gauges) {
        gauges.flow(end);
        self.ends.push(*gauges.totals());
        let width = end - self.begin_of_open();
        for group in &mut self.groups {
            group.close(end, width);
        }
    }

    /// When the open bin began; called between the push of its end and the next boundary.
    fn begin_of_open(&self) -> Millis {
        Millis(self.start.0 + (self.ends.len() as u64 - 1) * self.width.0)
    }

    fn merge(&mut self) {
        // An integral at the end of a pair is the one at the end of its second bin.
        let mut index = 0;
        self.ends.retain(|_| {
            index += 1;
            index % 2 == 0
        });
        for group in &mut self.groups {
            group.ratio = group.ratio.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        }
        self.width = self.width + self.width;
    }

    /// Closes the last bin, however short, at the end of the run.
    pub fn finish(mut self, end: Millis, gauges: &mut Gauges) -> (Series, Heat) {
        self.cross(end, gauges);
        if end > Millis(self.start.0 + self.ends.len() as u64 * self.width.0) {
            self.close(end, gauges);
        }
        let Self { start, width, ends, groups, .. } = self;
        let column = |gauge: Gauge| {
            let mut before = (start, Totals::default());
            ends.iter()
                .enumerate()
                .map(|(index, totals)| {
                    let until = Millis(start.0 + (index as u64 + 1) * width.0).min(end);
                    let mean = totals.since(&before.1).of(gauge) as f64 / (until - before.0).0 as f64;
                    before = (until, *totals);
                    mean
                })
                .collect()
        };
        let series = Series {
            start,
            bin: width,
            used_cores: column(Gauge::UsedCores),
            capacity_cores: column(Gauge::CapacityCores),
            used_memory: column(Gauge::UsedMemory),
            waiting_tasks: column(Gauge::Waiting),
            running_tasks: column(Gauge::Running),
            used_nodes: column(Gauge::UsedNodes),
        };
        let (groups, ratio) = groups.into_iter().map(|group| (group.nodes, group.ratio)).unzip();
        (series, Heat { start, bin: width, groups, ratio })
    }
}
