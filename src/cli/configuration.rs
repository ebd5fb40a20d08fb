//! What a run was told, fully resolved, as JSON: config.json and the last section of the report.

use std::sync::Arc;

use serde_json::{Value, json};

use super::experiment::Experiment;
use crate::sim::config::Config;
use crate::sim::scenario::Scenario;

/// The resolved configuration. Nodes are listed by class; times are milliseconds.
pub fn json(experiment: &Experiment, scenario: &Scenario, config: &Config) -> Value {
    let file = experiment.source().file();
    let trace = experiment.trace().map(|trace| json!({ "file": trace.file, "format": trace.format, "swf_memory": trace.swf_memory }));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "scenario": (!file.as_os_str().is_empty()).then(|| json!({ "file": file, "document": experiment.source().parse::<Value>().ok() })),
        "trace": trace,
        "seed": config.seed,
        "policy": config.policy.to_string(),
        "policy_choices": config.policy,
        "nodes": nodes(config),
        "slice_ms": scenario.input.slice,
        "timing_ms": config.timing,
        "script": config.script.iter().map(|(at, deed)| json!({ "at_ms": at, "deed": deed })).collect::<Vec<_>>(),
        "random_failures": config.failures,
        "estimate_error": config.estimate_error,
        "start_ms": config.start,
        "until_ms": config.until,
        "warmup_ms": scenario.warmup,
    })
}

/// Neighbouring nodes of one class together.
fn nodes(config: &Config) -> Vec<Value> {
    config
        .nodes
        .chunk_by(|one, next| Arc::ptr_eq(&one.class, &next.class))
        .map(|nodes| {
            let class = &nodes[0].class;
            json!({
                "class": class.name,
                "count": nodes.len(),
                "first": nodes[0].name,
                "cores": class.cores,
                "memory": class.memory,
                "host_cores": class.host_cores(),
                "host_memory": class.host_memory,
                "labels": class.labels,
                "numa": class.topology.numa.len(),
                "cache_groups": class.topology.cache.len(),
                "smt": class.topology.smt.first().map_or(1, |siblings| siblings.count().0),
            })
        })
        .collect()
}
