//! Whether the seed of a scenario makes any difference.

use model::{Distribution, Millis};

use super::config::Config;
use super::input::{InputError, JobInput};

/// Whether anything in a run is drawn at random: arrivals, durations, failures, estimates or latencies.
///
/// # Errors
/// When the input cannot be read.
pub fn is_random(config: &Config, input: &JobInput) -> Result<bool, InputError> {
    if config.failures.is_some() || config.timing.jitter > Millis::ZERO || input.draws_arrivals() {
        return Ok(true);
    }
    let estimates = config.estimate_error.is_some_and(|error| error > 0.0);
    for arrival in input.open(config.seed)? {
        for task in &arrival?.spec.body.tasks {
            let mut drawn = task.simulate.duration.iter().chain(&task.simulate.start_delay);
            let draws = drawn.any(|distribution| !matches!(distribution, Distribution::Constant(_)));
            if draws || task.simulate.failure_probability > 0.0 || (estimates && task.expected.is_none()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
