//! Sources made of others: kept rows, generated jobs, several sources in one time order, and a saved state before the rest.

use std::sync::Arc;

use model::{JobSpec, Millis};

use super::{InputError, JobSource, Jobs, Rows};
use crate::sim::config::Arrival;
use crate::stress::{Load, LoadIter};

/// Rows that are given away one by one.
pub(super) struct Sorted {
    rows: std::vec::IntoIter<Arrival>,
    notes: Vec<String>,
}

impl Sorted {
    pub(super) fn new(rows: Vec<Arrival>, notes: Vec<String>) -> Self {
        Self { rows: rows.into_iter(), notes }
    }
}

impl Iterator for Sorted {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(Ok)
    }
}

impl JobSource for Sorted {
    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// Rows in memory that many sources share.
pub(super) struct Kept {
    rows: Arc<Rows>,
    next: usize,
}

impl Kept {
    pub(super) fn new(rows: Arc<Rows>) -> Self {
        Self { rows, next: 0 }
    }
}

impl Iterator for Kept {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let arrival = self.rows.jobs.get(self.next)?.clone();
        self.next += 1;
        Some(Ok(arrival))
    }
}

impl JobSource for Kept {
    fn skipped(&self) -> u64 {
        self.rows.skipped
    }

    fn notes(&self) -> Vec<String> {
        self.rows.notes.clone()
    }
}

/// Jobs of an arrival process.
pub(super) struct Generated(LoadIter);

impl Generated {
    pub(super) fn new(load: Arc<Load>, seed: u64, index: u64) -> Self {
        Self(load.arrivals(seed, index))
    }
}

impl Iterator for Generated {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(at, spec): (Millis, JobSpec)| Ok(Arrival::new(at, spec)))
    }
}

impl JobSource for Generated {}

/// Several sources in one time order; at the same time, in the order of the list.
pub(super) fn merged(mut parts: Vec<Jobs>) -> Jobs {
    match parts.len() {
        1 => parts.remove(0),
        _ => Box::new(Merged { parts: parts.into_iter().map(|jobs| Part { head: None, jobs, done: false }).collect() }),
    }
}

struct Merged {
    parts: Vec<Part>,
}

struct Part {
    head: Option<Arrival>,
    jobs: Jobs,
    done: bool,
}

impl Iterator for Merged {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        for part in &mut self.parts {
            if part.head.is_none() && !part.done {
                match part.jobs.next() {
                    Some(Ok(arrival)) => part.head = Some(arrival),
                    Some(Err(error)) => return Some(Err(error)),
                    None => part.done = true,
                }
            }
        }
        let first = self.parts.iter_mut().filter(|part| part.head.is_some()).min_by_key(|part| part.head.as_ref().map(|job| job.at))?;
        first.head.take().map(Ok)
    }
}

impl JobSource for Merged {
    fn skipped(&self) -> u64 {
        self.parts.iter().map(|part| part.jobs.skipped()).sum()
    }

    fn notes(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| part.jobs.notes()).collect()
    }
}

/// The jobs of a saved state, then others whose zero is the time of the state.
pub(super) fn resumed(saved: Arc<[Arrival]>, start: Millis, rest: Jobs) -> Jobs {
    Box::new(Resumed { saved, next: 0, start, rest })
}

struct Resumed {
    saved: Arc<[Arrival]>,
    next: usize,
    start: Millis,
    rest: Jobs,
}

impl Iterator for Resumed {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(arrival) = self.saved.get(self.next) {
            self.next += 1;
            return Some(Ok(arrival.clone()));
        }
        let shift =
            |arrival: Arrival| Arrival { at: arrival.at.plus(self.start), submitted: arrival.submitted.plus(self.start), ..arrival };
        Some(self.rest.next()?.map(shift))
    }
}

impl JobSource for Resumed {
    fn skipped(&self) -> u64 {
        self.rest.skipped()
    }

    fn notes(&self) -> Vec<String> {
        self.rest.notes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::JobInput;
    use super::*;
    use model::document::native_job;

    fn jobs(name: &str, times: &[u64]) -> Vec<Arrival> {
        let text = format!(r#"{{"name": "{name}", "tasks": {{"t": {{"kind": "container", "resources": {{"cores": 1}}}}}}}}"#);
        let spec = native_job(&text).unwrap();
        times.iter().map(|&at| Arrival::new(Millis(at), spec.clone())).collect()
    }

    fn seen(input: &JobInput) -> Vec<String> {
        input.open(0).unwrap().map(|job| job.map(|job| format!("{}@{}", job.spec.name, job.at.0)).unwrap()).collect()
    }

    #[test]
    fn sources_are_merged_in_time_order_and_ties_keep_the_order_of_the_list() {
        let input = JobInput::from_jobs(jobs("a", &[5, 0, 9])).and_jobs(jobs("b", &[0, 7, 7])).and_jobs(jobs("c", &[7]));
        assert_eq!(seen(&input), ["a@0", "b@0", "a@5", "b@7", "b@7", "c@7", "a@9"]);
        assert_eq!(seen(&input), seen(&input), "it opens again");
        assert!(seen(&JobInput::default()).is_empty());
    }

    #[test]
    fn a_saved_state_comes_first_and_moves_the_zero() {
        let input = JobInput::from_jobs(jobs("new", &[0, 3])).after(jobs("old", &[100, 100]), Millis(100));
        assert_eq!(seen(&input), ["old@100", "old@100", "new@100", "new@103"]);
    }
}
