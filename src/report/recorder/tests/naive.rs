//! Properties: the integrals, bins and heat equal those of a recomputation that looks at every millisecond.

use model::{Cores, JobId, Millis, NodeState};
use proptest::prelude::*;

use crate::report::fixture::{GIB, job, key, node, nodes, recorder, released, reserved, run};
use crate::report::recorder::GanttOptions;
use crate::report::recorder::bins::{Bins, MOST_BINS};
use crate::report::recorder::gauges::{Gauge, Gauges};
use crate::report::recorder::tests::end;

const NODES: usize = 3;
const CORES: u64 = 4;
const MEMORY: u64 = 8;

/// A step of a random run: wait, then hold, let go, or toggle a node.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Hold { node: usize, cores: u32, gib: u64 },
    LetGo(usize),
    Toggle(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u64..900).prop_map(Step::Wait),
        3 => (0..NODES, 1u32..4, 0u64..6).prop_map(|(node, cores, gib)| Step::Hold { node, cores, gib }),
        2 => (0usize..100).prop_map(Step::LetGo),
        1 => (0..NODES).prop_map(Step::Toggle),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What is held at one millisecond: up, cores and GiB of each node.
type Moment = [(bool, u64, u64, u64); NODES];

#[derive(Default)]
struct Sums {
    used: f64,
    capacity: f64,
    memory: f64,
    memory_capacity: f64,
    stranded: f64,
    nodes: f64,
    peak: f64,
    nodes_peak: u64,
}

fn sums(moments: &[Moment]) -> Sums {
    let mut sums = Sums::default();
    for moment in moments {
        let up = || moment.iter().filter(|node| node.0);
        let used: u64 = up().map(|node| node.1).sum();
        let capacity = up().count() as u64 * CORES;
        let busy = up().filter(|node| node.3 > 0).count() as u64;
        sums.used += used as f64;
        sums.capacity += capacity as f64;
        sums.memory += up().map(|node| node.2).sum::<u64>() as f64;
        sums.memory_capacity += (up().count() as u64 * MEMORY) as f64;
        let stranded =
            |node: &(bool, u64, u64, u64)| ((CORES - node.1) as f64 - (MEMORY - node.2) as f64 * CORES as f64 / MEMORY as f64).max(0.0);
        sums.stranded += up().map(stranded).sum::<f64>();
        sums.nodes += busy as f64;
        sums.nodes_peak = sums.nodes_peak.max(busy);
        if capacity > 0 {
            sums.peak = sums.peak.max(used as f64 / capacity as f64);
        }
    }
    sums
}

