//! The scenario files of the speed table: many equal hosts, tasks of twelve templates, all submitted at once.

use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;

/// Writes `hosts-1k.json` and `hosts-10k.json`.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> Outcome {
    for (name, hosts, tasks) in [("hosts-1k.json", 1_000, 10_000), ("hosts-10k.json", 10_000, 1_000_000)] {
        let file = folder.join(name);
        let text = serde_json::to_string_pretty(&scenario(hosts, tasks)).expect("a value is JSON") + "\n";
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

/// Hosts of 144 cores and 204,800 MB; jobs of one task of 100 s, at time 0.
fn scenario(hosts: u32, tasks: u32) -> Value {
    let templates = [1, 2, 4, 8].into_iter().flat_map(|cores| [512, 1024, 2048].map(|memory| template(cores, memory)));
    json!({
        "$schema": "../../docs/schema/scenario.schema.json",
        "description": format!("The speed table: {tasks} tasks of 100 s on {hosts} hosts, all submitted at once"),
        "seed": 1,
        "nodes": [{ "count": hosts, "cores": 144, "memory": "204800MiB" }],
        "load": { "processes": [{
            "process": { "steady": { "a": tasks } },
            "interval_s": 1,
            "steps": 1,
            "mix": templates.collect::<Vec<_>>(),
        }] },
        "policy": "best-fit",
    })
}

fn template(cores: u32, memory_mib: u32) -> Value {
    json!({ "weight": 1, "job": { "name": format!("c{cores}m{memory_mib}"), "tasks": { "run": {
        "kind": "container",
        "resources": { "cores": cores, "memory": format!("{memory_mib}MiB") },
        "simulate": { "duration_s": { "constant": 100 } },
    } } } })
}
