//! What a policy would do from a saved state on: the simulator runs it forward under that policy and under the present one. Whoever asks,
//! the live system or a file, gets what `simulate --state` of the same state says. Nothing here touches a cluster.

use std::sync::atomic::AtomicBool;

use model::Policy;

use crate::report::summary::Summary;
use crate::sim::config::Config;
use crate::sim::input::Source;
use crate::sim::scenario::{Document, Scenario};
use crate::sim::simulation::{self, RunError, RunOptions};
use crate::sim::state_file;

/// A state that can be run forward.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// BLAKE3 of the state, however its document was laid out.
    pub hash: String,
    scenario: Scenario,
}

impl Frozen {
    /// Reads a state (docs/formats/state.md); none where no job of it is left to run.
    ///
    /// # Errors
    /// Names the field at fault.
    pub fn read(text: &str) -> Result<Option<Self>, RunError> {
        let state = state_file::parse(&Source::new("state", text))?;
        if state.jobs.is_empty() {
            return Ok(None);
        }
        let mut written = Vec::new();
        state.write(&mut written).expect("a state is written to memory");
        let hash = blake3::hash(&written).to_hex().to_string();
        // What `simulate --state` begins with where no flag says more.
        let scenario = Document::default().resolve(&Source::new("", "{}"), Some(&state))?;
        Ok(Some(Self { hash, scenario }))
    }

    /// The figures of a run under a policy until every job has ended, or it is interrupted.
    ///
    /// # Errors
    /// When the state contradicts itself.
    pub fn run(&self, policy: Policy, interrupted: &AtomicBool) -> Result<Summary, RunError> {
        let base = self.scenario.config(self.scenario.base().seed)?;
        let config = Config { policy, ..base };
        let options = RunOptions { warmup: self.scenario.warmup, interrupted: Some(interrupted), ..RunOptions::default() };
        Ok(simulation::run(&config, self.scenario.input.open(config.seed)?, options)?.summary)
    }
}

#[cfg(test)]
mod tests {
    use model::PolicyName;

    use super::*;

    const STATE: &str = include_str!("../../tests/scenarios/whatif-state.json");

    #[test]
    fn a_frozen_state_gives_one_hash_under_one_policy_and_another_under_another() {
        let run = |policy: PolicyName| {
            let frozen = Frozen::read(STATE).unwrap().unwrap();
            let summary = frozen.run(policy.into(), &AtomicBool::new(false)).unwrap();
            assert!(!summary.partial && summary.jobs.completed > 0, "{summary:?}");
            (frozen.hash, summary.journal_hash)
        };
        assert_eq!(run(PolicyName::BestFit), run(PolicyName::BestFit));
        assert_ne!(run(PolicyName::BestFit).1, run(PolicyName::BestFitDecreasing).1);
    }

    #[test]
    fn a_state_in_which_nothing_is_left_to_run_is_none() {
        let empty = STATE.split("\"jobs\"").next().unwrap().to_owned() + "\"jobs\": []}";
        assert!(Frozen::read(&empty).unwrap().is_none());
        assert!(Frozen::read("{\"jobs\": 3}").is_err());
    }
}