proptest! {
    #[test]
    fn integrals_equal_a_naive_recomputation(steps in steps(), warmup in 0u64..3_000) {
        let mut recorder = recorder(&nodes(NODES, CORES as u32, MEMORY), warmup, GanttOptions::default());
        recorder.admitted(Millis(0), JobId(0), &job("tide", 100), Millis(0));
        let mut now: Moment = [(true, 0, 0, 0); NODES];
        let (mut moments, mut held, mut next) = (Vec::new(), Vec::new(), 0);
        for step in steps {
            let time = Millis(moments.len() as u64);
            match step {
                Step::Wait(span) => moments.extend(std::iter::repeat_n(now, span as usize)),
                Step::Hold { node, cores, gib } => {
                    let (_, used, memory, count) = &mut now[node];
                    if *used + u64::from(cores) > CORES || *memory + gib > MEMORY { continue; }
                    *used += u64::from(cores);
                    *memory += gib;
                    *count += 1;
                    let cpuset = model::CpuSet::first(Cores(cores)).to_string();
                    recorder.event(time, &reserved(key(0, next), run(1, 1), node as u32, &cpuset, gib));
                    held.push((next, node, cores, gib));
                    next += 1;
                }
                Step::LetGo(which) => {
                    if held.is_empty() { continue; }
                    let (instance, node, cores, gib) = held.swap_remove(which % held.len());
                    now[node].1 -= u64::from(cores);
                    now[node].2 -= gib;
                    now[node].3 -= 1;
                    recorder.event(time, &released(key(0, instance), run(1, 1), node as u32, cores, gib));
                }
                Step::Toggle(index) => {
                    let states = [NodeState::Unreachable, NodeState::Ready];
                    let from = now[index].0;
                    now[index].0 = !from;
                    recorder.event(time, &node(index as u32, states[usize::from(from)], states[usize::from(!from)]));
                }
            }
        }
        let recording = recorder.finish(end(moments.len() as u64));
        let window = moments.get(warmup as usize..).unwrap_or_default();
        let expected = sums(window);
        let summary = &recording.summary;
        let ratio = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
        let span = window.len() as f64;
        for (found, expected) in [
            (summary.utilisation.cores_mean, ratio(expected.used, expected.capacity)),
            (summary.utilisation.memory_mean, ratio(expected.memory, expected.memory_capacity)),
            (summary.utilisation.cores_peak, expected.peak),
            (summary.fragmentation.stranded_cores_mean, ratio(expected.stranded, span)),
            (summary.fragmentation.stranded_share_mean, ratio(expected.stranded, expected.capacity)),
            (summary.nodes_used.mean, ratio(expected.nodes, span)),
        ] {
            prop_assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        prop_assert_eq!(summary.nodes_used.peak, expected.nodes_peak);
        for (bin, second) in moments.chunks(1_000).enumerate() {
            let sums = sums(second);
            let span = second.len() as f64;
            prop_assert!((recording.series.used_cores[bin] - sums.used / span).abs() < 1e-9);
            prop_assert!((recording.series.capacity_cores[bin] - sums.capacity / span).abs() < 1e-9);
            prop_assert!((recording.series.used_memory[bin] - sums.memory * GIB as f64 / span).abs() < 1.0);
            for (index, row) in recording.heat.ratio.iter().enumerate() {
                let used: u64 = second.iter().map(|moment| moment[index].1).sum();
                prop_assert!((f64::from(row[bin]) - used as f64 / (CORES as f64 * span)).abs() < 1e-5);
            }
        }
        prop_assert_eq!(recording.series.used_cores.len(), moments.len().div_ceil(1_000));
    }

    /// However long the run, the bins are few, of one width, and keep the whole integral.
    #[test]
    fn bins_merge_without_loss(spans in proptest::collection::vec((1u64..400_000, 0u64..9), 1..40), start in 0u64..5_000) {
        let specs = nodes(1, 16, 8);
        let mut gauges = Gauges::new(Millis(start));
        let mut bins = Bins::new(Millis(start), specs.iter().map(AsRef::as_ref));
        let (mut time, mut before, mut whole) = (start, 0, 0u64);
        for (span, value) in spans {
            gauges.replace(Gauge::UsedCores, before, value);
            bins.change(Millis(time), model::NodeId(0), Cores(before as u32), Cores(value as u32));
            before = value;
            time += span;
            whole += value * span;
            bins.cross(Millis(time), &mut gauges);
            gauges.flow(Millis(time));
        }
        prop_assert_eq!(gauges.value(Gauge::UsedCores), before);
        let (series, heat) = bins.finish(Millis(time), &mut gauges);
        let count = series.used_cores.len() as u64;
        prop_assert!(count <= MOST_BINS as u64);
        prop_assert_eq!(count, (time - start).div_ceil(series.bin.0));
        let width = |bin: u64| (start + (bin + 1) * series.bin.0).min(time) - (start + bin * series.bin.0);
        let sum: f64 = (0..count).map(|bin| series.used_cores[bin as usize] * width(bin) as f64).sum();
        prop_assert!((sum - whole as f64).abs() < 1e-3);
        let heated: f64 = (0..count).map(|bin| f64::from(heat.ratio[0][bin as usize]) * 16.0 * width(bin) as f64).sum();
        prop_assert!((heated - whole as f64).abs() <= 1e-4 * whole as f64 + 1.0);
    }
}
