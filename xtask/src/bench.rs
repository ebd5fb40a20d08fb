//! `cargo xtask bench`: the figures of docs/performance.md. Ratios to the targets, not tests: a busy machine is slow.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use serde_json::Value;

use crate::{Outcome, check, estimates, run};

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// How often each whole run is repeated; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Only whole runs, no criterion benches
    #[arg(long)]
    whole: bool,
    /// Only criterion benches whose names hold this text
    #[arg(long)]
    filter: Option<String>,
    /// Writes the tables to a file too, as Markdown
    #[arg(long)]
    save: Option<PathBuf>,
}

/// A whole run of the speed table.
struct Whole {
    name: &'static str,
    /// A file below ../shared that it needs.
    shared: Option<&'static str>,
    arguments: &'static [&'static str],
    wall_s: f64,
    memory_mb: f64,
}

const WHOLE: [Whole; 4] = [
    Whole {
        name: "dlrm-2025, 2,500 nodes, best-fit",
        shared: Some("../shared/traces/dlrm-2025/disaggregated_DLRM_trace.csv"),
        arguments: &["--format", "dlrm", "--nodes", "2500", "--cores", "192", "--memory", "2048GiB", "--policy", "best-fit"],
        wall_s: 0.6,
        memory_mb: 100.0,
    },
    Whole {
        name: "1,000 hosts, 10,000 tasks",
        shared: None,
        arguments: &["tests/scenarios/hosts-1k.json"],
        wall_s: 0.1,
        memory_mb: f64::INFINITY,
    },
    Whole {
        name: "10,000 hosts, 1,000,000 tasks",
        shared: None,
        arguments: &["tests/scenarios/hosts-10k.json"],
        wall_s: 5.0,
        memory_mb: 1_500.0,
    },
    Whole {
        name: "alibaba-2017 groups, 3,000 nodes",
        shared: Some("../shared/traces/alibaba-2017-groups/jobs.csv"),
        arguments: &["--format", "alibaba-groups", "--nodes", "3000", "--cores", "64", "--memory", "1TiB"],
        wall_s: 15.0,
        memory_mb: 2_000.0,
    },
];

/// The most that a bench should take, nanoseconds, by the beginning of its name.
const TARGETS: [(&str, f64); 7] = [
    ("place best-fit-topology 1", 40.0),
    ("place best-fit 1", 40.0),
    ("place best-fit-gib 1", 40.0),
    ("place first-fit 10000", 250.0),
    ("release best-fit", 30.0),
    ("release l2", 30.0),
    ("gang", 60.0),
];

/// Measures, shows, and saves where asked to.
///
/// # Errors
/// When something does not build, or a run fails.
pub fn run(options: &Options) -> Outcome {
    let mut report = String::new();
    if !options.whole {
        report += &benches(options.filter.as_deref())?;
    }
    if options.filter.is_none() {
        report += &whole_runs(options.runs)?;
    }
    println!("\n{report}");
    match &options.save {
        Some(file) => std::fs::write(run::root().join(file), &report).map_err(|error| format!("{}: {error}", file.display())),
        None => Ok(()),
    }
}

fn benches(filter: Option<&str>) -> Result<String, String> {
    let start = SystemTime::now();
    let arguments = ["bench", "--bench", "*"].into_iter().chain(filter.is_some().then_some("--")).chain(filter);
    run::cargo(&arguments.collect::<Vec<_>>()).done()?;
    let mut table = "| bench | measured, ns | at most, ns | share of the target |\n|---|---:|---:|---:|\n".to_owned();
    for estimate in estimates::since(&run::target().join("criterion"), start)? {
        let target = TARGETS.iter().find(|(name, _)| estimate.name.starts_with(name)).map(|(_, most)| *most);
        let (most, share) = beside(estimate.nanoseconds, target);
        let _ = writeln!(table, "| {} | {:.1} | {most} | {share} |", estimate.name, estimate.nanoseconds);
    }
    Ok(table + "\n")
}

fn whole_runs(runs: u32) -> Result<String, String> {
    let management = check::build()?;
    let mut table = format!(
        "| whole run, median of {runs} | wall, s | at most, s | share | peak memory, MB | at most, MB | share | events a second |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for whole in WHOLE {
        if let Some(file) = whole.shared.filter(|file| !run::root().join(file).exists()) {
            println!("skipped: {file} is absent");
            continue;
        }
        let [wall_s, memory, rate] = measure(&management, &whole, runs)?;
        let memory_mb = memory / 1e6;
        let ((most_s, share_s), (most_mb, share_mb)) = (beside(wall_s, Some(whole.wall_s)), beside(memory_mb, Some(whole.memory_mb)));
        let _ = writeln!(
            table,
            "| {} | {wall_s:.3} | {most_s} | {share_s} | {memory_mb:.0} | {most_mb} | {share_mb} | {:.1} million |",
            whole.name,
            rate / 1e6
        );
    }
    Ok(table)
}

/// The medians of wall time, peak memory, and events a second.
fn measure(management: &Path, whole: &Whole, runs: u32) -> Result<[f64; 3], String> {
    let mut arguments = vec!["simulate"];
    arguments.extend(whole.shared.into_iter().flat_map(|file| ["--trace", file]));
    arguments.extend(whole.arguments);
    arguments.extend(["-o", "json"]);
    let mut figures: [Vec<f64>; 3] = Default::default();
    let mut hashes = Vec::new();
    for _ in 0..runs {
        let text = run::program_of(management, &arguments).output()?;
        let json: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", whole.name))?;
        for (list, field) in figures.iter_mut().zip(["wall_s", "peak_rss_bytes", "events_per_s"]) {
            list.push(json[field].as_f64().ok_or_else(|| format!("{}: no {field}", whole.name))?);
        }
        hashes.push(json["journal_hash"].to_string());
    }
    hashes.dedup();
    if hashes.len() > 1 {
        return Err(format!("{}: the same run gave different hashes: {}", whole.name, hashes.join(", ")));
    }
    Ok(figures.map(|mut list| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    }))
}

/// A target, and a figure's share of it, as cells of a table.
fn beside(figure: f64, target: Option<f64>) -> (String, String) {
    match target.filter(|most| most.is_finite()) {
        Some(most) => (most.to_string(), format!("{:.0} %", 100.0 * figure / most)),
        None => ("-".to_owned(), "-".to_owned()),
    }
}
