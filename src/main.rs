//! The composition root.
use std::path::Path;
fn main() {
    let file = std::env::args().nth(1).expect("file");
    let scenario = wharfinger::sim::scenario::Scenario::read(Path::new(&file)).unwrap_or_else(|e| panic!("{e}"));
    let config = scenario.config(scenario.base().seed).expect("config");
    let jobs = scenario.input.open(config.seed).expect("jobs");
    let recording = wharfinger::sim::simulation::run(&config, jobs, Default::default()).unwrap_or_else(|e| panic!("{e}"));
    eprintln!("{}", serde_json::to_string_pretty(&recording.summary).expect("json"));
}
