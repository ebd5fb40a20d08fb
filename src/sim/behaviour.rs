//! How simulated tasks and migrations behave: durations, failures and delays, each a function of the seed and its own key.

use engine::Behaviour;
use model::{Bytes, JobId, Millis, TaskKey, TaskKind, TaskSpec};
use rand::RngExt as _;
use rand_distr::{Distribution as _, StandardNormal};

use super::config::Timing;
use super::random::Stream;

/// The exit code of a simulated failure.
const FAILURE: i32 = 1;
/// How long an attempt runs whose spec says nothing.
const DEFAULT_DURATION: Millis = Millis(1000);

/// The behaviour of everything simulated under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    durations: Stream,
    delays: Stream,
    failures: Stream,
    estimates: Stream,
    timing: Timing,
}

impl Nature {
    /// The behaviour under a seed.
    #[must_use]
    pub fn new(seed: u64, timing: Timing) -> Self {
        Self {
            durations: Stream::new(seed, "duration"),
            delays: Stream::new(seed, "start-delay"),
            failures: Stream::new(seed, "failure"),
            estimates: Stream::new(seed, "estimate"),
            timing,
        }
    }

    fn duration(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> Millis {
        match spec.simulate.duration {
            Some(distribution) => distribution.draw(&mut self.durations.at(&key(task, attempt))),
            None => spec.expected.unwrap_or(DEFAULT_DURATION).max(Millis(1)),
        }
    }

    /// An estimate for a task that has none: what its first instance will take, times exp(error x standard normal).
    #[must_use]
    pub fn estimate(&self, job: JobId, first_instance: u32, spec: &TaskSpec, error: f64) -> Millis {
        let task = TaskKey { job, instance: first_instance };
        let truth = self.duration(task, 1, spec);
        let normal: f64 = StandardNormal.sample(&mut self.estimates.at(&key(task, 1)));
        Millis::from_secs((truth.as_secs() * (error * normal).exp()).min(1e10)).unwrap_or(truth).max(Millis(1))
    }
}

impl Behaviour for Nature {
    fn attempt(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> (Option<Millis>, i32) {
        let probability = spec.simulate.failure_probability;
        let fails = probability > 0.0 && self.failures.at(&key(task, attempt)).random::<f64>() < probability;
        let length = (spec.kind == TaskKind::Container).then(|| self.duration(task, attempt, spec));
        (length, if fails { FAILURE } else { 0 })
    }

    fn start_delay(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> Millis {
        let drawn = spec.simulate.start_delay.map(|distribution| distribution.draw(&mut self.delays.at(&key(task, attempt))));
        drawn.unwrap_or(self.timing.start_delay)
    }

    fn checkpoint_time(&self, memory: Bytes) -> Millis {
        self.timing.migration.checkpoint + per_gib(memory, self.timing.migration.checkpoint_per_gib)
    }

    fn restore_time(&self, size: Bytes, moved: bool) -> Millis {
        let transfer = if moved { per_gib(size, self.timing.migration.transfer_per_gib) } else { Millis::ZERO };
        self.timing.migration.restore + transfer
    }
}

fn key(task: TaskKey, attempt: u16) -> [u64; 3] {
    [u64::from(task.job.0), u64::from(task.instance), u64::from(attempt)]
}

fn per_gib(memory: Bytes, each: Millis) -> Millis {
    Millis(((u128::from(memory.0) * u128::from(each.0)).div_ceil(1 << 30)) as u64)
}
