//! A run, or several policies side by side, as a table, JSON or CSV. Renders; computes nothing but means over seeds.

use clap::ValueEnum;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::effect::{PolicyRuns, pairs};
use super::quantity::{Count, Quantity};
use super::summary::{Spread, Summary};

/// How figures are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// For programs; every figure, in full precision.
    Json,
    /// One row a run, one column a figure.
    Csv,
}

/// One run.
#[must_use]
pub fn run(summary: &Summary, format: OutputFormat) -> String {
    match format {
        OutputFormat::Table => run_table(summary),
        OutputFormat::Json => pretty(&to_json(summary)),
        OutputFormat::Csv => csv_of([summary].into_iter()),
    }
}

/// One row a policy, means over its seeds, as a table for people.
#[must_use]
pub fn policies(policies: &[PolicyRuns]) -> String {
    format!("{}\n", policy_table(policies))
}

/// One row a policy, means over its seeds, and a sentence for each pair.
#[must_use]
pub fn comparison(policies: &[PolicyRuns], format: OutputFormat) -> String {
    match format {
        OutputFormat::Table => {
            let sentences: Vec<String> = pairs(policies).into_iter().map(|pair| pair.sentence).collect();
            format!("{}\n{}\n", policy_table(policies), sentences.join("\n"))
        }
        OutputFormat::Json => pretty(&json!({ "policies": policies, "pairs": pairs(policies) })),
        OutputFormat::Csv => csv_of(policies.iter().flat_map(|policy| &policy.runs)),
    }
}

