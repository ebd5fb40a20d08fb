//! A load: an arrival process over time, and the mix of jobs that it brings.

use std::sync::Arc;

use model::{JobSpec, Millis, Name};
use rand::RngExt as _;

use super::Process;
use crate::sim::random::Stream;

/// One kind of job in a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The template; jobs made from it share its body, and their names are its own with a running number from 0.
    pub job: JobSpec,
    /// How often it comes, against the other weights of the mix.
    pub weight: f64,
}

/// A stretch of load.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// How many jobs in each step.
    pub process: Process,
    /// When the first step begins.
    pub start: Millis,
    /// Length of a step.
    pub interval: Millis,
    /// How many steps.
    pub steps: u64,
    /// The jobs of a step come evenly over it; else all at its beginning.
    pub spread: bool,
    /// What the jobs are; not empty, of weights above 0.
    pub mix: Vec<Share>,
}

impl Load {
    /// The jobs in the order of their arrival. `index` tells loads of one run apart, so that they draw independently.
    #[must_use]
    pub fn arrivals(self: Arc<Self>, seed: u64, index: u64) -> LoadIter {
        let total = self.mix.iter().map(|share| share.weight).sum();
        LoadIter {
            counts: Stream::new(seed, "load/count"),
            picks: Stream::new(seed, "load/mix"),
            index,
            next_step: 0,
            in_step: 0,
            of_step: 0,
            total,
            numbers: vec![0; self.mix.len()],
            load: self,
        }
    }
}

/// The jobs of a [`Load`].
#[derive(Clone, Debug)]
pub struct LoadIter {
    load: Arc<Load>,
    counts: Stream,
    picks: Stream,
    index: u64,
    /// The step after the current one.
    next_step: u64,
    /// Jobs given of the current step.
    in_step: u64,
    /// Jobs of the current step.
    of_step: u64,
    /// Sum of the weights.
    total: f64,
    /// Jobs so far of each template.
    numbers: Vec<u64>,
}

impl Iterator for LoadIter {
    type Item = (Millis, JobSpec);

    fn next(&mut self) -> Option<(Millis, JobSpec)> {
        while self.in_step == self.of_step {
            if self.next_step >= self.load.steps {
                return None;
            }
            self.of_step = self.load.process.jobs(self.next_step, &mut self.counts.at(&[self.index, self.next_step]));
            self.in_step = 0;
            self.next_step += 1;
        }
        let step = self.next_step - 1;
        let begin = self.load.start.0 + step * self.load.interval.0;
        let shift =
            if self.load.spread { u128::from(self.load.interval.0) * u128::from(self.in_step) / u128::from(self.of_step) } else { 0 };
        let which = self.pick(step);
        self.in_step += 1;
        Some((Millis(begin + shift as u64), self.number(which)))
    }
}

impl LoadIter {
    /// Which template the next job is made of.
    fn pick(&self, step: u64) -> usize {
        if self.load.mix.len() == 1 {
            return 0;
        }
        let mut left = self.picks.at(&[self.index, step, self.in_step]).random::<f64>() * self.total;
        let found = self.load.mix.iter().position(|share| {
            left -= share.weight;
            left < 0.0
        });
        // Rounding may leave a crumb behind the last.
        found.unwrap_or(self.load.mix.len() - 1)
    }

    /// A job of a template, with the next number.
    fn number(&mut self, which: usize) -> JobSpec {
        let template = &self.load.mix[which].job;
        let name = format!("{}-{}", template.name, self.numbers[which]);
        self.numbers[which] += 1;
        JobSpec { name: name.parse::<Name>().expect("a template's name leaves room for a number"), body: Arc::clone(&template.body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::document::native_job;

    fn share(name: &str, weight: f64) -> Share {
        let text = format!(r#"{{"name": "{name}", "tasks": {{"t": {{"kind": "container", "resources": {{"cores": 1}}}}}}}}"#);
        Share { job: native_job(&text).unwrap(), weight }
    }

    fn load(process: Process, steps: u64, mix: Vec<Share>) -> Load {
        Load { process, start: Millis(500), interval: Millis(1000), steps, spread: false, mix }
    }

    fn seen(load: &Load, seed: u64) -> Vec<String> {
        Arc::new(load.clone()).arrivals(seed, 0).map(|(at, job)| format!("{}@{}", job.name, at.0)).collect()
    }

    #[test]
    fn jobs_come_at_the_beginning_of_their_step_or_spread_over_it() {
        let mut load = load(Process::Steady { a: 2 }, 2, vec![share("j", 1.0)]);
        assert_eq!(seen(&load, 1), ["j-0@500", "j-1@500", "j-2@1500", "j-3@1500"]);
        load.spread = true;
        assert_eq!(seen(&load, 1), ["j-0@500", "j-1@1000", "j-2@1500", "j-3@2000"]);
        load.process = Process::Steady { a: 0 };
        assert!(seen(&load, 1).is_empty());
    }

    #[test]
    fn the_mix_follows_the_weights_and_bodies_are_shared() {
        let load = Arc::new(load(Process::Steady { a: 100 }, 100, vec![share("often", 3.0), share("seldom", 1.0)]));
        let jobs: Vec<_> = load.clone().arrivals(9, 0).map(|(_, job)| job).collect();
        let often = jobs.iter().filter(|job| Arc::ptr_eq(&job.body, &load.mix[0].job.body)).count();
        assert_eq!(jobs.len(), 10_000);
        assert!((7_300..7_700).contains(&often), "{often}");
    }

    #[test]
    fn the_same_seed_gives_the_same_load_and_another_seed_or_index_another() {
        let load = load(Process::Bursty { lambda: 0.3 }, 50, vec![share("a", 1.0), share("b", 1.0)]);
        assert_eq!(seen(&load, 1), seen(&load, 1));
        assert_ne!(seen(&load, 1), seen(&load, 2));
        let other: Vec<_> = Arc::new(load.clone()).arrivals(1, 1).map(|(at, job)| format!("{}@{}", job.name, at.0)).collect();
        assert_ne!(seen(&load, 1), other);
    }

    #[test]
    fn a_longer_load_begins_like_a_shorter_one() {
        let short = load(Process::Random { lower: 0, upper: 5 }, 10, vec![share("a", 1.0), share("b", 2.0)]);
        let long = Load { steps: 20, ..short.clone() };
        assert!(seen(&long, 4).starts_with(&seen(&short, 4)));
    }
}
