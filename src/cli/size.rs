//! `management size`: the fewest nodes that hold a load.

use clap::Args;
use model::Seconds;
use serde_json::{Value, json};

use super::arguments::ExperimentArguments;
use super::experiment::Experiment;
use super::failure::{Failure, Outcome};
use super::watch::{Watch, interrupted};
use super::{compare, terminal, threads, values};
use crate::report::quantity::Count;
use crate::report::table::OutputFormat;
use crate::sim::sizing::{Criterion, SizeError, Sized, Sizing};

/// Find the fewest nodes that hold a load
///
/// Nodes of the one class are added until nothing waits: every task gets its place in the first round after it became ready.
/// With --p95-wait, until the 95th percentile of the jobs' waits is at most that. Beside it stands the lower bound: the load's
/// peak in cores or memory, whichever needs more nodes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management size scenario.json --policy best-fit
  management size scenario.json --policy l2 --p95-wait 60s --seeds 21 -o json
  management size --trace pods.csv --format dlrm --nodes 1 --cores 192 --memory 2TiB -o json

The scenario's own number of nodes does not matter, but nodes that its faults name must be among those \
found. What is found holds the load, and one node fewer does not.")]
pub struct Size {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// Let the 95th percentile of the jobs' waits be at most this
    #[arg(long, value_name = "TIME", value_parser = values::span)]
    p95_wait: Option<Seconds>,
    /// How many seeds, from --seed (or the scenario's) upwards; one where nothing is random
    #[arg(long, value_name = "K", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: u32,
    /// Threads (default: one a core); they change no result
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: OutputFormat,
    /// No progress and no notes on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Size) -> Result<Outcome, Failure> {
    let experiment = Experiment::read(&arguments.experiment)?;
    if experiment.state().is_some() {
        return Err(Failure::usage("--state has nodes of its own: their number cannot be sought"));
    }
    if experiment.classes().len() != 1 {
        let count = experiment.classes().len();
        return Err(Failure::usage(format!("the scenario has {count} classes of nodes: the number of nodes is sought for one class")));
    }
    let mut scenario = experiment.scenario()?;
    scenario.input = scenario.input.cached()?;
    let (seeds, alone) = compare::seeds(&scenario, arguments.seeds)?;
    let watch = Watch::seeking(arguments.quiet);
    let sizing = Sizing {
        scenario: &scenario,
        scenario_on: &|nodes| {
            let mut on = experiment.with_nodes(nodes).scenario()?;
            on.input = scenario.input.clone();
            Ok(on)
        },
        criterion: arguments.p95_wait.map_or(Criterion::NothingWaits, |Seconds(most)| Criterion::P95Wait(most)),
        interrupted: interrupted(),
        tried: &|seed, nodes, holds| {
            let verdict = if holds { "enough" } else { "too few" };
            watch.one_more(format!("seed {seed}: {nodes} nodes are {verdict}"));
        },
    };
    let sized = threads::pool(arguments.threads)?.install(|| sizing.run(&seeds));
    watch.clear();
    let sized = match sized {
        Err(SizeError::Interrupted) => {
            terminal::say("interrupted before there was a result");
            return Ok(Outcome::Interrupted);
        }
        sized => sized?,
    };
    if let Some(note) = alone.filter(|_| !arguments.quiet) {
        terminal::say(&format!("note: {note}"));
    }
    let policy = scenario.base().policy.to_string();
    terminal::print(&rendered(&Answer::of(policy, arguments.p95_wait, sized), arguments.output))?;
    Ok(Outcome::Done)
}

/// What is said of all seeds together. Percentiles are nearest-rank.
struct Answer {
    policy: String,
    p95_wait: Option<Seconds>,
    min_nodes: (u64, u64),
    lower_bound: u64,
    over_bound_pct: (f64, f64),
    runs: Vec<Sized>,
}

impl Answer {
    fn of(policy: String, p95_wait: Option<Seconds>, runs: Vec<Sized>) -> Self {
        let figures = |of: fn(&Sized) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            let rank = |percent: usize| values[(percent * values.len()).div_ceil(100) - 1];
            (rank(50), rank(90))
        };
        let min_nodes = figures(|run| run.min_nodes as f64);
        let over_bound_pct = figures(|run| 100.0 * (run.min_nodes as f64 / run.lower_bound as f64 - 1.0));
        let lower_bound = figures(|run| run.lower_bound as f64).0 as u64;
        Self { policy, p95_wait, min_nodes: (min_nodes.0 as u64, min_nodes.1 as u64), lower_bound, over_bound_pct, runs }
    }

    fn to_json(&self) -> Value {
        let pair = |median: Value, p90: Value| json!({ "median": median, "p90": p90 });
        json!({
            "policy": self.policy,
            "p95_wait_s": self.p95_wait,
            "min_nodes": pair(self.min_nodes.0.into(), self.min_nodes.1.into()),
            "lower_bound": self.lower_bound,
            "over_bound_pct": pair(self.over_bound_pct.0.into(), self.over_bound_pct.1.into()),
            "runs": self.runs,
        })
    }
}

fn rendered(answer: &Answer, format: OutputFormat) -> String {
    match format {
        OutputFormat::Table => {
            let Answer { policy, p95_wait, min_nodes, lower_bound, over_bound_pct, runs } = answer;
            let so_that = p95_wait
                .map_or("so that no task waits for a place".into(), |Seconds(most)| format!("so that the p95 wait is at most {most}"));
            let [median, p90, bound] = [min_nodes.0, min_nodes.1, *lower_bound].map(Count);
            format!(
                "{policy} needs {median} nodes {so_that}\nnodes        {median} (median), {p90} (90th percentile)\nlower bound  {bound}\n\
                 over bound   {:.1} % (median), {:.1} % (90th percentile)\nseeds        {}\n",
                over_bound_pct.0,
                over_bound_pct.1,
                runs.len()
            )
        }
        OutputFormat::Json => format!("{:#}\n", answer.to_json()),
        OutputFormat::Csv => {
            let rows = answer.runs.iter().map(|run| format!("{},{},{}\n", run.seed, run.min_nodes, run.lower_bound));
            format!("seed,min_nodes,lower_bound\n{}", rows.collect::<String>())
        }
    }
}