fn table(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn run_table(summary: &Summary) -> String {
    let mut text: String = facts(summary).iter().map(|(name, fact)| format!("{name:<11} {fact}\n")).collect();
    if summary.partial {
        text.insert_str(0, "PARTIAL: the run was interrupted\n");
    }
    format!("{text}{}\n", spread_table(summary))
}

fn spread_table(summary: &Summary) -> Table {
    let line = |name: &str, spread: &Spread, quantity: Quantity| {
        let figures = [spread.mean, spread.p50, spread.p95, spread.p99, spread.max].map(|value| match quantity {
            Quantity::Number => format!("{value:.2}"),
            _ => quantity.show(value),
        });
        [vec![name.to_owned()], figures.to_vec()].concat()
    };
    table(
        &["", "mean", "median", "95 %", "99 %", "most"],
        vec![
            line("wait", &summary.wait_s, Quantity::Time),
            line("wait of a task", &summary.task_wait_s, Quantity::Time),
            line("turnaround", &summary.turnaround_s, Quantity::Time),
            line("slowdown", &summary.slowdown, Quantity::Number),
            line("bounded slowdown", &summary.bounded_slowdown, Quantity::Number),
        ],
    )
}

fn facts(summary: &Summary) -> [(&'static str, String); 11] {
    let Summary { jobs, tasks, utilisation, fragmentation, nodes_used, .. } = summary;
    let time = |value: f64| Quantity::Time.show(value);
    let share = |value: f64| Quantity::Share.show(value);
    [
        ("policy", format!("{}, seed {}, {} nodes", summary.policy, summary.seed, Count(summary.nodes))),
        (
            "jobs",
            parts(&[
                (jobs.submitted, "submitted"),
                (jobs.completed, "completed"),
                (jobs.failed, "failed"),
                (jobs.rejected, "rejected"),
                (jobs.running, "running"),
                (jobs.waiting, "waiting"),
                (jobs.skipped, "rows skipped"),
            ]),
        ),
        (
            "tasks",
            parts(&[
                (tasks.submitted, "submitted"),
                (tasks.placed, "placed"),
                (tasks.completed, "completed"),
                (tasks.failed, "failed"),
                (tasks.evicted, "evicted"),
                (tasks.migrated, "migrated"),
                (tasks.lost_attempts, "attempts lost with their node"),
            ]),
        ),
        ("accounting", format!("{} tasks lost, {} duplicated", Count(tasks.lost), Count(tasks.duplicated))),
        ("makespan", time(summary.makespan_s)),
        ("cores", format!("{} used on average, {} at most", share(utilisation.cores_mean), share(utilisation.cores_peak))),
        ("memory", format!("{} used on average", share(utilisation.memory_mean))),
        ("stranded", {
            format!("{:.1} cores on average, {}", fragmentation.stranded_cores_mean, share(fragmentation.stranded_share_mean))
        }),
        ("nodes used", format!("{:.1} on average, {} at most", nodes_used.mean, Count(nodes_used.peak))),
        (
            "simulated",
            format!("{} events in {}, {} a second", Count(summary.events), time(summary.wall_s), Count(summary.events_per_s as u64)),
        ),
        ("journal", summary.journal_hash.clone()),
    ]
}

/// Counts with what they count; zeros are left out, but for the first.
fn parts(counts: &[(u64, &str)]) -> String {
    let shown = counts.iter().enumerate().filter(|(index, (count, _))| *index == 0 || *count > 0);
    shown.map(|(_, (count, what))| format!("{} {what}", Count(*count))).collect::<Vec<_>>().join(", ")
}

fn policy_table(policies: &[PolicyRuns]) -> Table {
    let header =
        ["policy", "completed", "failed", "wait", "wait p95", "slowdown", "makespan", "cores", "stranded", "nodes", "lost", "duplicated"];
    let row = |PolicyRuns { policy, runs }: &PolicyRuns| {
        let mean = |of: fn(&Summary) -> f64| runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64;
        let sum = |of: fn(&Summary) -> u64| Count(runs.iter().map(of).sum()).to_string();
        let partial = if runs.iter().any(|run| run.partial) { " (partial)" } else { "" };
        vec![
            format!("{policy}{partial}"),
            Count(mean(|run| run.jobs.completed as f64).round() as u64).to_string(),
            Count(mean(|run| (run.jobs.failed + run.jobs.rejected) as f64).round() as u64).to_string(),
            Quantity::Time.show(mean(|run| run.wait_s.mean)),
            Quantity::Time.show(mean(|run| run.wait_s.p95)),
            format!("{:.2}", mean(|run| run.bounded_slowdown.mean)),
            Quantity::Time.show(mean(|run| run.makespan_s)),
            Quantity::Share.show(mean(|run| run.utilisation.cores_mean)),
            Quantity::Share.show(mean(|run| run.fragmentation.stranded_share_mean)),
            format!("{:.1}", mean(|run| run.nodes_used.mean)),
            sum(|run| run.tasks.lost),
            sum(|run| run.tasks.duplicated),
        ]
    };
    table(&header, policies.iter().map(row).collect())
}

fn to_json(summary: &Summary) -> Value {
    serde_json::to_value(summary).expect("figures have a JSON form")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A header of paths as in `wait_s.p95`, and a row a run.
fn csv_of<'a>(runs: impl Iterator<Item = &'a Summary>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = false;
    for run in runs {
        let mut cells = Vec::new();
        flatten("", &to_json(run), &mut cells);
        let written = (!header).then(|| writer.write_record(cells.iter().map(|(path, _)| path)));
        header = true;
        written
            .unwrap_or(Ok(()))
            .and_then(|()| writer.write_record(cells.iter().map(|(_, value)| value)))
            .expect("rows of one shape can be written to memory");
    }
    let bytes = writer.into_inner().expect("memory takes all bytes");
    String::from_utf8(bytes).expect("figures and names are text")
}

fn flatten(path: &str, value: &Value, cells: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&below, value, cells);
            }
        }
        Value::String(text) => cells.push((path.to_owned(), text.clone())),
        other => cells.push((path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::{Fragmentation, JobCounts, MeanPeak, TaskCounts, Utilisation};

    fn summary(policy: &str, seed: u64, p95: f64) -> Summary {
        Summary {
            policy: policy.to_owned(),
            seed,
            nodes: 100,
            jobs: JobCounts { submitted: 5_000, completed: 4_990, rejected: 10, ..JobCounts::default() },
            tasks: TaskCounts { submitted: 5_000, placed: 5_003, completed: 4_990, failed: 10, lost_attempts: 3, ..TaskCounts::default() },
            wait_s: Spread { mean: 0.25, p50: 0.1, p95, p99: 300.0, max: 9_000.0 },
            makespan_s: 7_200.0,
            utilisation: Utilisation { cores_mean: 0.8125, cores_peak: 1.0, memory_mean: 0.4 },
            fragmentation: Fragmentation { stranded_cores_mean: 12.34, stranded_share_mean: 0.0077 },
            nodes_used: MeanPeak { mean: 81.25, peak: 100 },
            events: 123_456,
            journal_hash: "00ff".to_owned(),
            wall_s: 0.5,
            events_per_s: 246_912.0,
            ..Summary::default()
        }
    }

    #[test]
    fn a_run_is_told_to_people() {
        let text = run(&summary("best-fit", 7, 12.3), OutputFormat::Table);
        let expected = "\
policy      best-fit, seed 7, 100 nodes
jobs        5,000 submitted, 4,990 completed, 10 rejected
tasks       5,000 submitted, 5,003 placed, 4,990 completed, 10 failed, 3 attempts lost with their node
accounting  0 tasks lost, 0 duplicated
makespan    2.0 h
cores       81.2 % used on average, 100.0 % at most
memory      40.0 % used on average
stranded    12.3 cores on average, 0.8 %
nodes used  81.2 on average, 100 at most
simulated   123,456 events in 500.0 ms, 246,912 a second
journal     00ff
┌───────────────────────────────────────────────────────────────────┐
│                        mean     median     95 %      99 %    most │
╞═══════════════════════════════════════════════════════════════════╡
│ wait               250.0 ms   100.0 ms   12.3 s   5.0 min   2.5 h │
│ wait of a task        0.0 s      0.0 s    0.0 s     0.0 s   0.0 s │
│ turnaround            0.0 s      0.0 s    0.0 s     0.0 s   0.0 s │
│ slowdown               0.00       0.00     0.00      0.00    0.00 │
│ bounded slowdown       0.00       0.00     0.00      0.00    0.00 │
└───────────────────────────────────────────────────────────────────┘
";
        assert_eq!(text, expected, "{text}");
        let partial = run(&Summary { partial: true, ..summary("best-fit", 7, 1.0) }, OutputFormat::Table);
        assert!(partial.starts_with("PARTIAL"), "{partial}");
    }

    #[test]
    fn json_is_the_summary_and_csv_names_every_figure() {
        let run_of = summary("best-fit", 7, 12.3);
        let json = run(&run_of, OutputFormat::Json);
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), run_of);
        let csv = run(&run_of, OutputFormat::Csv);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let of = |name: &str| &row[header.iter().position(|column| column == name).unwrap()];
        assert_eq!((of("policy"), of("wait_s.p95"), of("jobs.completed"), of("partial")), ("best-fit", "12.3", "4990", "false"));
    }

    #[test]
    fn policies_stand_side_by_side() {
        let policies: Vec<PolicyRuns> = [("first-fit", 20.0), ("best-fit", 17.0)]
            .into_iter()
            .map(|(policy, p95)| PolicyRuns {
                policy: policy.to_owned(),
                runs: (0..2).map(|seed| summary(policy, seed, p95 + seed as f64)).collect(),
            })
            .collect();
        let text = comparison(&policies, OutputFormat::Table);
        let expected = "\
┌────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
│ policy      completed   failed       wait   wait p95   slowdown   makespan    cores   stranded   nodes   lost   duplicated │
╞════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
│ first-fit       4,990       10   250.0 ms     20.5 s       0.00      2.0 h   81.2 %      0.8 %    81.2      0            0 │
│ best-fit        4,990       10   250.0 ms     17.5 s       0.00      2.0 h   81.2 %      0.8 %    81.2      0            0 │
└────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
best-fit waits 14.6 % less than first-fit at p95 (\u{2212}3.0 s, 95 % CI \u{2212}3.0 to \u{2212}3.0 s)
";
        assert_eq!(text, expected, "{text}");
        let json: Value = serde_json::from_str(&comparison(&policies, OutputFormat::Json)).unwrap();
        assert_eq!(json["pairs"][0]["effects"][0]["difference"], -3.0);
        assert_eq!(json["policies"][1]["runs"][1]["wait_s"]["p95"], 18.0);
        assert_eq!(comparison(&policies, OutputFormat::Csv).lines().count(), 5);
    }
}
