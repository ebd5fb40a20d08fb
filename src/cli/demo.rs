//! `management demo`: four policies on a built-in scenario; no files needed, no network.

use std::path::{Path, PathBuf};

use clap::Args;
use model::{Policy, PolicyName};
use serde_json::{Value, json};

use super::compare::{Folder, perform};
use super::experiment::Experiment;
use super::failure::{Failure, Outcome};
use super::watch::{Watch, cut_short, is_interrupted};
use super::{configuration, live_demo, provenance, terminal};
use crate::report::effect::pairs;
use crate::report::files::names;
use crate::report::recording::{JobRow, Recording};
use crate::report::table::{self, OutputFormat};
use crate::sim::comparison::{Compared, Comparison};

/// The scenario, which the demo leaves beside its results.
const SCENARIO: &str = include_str!("demo/scenario.json");
/// What that file is called.
const SCENARIO_FILE: &str = "scenario.json";
/// The policies, the baseline first.
const POLICIES: [PolicyName; 4] = [PolicyName::FirstFit, PolicyName::BestFit, PolicyName::L2, PolicyName::BestFitDecreasing];
/// The longest-waiting job of this policy's run is worth asking about.
const ASKED: usize = 0;

/// See four policies schedule 5,000 jobs on 100 nodes, or with --live a live system run real processes
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management demo
  management demo --out /tmp/demo --seed 7
  management demo --live

It takes seconds, reads no file and uses no network but this host's own. Same seed, same result.")]
pub struct Demo {
    /// Folder for the report, the scenario and each policy's run
    #[arg(long, value_name = "DIR", default_value = "wharfinger-demo")]
    out: PathBuf,
    /// Seed of every random choice
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Threads (default: one a core); they change no result
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
    /// No progress and no notes on stderr
    #[arg(short, long)]
    quiet: bool,
    /// The live system instead: two workers of this machine run a few dozen real processes
    #[arg(long, conflicts_with_all = ["out", "seed", "threads", "output"])]
    live: bool,
}

/// Runs the command.
pub fn run(arguments: &Demo) -> Result<Outcome, Failure> {
    if arguments.live {
        return live_demo::run(arguments.quiet);
    }
    let experiment = Experiment::built_in(SCENARIO_FILE, SCENARIO)?;
    let scenario = experiment.scenario()?;
    let policies = POLICIES.map(Policy::from);
    let folder = Folder::create(&arguments.out, &policies)?;
    folder.write(SCENARIO_FILE, SCENARIO)?;
    if !arguments.quiet {
        let nodes = scenario.base().nodes.len();
        terminal::say(&format!("{nodes} nodes of 16 cores, 5,000 jobs, {} policies; three nodes die midway", policies.len()));
    }
    let watch = Watch::runs(arguments.quiet, policies.len()).with_lines(!arguments.quiet);
    let seeds = [arguments.seed];
    let comparison = Comparison { scenario: &scenario, policies: &policies, seeds: &seeds };
    let compared = perform(comparison, Some(&folder), arguments.threads, &watch)?;
    let configuration = configuration::json(&experiment, &scenario, &scenario.config(arguments.seed)?);
    folder.finish(&compared, "Four policies, 5,000 jobs, three dying nodes", configuration)?;
    let told = Told::of(&compared, &arguments.out, arguments.seed);
    terminal::print(&told.rendered(&compared, arguments.output))?;
    Ok(if is_interrupted() { cut_short() } else { Outcome::Done })
}

/// What is said below the table.
struct Told {
    verdict: String,
    report: PathBuf,
    next: Vec<String>,
}

impl Told {
    fn of(compared: &Compared, out: &Path, seed: u64) -> Self {
        let file = |file: PathBuf| provenance::quoted(&[file.to_string_lossy().into_owned()]);
        let program = provenance::program();
        let seed = if seed == 1 { String::new() } else { format!(" --seed {seed}") };
        let scenario = file(out.join(SCENARIO_FILE));
        let mut next = vec![
            format!("{program} compare {scenario} --policies best-fit,l2 --seeds 3"),
            format!(
                "{program} simulate {scenario}{seed} --policy l2 --admission easy --out {}",
                file(out.with_file_name("wharfinger-run"))
            ),
        ];
        if let Some((policy, recording)) = compared.first.iter().find(|(policy, _)| *policy == ASKED)
            && let Some(job) = longest_wait(recording)
        {
            next.insert(0, format!("{program} why {} --run {}", job.name, file(out.join(POLICIES[*policy].word()))));
        }
        Self { verdict: verdict(compared), report: out.join(names::REPORT), next }
    }

    fn rendered(&self, compared: &Compared, format: OutputFormat) -> String {
        let comparison = || table::comparison(&compared.runs, format);
        match format {
            OutputFormat::Table => {
                let policies = table::policies(&compared.runs);
                let next: String = self.next.iter().map(|command| format!("  {command}\n")).collect();
                let report = self.report.display();
                format!("{policies}\n{}\n\nThe report is in {report}; open it in a browser.\nNext:\n{next}", self.verdict)
            }
            OutputFormat::Json => {
                let mut value: Value = serde_json::from_str(&comparison()).expect("a comparison is JSON here");
                value["verdict"] = self.verdict.clone().into();
                value["report"] = json!(self.report);
                value["next"] = json!(self.next);
                format!("{value:#}\n")
            }
            OutputFormat::Csv => comparison(),
        }
    }
}

/// The job that waited longest for its first task.
fn longest_wait(recording: &Recording) -> Option<&JobRow> {
    let started = recording.jobs.iter().rev().filter_map(|job| Some((job.started?.since(job.submitted), job)));
    started.max_by_key(|(wait, _)| *wait).map(|(_, job)| job)
}

/// The best policy against the baseline in a sentence, and whether anything got lost.
fn verdict(compared: &Compared) -> String {
    let p95 = |policy: usize| compared.runs[policy].runs.first().map_or(f64::MAX, |run| run.wait_s.p95);
    let Some(best) = (0..compared.runs.len()).min_by(|&one, &other| p95(one).total_cmp(&p95(other))) else {
        return "Interrupted before any run had ended.".into();
    };
    if compared.runs.iter().flat_map(|policy| &policy.runs).any(|run| run.partial) {
        return "Interrupted: the runs were cut short, so they give no verdict.".into();
    }
    let totals = compared.runs.iter().flat_map(|policy| &policy.runs);
    let (lost, twice, killed) = totals.fold((0, 0, 0), |(lost, twice, killed), run| {
        (lost + run.tasks.lost, twice + run.tasks.duplicated, killed + run.tasks.lost_attempts)
    });
    let baseline = &compared.runs[0];
    let best = &compared.runs[best];
    let sentence = pairs(&[baseline.clone(), best.clone()]).pop().filter(|_| baseline.policy != best.policy).map(|pair| pair.sentence);
    let sentence = sentence.unwrap_or_else(|| format!("no policy waits less than {} at p95", baseline.policy));
    format!("Verdict: {sentence}; {killed} attempts died with their nodes, {lost} tasks were lost and {twice} ran twice.")
}
