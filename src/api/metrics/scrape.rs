//! Reading: what the view and the loop know is written into the series, and the series become text.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use actors::View;
use model::NodeState;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;

use super::{Labelled, Metrics, Standing};
use crate::api::body::{JOB_STATES, TASK_STATES};
use crate::api::render::node_word;
use crate::runtime::{Door, Status};

/// How much there is of each word.
type Sums = BTreeMap<&'static str, u64>;

impl Metrics {
    /// All series as text.
    pub(in crate::api) fn text(&self, door: &Door) -> String {
        let mut sums = Seen::new();
        door.view(|view| sums.look(view, &self.standing));
        sums.show(&self.standing);
        self.standing.count(door.status());
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("text is written to memory");
        text
    }
}

struct Seen {
    jobs: Sums,
    tasks: Sums,
    nodes: Sums,
    cores: Sums,
    memory: Sums,
}

impl Seen {
    /// Every state is there from the start: what is gone falls to 0 in a graph, instead of breaking off.
    fn new() -> Self {
        let zero = |words: &mut dyn Iterator<Item = &'static str>| words.map(|word| (word, 0)).collect::<Sums>();
        Self {
            jobs: zero(&mut JOB_STATES.iter().map(|state| state.word())),
            tasks: zero(&mut TASK_STATES.iter().map(|state| state.word())),
            nodes: zero(&mut NodeState::WORDS.iter().map(|(_, word)| *word)),
            cores: zero(&mut ["capacity", "allocated"].into_iter()),
            memory: zero(&mut ["capacity", "allocated"].into_iter()),
        }
    }

    fn look(&mut self, view: &View, standing: &Standing) {
        for job in view.jobs() {
            *self.jobs.entry(job.state.word()).or_default() += 1;
            for task in &job.tasks {
                *self.tasks.entry(task.state.word()).or_default() += 1;
            }
        }
        for node in view.nodes() {
            *self.nodes.entry(node_word(node.state)).or_default() += 1;
            if node.state != NodeState::Left {
                *self.cores.entry("capacity").or_default() += u64::from(node.spec.class.task_cores().0);
                *self.cores.entry("allocated").or_default() += u64::from(node.used_cores.0);
                *self.memory.entry("capacity").or_default() += node.spec.class.task_memory().0;
                *self.memory.entry("allocated").or_default() += node.used_memory.0;
            }
        }
        let totals = view.totals();
        set(&standing.submitted, totals.submitted);
        set(&standing.placed, totals.placed);
        set(&standing.lost, totals.lost);
        set(&standing.events, view.latest_seq());
        for (state, ended) in [("succeeded", totals.succeeded), ("failed", totals.failed), ("stopped", totals.stopped)] {
            set(&standing.ended.get_or_create(&[("state", state)]), ended);
        }
    }

    fn show(&self, standing: &Standing) {
        fill(&standing.jobs, "state", &self.jobs);
        fill(&standing.tasks, "state", &self.tasks);
        fill(&standing.nodes, "state", &self.nodes);
        fill(&standing.cores, "kind", &self.cores);
        fill(&standing.memory, "kind", &self.memory);
    }
}

impl Standing {
    fn count(&self, status: &Status) {
        self.ready.set(i64::from(status.is_ready()));
        self.resident.set(resident_bytes().unwrap_or_default());
        let counts = &status.counts;
        set(&self.turns, counts.turns.get());
        set(&self.inputs, counts.inputs.get());
        set(&self.heartbeats, counts.heartbeats.get());
        set(&self.logged, counts.logged_bytes.get());
        set(&self.store_failures, counts.store_failures.get());
        set(&self.dropped_frames, status.dropped_frames());
        set(&self.refused_joins, status.refused_joins());
    }
}

/// A counter that is kept elsewhere is shown as it stands there.
fn set(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

fn fill(family: &Labelled, label: &'static str, sums: &Sums) {
    for (word, sum) in sums {
        family.get_or_create(&[(label, *word)]).set(i64::try_from(*sum).unwrap_or(i64::MAX));
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
