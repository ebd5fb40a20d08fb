//! The figures over time.

use actors::{Mark, Sample, View};
use model::Millis;

use super::node_word;
use crate::api::body::{History, HistoryMark, HistorySample, MarkKind, Time};

/// How it was, until now.
pub fn history(view: &View, now: Millis) -> History {
    History { samples: view.history(now).map(sample).collect(), marks: view.marks().map(|(time, what)| mark(*time, what)).collect() }
}

fn sample(sample: Sample) -> HistorySample {
    let seconds = |wait: Millis| wait.0 as f64 / 1000.0;
    HistorySample {
        time: Time(sample.time),
        cores: sample.cores,
        held_cores: sample.held,
        waiting_tasks: sample.waiting,
        placed: sample.placed,
        wait_median_s: sample.median.map(seconds),
        wait_p95_s: sample.p95.map(seconds),
    }
}

fn mark(time: Millis, mark: &Mark) -> HistoryMark {
    let (kind, text) = match mark {
        Mark::Policy(policy) => (MarkKind::Policy, format!("policy {policy}")),
        Mark::Node { name, suspect: true, .. } => (MarkKind::Node, format!("{name} suspect")),
        Mark::Node { name, state, cordoned, .. } => {
            let closed = if *cordoned { ", cordoned" } else { "" };
            (MarkKind::Node, format!("{name} {}{closed}", node_word(*state)))
        }
    };
    HistoryMark { time: Time(time), kind, text }
}
