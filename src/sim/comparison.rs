//! Policies compared on the same seeds: one run each, in parallel. A run depends on its configuration alone, so the number of
//! threads changes no result.

use std::sync::atomic::{AtomicBool, Ordering};

use model::Policy;
use rayon::prelude::*;

use super::config::Config;
use super::scenario::Scenario;
use super::simulation::{self, RunError, RunOptions};
use crate::report::effect::PolicyRuns;
use crate::report::files::{EventLog, OutputError};
use crate::report::recording::Recording;
use crate::report::summary::Summary;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The scenario; best with its traces read already.
    pub scenario: &'a Scenario,
    /// The policies, in the order in which they are shown.
    pub policies: &'a [Policy],
    /// The seeds; every policy runs on each.
    pub seeds: &'a [u64],
}

/// Who watches a comparison.
#[derive(Clone, Copy)]
pub struct Observers<'a> {
    /// Ends all runs when it becomes true; those that had begun are partial, those that had not are left out.
    pub interrupted: &'a AtomicBool,
    /// Told of every run that has ended.
    pub ended: &'a (dyn Fn(&Summary) + Sync),
    /// Gives the event log of a policy's run on the first seed.
    pub event_log: &'a (dyn Fn(usize) -> Result<Option<EventLog>, OutputError> + Sync),
}

/// What came out.
#[derive(Debug)]
pub struct Compared {
    /// The figures of every run.
    pub runs: Vec<PolicyRuns>,
    /// Each policy's run on the first seed, by the policy's place in the list.
    pub first: Vec<(usize, Recording)>,
    /// What a reader should know of how input rows became jobs.
    pub notes: Vec<String>,
}

struct Ended {
    policy: usize,
    summary: Summary,
    recording: Option<Recording>,
    notes: Vec<String>,
}

/// Runs every policy on every seed, in the thread pool of the caller.
///
/// # Errors
/// The first error of any run, in the order of seeds, then policies.
pub fn compare(comparison: Comparison, observers: Observers) -> Result<Compared, RunError> {
    let Comparison { scenario, policies, seeds } = comparison;
    let configs = seeds.iter().map(|&seed| scenario.config(seed)).collect::<Result<Vec<Config>, _>>()?;
    let pairs: Vec<(usize, usize)> = (0..seeds.len()).flat_map(|seed| (0..policies.len()).map(move |policy| (seed, policy))).collect();
    let run = |&(seed, policy): &(usize, usize)| -> Result<Option<Ended>, RunError> {
        if observers.interrupted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let config = Config { policy: policies[policy], ..configs[seed].clone() };
        let mut notes = Vec::new();
        let options = RunOptions {
            warmup: scenario.warmup,
            event_log: if seed == 0 { (observers.event_log)(policy)? } else { None },
            interrupted: Some(observers.interrupted),
            notes: Some(&mut notes),
            ..RunOptions::default()
        };
        let recording = simulation::run(&config, scenario.input.open(config.seed)?, options)?;
        (observers.ended)(&recording.summary);
        Ok(Some(Ended { policy, summary: recording.summary.clone(), recording: (seed == 0).then_some(recording), notes }))
    };
    let ended: Vec<Option<Ended>> = pairs.par_iter().map(run).collect::<Result<_, _>>()?;
    let mut compared = Compared { runs: Vec::new(), first: Vec::new(), notes: Vec::new() };
    compared.runs.extend(policies.iter().map(|policy| PolicyRuns { policy: policy.to_string(), runs: Vec::new() }));
    for Ended { policy, summary, recording, notes } in ended.into_iter().flatten() {
        compared.runs[policy].runs.push(summary);
        compared.first.extend(recording.map(|recording| (policy, recording)));
        if compared.notes.is_empty() {
            compared.notes = notes;
        }
    }
    compared.runs.retain(|policy| !policy.runs.is_empty());
    Ok(compared)
}
