//! `management compare`: policies side by side, paired by seed.

use std::path::{Path, PathBuf};

use clap::Args;
use model::Policy;
use serde_json::Value;

use super::arguments::ExperimentArguments;
use super::experiment::Experiment;
use super::failure::{Failure, Outcome};
use super::run_folder::RunFolder;
use super::watch::{Watch, cut_short, interrupted, is_interrupted};
use super::{configuration, terminal, threads, values};
use crate::report::quantity::{Count, Quantity};
use crate::report::table::{self, OutputFormat};
use crate::sim::chance::is_random;
use crate::sim::comparison::{Compared, Comparison, Observers, compare};
use crate::sim::scenario::Scenario;
use model::document::PolicyChoices;

/// Compare policies on the same seeds
///
/// Every policy meets the same jobs, durations and failures on each seed; differences are taken within the pairs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management compare scenario.json --policies first-fit,best-fit,l2
  management compare scenario.json --policies best-fit,best-fit+easy,l2+easy --seeds 20
  management compare --trace pods.csv --format openb --nodes 60 --cores 96 --memory 384GiB \\
      --policies first-fit,l2 -o json

With --out, DIR gets comparison.json, comparison.csv, config.json, report.html, and a folder for each \
policy's run on the first seed, for `management why`.")]
pub struct Compare {
    #[command(flatten)]
    experiment: ExperimentArguments,
    /// Policies, with commas between; each may have choices, as in best-fit+easy
    #[arg(long, value_name = "P,P,...", value_delimiter = ',', required = true, value_parser = values::policy, conflicts_with = "policy")]
    policies: Vec<PolicyChoices>,
    /// How many seeds, from --seed (or the scenario's) upwards; one where nothing is random
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: u32,
    /// Threads (default: one a core); they change no result
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Write the files and the report into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: OutputFormat,
    /// No progress and no notes on stderr
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// Runs the command.
pub fn run(arguments: &Compare) -> Result<Outcome, Failure> {
    let experiment = Experiment::read(&arguments.experiment)?;
    let policies: Vec<Policy> = arguments.policies.iter().map(|&choices| arguments.experiment.policy.over(choices).resolve()).collect();
    refuse_twins(&policies)?;
    let mut scenario = experiment.scenario()?;
    scenario.input = scenario.input.cached()?;
    let (seeds, alone) = seeds(&scenario, arguments.seeds)?;
    let folder = arguments.out.as_deref().map(|out| Folder::create(out, &policies)).transpose()?;
    let watch = Watch::runs(arguments.quiet, policies.len() * seeds.len());
    let comparison = Comparison { scenario: &scenario, policies: &policies, seeds: &seeds };
    let mut compared = perform(comparison, folder.as_ref(), arguments.threads, &watch)?;
    compared.notes.extend(alone);
    if let Some(folder) = folder {
        let configuration = configuration::json(&experiment, &scenario, &scenario.config(seeds[0])?);
        let target = folder.finish(&compared, "Policies compared", configuration)?;
        compared.notes.push(format!("the comparison is in {}", target.display()));
    }
    if !arguments.quiet {
        compared.notes.iter().for_each(|note| terminal::say(&format!("note: {note}")));
    }
    terminal::print(&table::comparison(&compared.runs, arguments.output))?;
    Ok(if is_interrupted() { cut_short() } else { Outcome::Done })
}

/// Runs a comparison on a number of threads.
pub fn perform(comparison: Comparison, folder: Option<&Folder>, count: Option<usize>, watch: &Watch) -> Result<Compared, Failure> {
    let observers = Observers {
        interrupted: interrupted(),
        ended: &|summary| {
            let (jobs, events) = (Count(summary.jobs.submitted), Count(summary.events));
            watch.one_more(format!(
                "{}, seed {}: {jobs} jobs, {events} events in {}",
                summary.policy,
                summary.seed,
                Quantity::Time.show(summary.wall_s)
            ));
        },
        event_log: &|policy| folder.map(|folder| folder.runs[policy].event_log()).transpose(),
    };
    let compared = threads::pool(count)?.install(|| compare(comparison, observers))?;
    watch.clear();
    Ok(compared)
}

/// The seeds, and a note where nothing is random, so that one is enough.
pub fn seeds(scenario: &Scenario, count: u32) -> Result<(Vec<u64>, Option<String>), Failure> {
    let first = scenario.base().seed;
    if count > 1 && !is_random(&scenario.config(first)?, &scenario.input)? {
        return Ok((vec![first], Some("nothing in this load is random: one seed says all".into())));
    }
    Ok(((0..u64::from(count)).map(|more| first.wrapping_add(more)).collect(), None))
}

/// One policy cannot be compared with itself.
fn refuse_twins(policies: &[Policy]) -> Result<(), Failure> {
    let twin = policies.iter().enumerate().find(|(index, policy)| policies[..*index].contains(policy));
    twin.map_or(Ok(()), |(_, policy)| Err(Failure::usage(format!("--policies names `{policy}` twice, as the other flags change it"))))
}

/// The output folder of a comparison: files about all runs, and a folder for each policy's run on the first seed.
pub struct Folder {
    whole: RunFolder,
    runs: Vec<RunFolder>,
    names: Vec<String>,
}

impl Folder {
    /// Begins a folder.
    pub fn create(target: &Path, policies: &[Policy]) -> Result<Self, Failure> {
        let whole = RunFolder::create(target)?;
        let names: Vec<String> = policies.iter().map(Policy::to_string).collect();
        let runs = names.iter().map(|name| whole.inside(name)).collect::<Result<_, _>>()?;
        Ok(Self { whole, runs, names })
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        self.whole.write(name, text)
    }

    /// Writes everything and gives the folder its name.
    pub fn finish(self, compared: &Compared, title: &str, mut configuration: Value) -> Result<PathBuf, Failure> {
        let Self { whole, runs, names } = self;
        let mut folders: Vec<Option<RunFolder>> = runs.into_iter().map(Some).collect();
        for (policy, recording) in &compared.first {
            if let Some(folder) = folders[*policy].take() {
                configuration["policy"] = names[*policy].clone().into();
                folder.write_recording(recording)?;
                folder.write_report(&names[*policy], &configuration, vec![(names[*policy].clone(), recording)])?;
                folder.finish()?;
            }
        }
        configuration["policy"] = names.clone().into();
        whole.write("comparison.json", &table::comparison(&compared.runs, OutputFormat::Json))?;
        whole.write("comparison.csv", &table::comparison(&compared.runs, OutputFormat::Csv))?;
        let shown = compared.first.iter().map(|(policy, recording)| (names[*policy].clone(), recording)).collect();
        whole.write_report(title, &configuration, shown)?;
        whole.finish()
    }
}
