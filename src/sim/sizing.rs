//! The fewest nodes that hold a load: tried out, from the lower bound upwards.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{Bytes, Cores, Millis};
use rayon::prelude::*;
use serde::Serialize;

use super::bound::{Peak, peak};
use super::input::InputError;
use super::scenario::Scenario;
use super::simulation::{self, RunError, RunOptions};

/// When a number of nodes holds a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// No round tries a task and leaves it waiting: each gets its place in the first round after it became ready.
    NothingWaits,
    /// The 95th percentile of the jobs' waits is at most this, and every job has started when the run ends.
    P95Wait(Millis),
}

/// What one seed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sized {
    /// The seed.
    pub seed: u64,
    /// The fewest nodes that hold the load: these do, and one fewer does not.
    pub min_nodes: u64,
    /// What the load's peak needs at least.
    pub lower_bound: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SizeError {
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Some task is larger than a node.
    #[error(
        "a task of the load asks for {} and one for {}, but a node has {} and {} for tasks: no number of such nodes holds the load",
        asked.0, asked.1, node.0, node.1
    )]
    TooLarge {
        /// The most cores, and the most memory, that a task asks for.
        asked: (Cores, Bytes),
        /// What a node has for tasks.
        node: (Cores, Bytes),
    },
    /// No number of nodes is enough.
    #[error("seed {seed}: even {nodes} nodes, more than the load has tasks at once, do not hold it: {why}")]
    NeverEnough {
        /// The seed.
        seed: u64,
        /// How many were tried.
        nodes: u64,
        /// What went wrong on them.
        why: String,
    },
    /// Somebody interrupted.
    #[error("interrupted before there was a result")]
    Interrupted,
}

impl From<InputError> for SizeError {
    fn from(error: InputError) -> Self {
        Self::Run(error.into())
    }
}

/// What is sized.
#[derive(Clone, Copy)]
pub struct Sizing<'a> {
    /// The scenario, with nodes of one class; best with its traces read already.
    pub scenario: &'a Scenario,
    /// The same on another number of nodes.
    pub scenario_on: &'a (dyn Fn(u64) -> Result<Scenario, InputError> + Sync),
    /// When a number of nodes is enough.
    pub criterion: Criterion,
    /// Ends the search when it becomes true.
    pub interrupted: &'a AtomicBool,
    /// Told of every run: the seed, the nodes, whether they held the load.
    pub tried: &'a (dyn Fn(u64, u64, bool) + Sync),
}

impl Sizing<'_> {
    /// The answer of every seed, in their order; worked out in the thread pool of the caller.
    ///
    /// # Errors
    /// The first error, in the order of the seeds.
    pub fn run(&self, seeds: &[u64]) -> Result<Vec<Sized>, SizeError> {
        seeds.par_iter().map(|&seed| self.seed(seed)).collect()
    }

    fn seed(&self, seed: u64) -> Result<Sized, SizeError> {
        let config = self.scenario.config(seed)?;
        let peak = peak(&config, self.scenario.input.open(seed)?)?;
        let class = &config.nodes[0].class;
        let (asked, node) = (peak.largest, (class.task_cores(), class.task_memory()));
        if asked.0 > node.0 || asked.1 > node.1 {
            return Err(SizeError::TooLarge { asked, node });
        }
        let lower_bound = peak.nodes(class);
        let mut why = String::new();
        let found =
            fewest(lower_bound, most(&peak, lower_bound, config.failures.is_some()), self.criterion == Criterion::NothingWaits, |nodes| {
                let fault = self.fault(seed, nodes)?;
                (self.tried)(seed, nodes, fault.is_none());
                why = fault.clone().unwrap_or_default();
                Ok::<_, SizeError>(fault.is_none())
            })?;
        match found {
            Ok(min_nodes) => Ok(Sized { seed, min_nodes, lower_bound }),
            Err(nodes) => Err(SizeError::NeverEnough { seed, nodes, why }),
        }
    }

    /// What keeps a number of nodes from holding the load; nothing, where they hold it.
    fn fault(&self, seed: u64, nodes: u64) -> Result<Option<String>, SizeError> {
        let scenario = match (self.scenario_on)(nodes) {
            // What the scenario says of a node needs the node.
            Err(error) if nodes < self.scenario.base().nodes.len() as u64 => return Ok(Some(error.to_string())),
            scenario => scenario?,
        };
        let config = scenario.config(seed)?;
        let mut refused = false;
        let options = RunOptions {
            warmup: scenario.warmup,
            interrupted: Some(self.interrupted),
            refused: (self.criterion == Criterion::NothingWaits).then_some(&mut refused),
            ..RunOptions::default()
        };
        let summary = simulation::run(&config, scenario.input.open(seed)?, options)?.summary;
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(SizeError::Interrupted);
        }
        Ok(match self.criterion {
            _ if refused => Some("a task has to wait".into()),
            _ if summary.jobs.rejected > 0 => Some(format!("{} jobs find no node that could ever hold them", summary.jobs.rejected)),
            Criterion::P95Wait(_) if summary.jobs.waiting > 0 => Some(format!("{} jobs have not started at the end", summary.jobs.waiting)),
            Criterion::P95Wait(most) if summary.wait_s.p95 > most.as_secs() => Some(format!("the p95 wait is {} s", summary.wait_s.p95)),
            _ => None,
        })
    }
}

/// So many nodes that every task finds an empty one, also while some of them are down.
fn most(peak: &Peak, lower_bound: u64, nodes_fail: bool) -> u64 {
    lower_bound.max((peak.tasks + peak.widest) * if nodes_fail { 4 } else { 1 })
}

/// The fewest that hold, at least 1: galloping up from `lower` in doubling steps, then bisecting. Below `lower` it is looked only
/// where that is no bound. `Err` with `most`, where even that does not hold.
///
/// Whether more nodes always hold what fewer do is not certain (a list scheduler has anomalies); what is certain is that the
/// answer holds and one fewer does not.
fn fewest<E>(lower: u64, most: u64, is_bound: bool, mut holds: impl FnMut(u64) -> Result<bool, E>) -> Result<Result<u64, u64>, E> {
    let (mut fails, mut enough) = (0, lower);
    if !holds(lower)? {
        let mut step = 1;
        loop {
            if enough >= most {
                return Ok(Err(enough));
            }
            fails = enough;
            enough = (lower + step).min(most);
            step *= 2;
            if holds(enough)? {
                break;
            }
        }
    } else if is_bound {
        return Ok(Ok(lower));
    }
    while enough - fails > 1 {
        let middle = fails + (enough - fails) / 2;
        if holds(middle)? {
            enough = middle;
        } else {
            fails = middle;
        }
    }
    Ok(Ok(enough))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_are_found_in_few_tries() {
        for truth in 1..200u64 {
            for lower in 1..=truth {
                let mut tries = 0;
                let found = fewest(lower, 1000, true, |nodes| {
                    tries += 1;
                    Ok::<_, ()>(nodes >= truth)
                });
                assert_eq!(found, Ok(Ok(truth)), "from {lower}");
                assert!(tries <= 2 * (truth - lower + 2).ilog2() + 3, "{tries} tries from {lower} to {truth}");
            }
            for lower in truth..200 {
                assert_eq!(fewest(lower, 1000, false, |nodes| Ok::<_, ()>(nodes >= truth)), Ok(Ok(truth)), "{lower} is no bound");
            }
        }
        assert_eq!(fewest(3, 50, true, |_| Ok::<_, ()>(false)), Ok(Err(50)));
        assert_eq!(fewest(9, 9, true, |_| Ok::<_, ()>(false)), Ok(Err(9)));
    }
}
