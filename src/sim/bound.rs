//! The lower bound of a cluster's size: what the load holds at its peak where every task starts in the first round after it
//! became ready. No placement of whole tasks can need less, so long as nothing is to wait.
//!
//! The tasks and their true durations, failures and retries are those of the run (the same seed draws the same); messages
//! take no time, and nodes do not fail.

use std::collections::BTreeMap;

use engine::Behaviour as _;
use model::{Bytes, Condition, Cores, JobId, Millis, NodeClass, OnFailure, TaskKey, TaskKind, TaskSpec};

use super::behaviour::Nature;
use super::config::{Arrival, Config};
use super::input::{InputError, Jobs};

/// What a load holds at most at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// Cores.
    pub cores: u64,
    /// Memory, bytes.
    pub memory: u128,
    /// Task instances.
    pub tasks: u64,
    /// Instances of the largest job.
    pub widest: u64,
    /// What one instance asks for at most, dimension by dimension.
    pub largest: (Cores, Bytes),
}

impl Peak {
    /// The fewest nodes of a class that could hold it, at least one.
    #[must_use]
    pub fn nodes(&self, class: &NodeClass) -> u64 {
        let cores = self.cores.div_ceil(u64::from(class.task_cores().0.max(1)));
        let memory = self.memory.div_ceil(u128::from(class.task_memory().0.max(1)));
        cores.max(u64::try_from(memory).unwrap_or(u64::MAX)).max(1)
    }
}

/// Change of what is held at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Delta {
    cores: i64,
    memory: i128,
    tasks: i64,
}

/// The peak of a load.
///
/// # Errors
/// When the input turns out to be wrong.
pub fn peak(config: &Config, jobs: Jobs) -> Result<Peak, InputError> {
    let nature = Nature::new(config.seed, config.timing);
    let mut peak = Peak::default();
    // What ends at the moment of a round is free only for the next one: ends sort behind starts.
    let mut deltas: BTreeMap<(Millis, bool), Delta> = BTreeMap::new();
    for (number, arrival) in jobs.enumerate() {
        let arrival = arrival?;
        peak.widest = peak.widest.max(u64::from(arrival.spec.body.instances()));
        for task in &arrival.spec.body.tasks {
            peak.largest = (peak.largest.0.max(task.cores), peak.largest.1.max(task.memory));
        }
        let job = Ideal { config, nature: &nature, job: JobId(number as u32), arrival: &arrival };
        for Stay { from, until, task } in job.stays() {
            if config.until.is_some_and(|end| from >= end) {
                continue;
            }
            let spec = &arrival.spec.body.tasks[task];
            for (at, sign) in [((from, false), 1), ((until, true), -1)] {
                let delta = deltas.entry(at).or_default();
                delta.cores += i64::from(sign) * i64::from(spec.cores.0);
                delta.memory += i128::from(sign) * i128::from(spec.memory.0);
                delta.tasks += i64::from(sign);
            }
        }
    }
    let mut held = Delta::default();
    for delta in deltas.into_values() {
        held = Delta { cores: held.cores + delta.cores, memory: held.memory + delta.memory, tasks: held.tasks + delta.tasks };
        peak.cores = peak.cores.max(held.cores.unsigned_abs());
        peak.memory = peak.memory.max(held.memory.unsigned_abs());
        peak.tasks = peak.tasks.max(held.tasks.unsigned_abs());
    }
    Ok(peak)
}

/// An attempt's time on a node.
#[derive(Clone, Copy, Debug)]
struct Stay {
    from: Millis,
    until: Millis,
    task: usize,
}

/// When the instances of a task run where nothing ever waits for a place.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// All of them run from here on.
    running: Millis,
    /// All of them have succeeded; never, where one fails or runs on.
    succeeded: Millis,
}

/// A job on a cluster without end.
struct Ideal<'a> {
    config: &'a Config,
    nature: &'a Nature,
    job: JobId,
    arrival: &'a Arrival,
}

impl Ideal<'_> {
    fn stays(&self) -> Vec<Stay> {
        let body = &self.arrival.spec.body;
        let mut courses: Vec<Option<Course>> = vec![None; body.tasks.len()];
        let (mut stays, mut broken) = (Vec::new(), Millis::NEVER);
        // Dependencies have no cycle, so each turn settles at least one task.
        while courses.iter().any(Option::is_none) {
            for index in 0..courses.len() {
                if courses[index].is_none()
                    && let Some(ready) = ready(&body.tasks[index], &courses, self.arrival.at)
                {
                    courses[index] = Some(self.task(index, ready, &mut stays, &mut broken));
                }
            }
        }
        if body.on_failure == OnFailure::FailFast {
            stays.retain(|stay| stay.from <= broken);
            stays.iter_mut().for_each(|stay| stay.until = stay.until.min(broken).max(stay.from));
        }
        stays
    }

    /// The stays of a task's instances.
    fn task(&self, index: usize, ready: Millis, stays: &mut Vec<Stay>, broken: &mut Millis) -> Course {
        let body = &self.arrival.spec.body;
        let mut course = Course { running: ready, succeeded: ready };
        if ready == Millis::NEVER {
            return course;
        }
        let numbers = body.instances_of(index);
        let spec = self.estimated(&body.tasks[index], numbers.start);
        for instance in numbers {
            let key = TaskKey { job: self.job, instance };
            let (mut begin, mut attempt) = (ready.next_round(self.config.timing.round), 1);
            course.running = course.running.max(begin + self.nature.start_delay(key, attempt, &spec));
            loop {
                let (end, succeeds) = self.attempt(key, attempt, &spec, begin);
                stays.push(Stay { from: begin, until: end, task: index });
                if succeeds || end == Millis::NEVER {
                    course.succeeded = course.succeeded.max(end);
                    break;
                }
                if attempt >= spec.attempts {
                    course.succeeded = Millis::NEVER;
                    *broken = (*broken).min(end);
                    break;
                }
                (begin, attempt) = (end.next_round(self.config.timing.round), attempt + 1);
            }
        }
        course
    }

    /// When an attempt ends, and whether well.
    fn attempt(&self, key: TaskKey, attempt: u16, spec: &TaskSpec, begin: Millis) -> (Millis, bool) {
        let (length, exit_code) = self.nature.attempt(key, attempt, spec);
        let overrun = spec.expected.filter(|_| self.config.policy.kill_overrun);
        let limit = spec.timeout.into_iter().chain(overrun).min().unwrap_or(Millis::NEVER);
        let length = length.unwrap_or(Millis::NEVER).max(Millis(1));
        let end = begin.plus(self.nature.start_delay(key, attempt, spec)).plus(length.min(limit));
        (end, exit_code == 0 && length <= limit)
    }

    /// The spec with the estimate that the run gives it.
    fn estimated(&self, spec: &TaskSpec, first: u32) -> TaskSpec {
        let mut spec = spec.clone();
        if let (Some(error), None, TaskKind::Container) = (self.config.estimate_error, spec.expected, spec.kind) {
            spec.expected = Some(self.nature.estimate(self.job, first, &spec, error));
        }
        spec
    }
}

/// When a task becomes ready: none, while a task before it is not settled; never, where one of those fails or runs on.
fn ready(task: &TaskSpec, courses: &[Option<Course>], arrival: Millis) -> Option<Millis> {
    task.depends_on.iter().try_fold(arrival, |ready, &(other, condition)| {
        let course = courses[usize::from(other)]?;
        Some(ready.max(match condition {
            Condition::Succeeded => course.succeeded,
            Condition::Running => course.running,
        }))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sim::input::Source;
    use crate::sim::scenario::{Document, Scenario};

    fn scenario(jobs: &str) -> Scenario {
        let text = format!(r#"{{"nodes": [{{"count": 9, "cores": 4, "memory": "8g"}}], "load": {{"jobs": [{jobs}]}}}}"#);
        let source = Source::new("s.json", text);
        source.parse::<Document>().unwrap().resolve(&source, None).unwrap()
    }

    fn peak_of(jobs: &str) -> (Peak, u64) {
        let scenario = scenario(jobs);
        let config = scenario.config(1).unwrap();
        let peak = peak(&config, scenario.input.open(1).unwrap()).unwrap();
        (peak, peak.nodes(&config.nodes[0].class))
    }

    fn job(at: f64, name: &str, cores: u32, memory: &str, seconds: u32) -> String {
        format!(
            r#"{{"at_s": {at}, "job": {{"name": "{name}", "tasks": {{"t": {{"kind": "container",
                "resources": {{"cores": {cores}, "memory": "{memory}"}}, "simulate": {{"duration_s": {{"constant": {seconds}}}}}}}}}}}}}"#
        )
    }

    #[test]
    fn each_dimension_has_its_own_peak() {
        let jobs = [job(0.0, "a", 3, "1g", 10), job(5.0, "b", 2, "1g", 10), job(20.0, "c", 1, "9g", 10), job(21.0, "d", 1, "8g", 10)];
        let (peak, nodes) = peak_of(&jobs.join(","));
        assert_eq!((peak.cores, peak.memory, peak.tasks, peak.widest), (5, 17 << 30, 2, 1));
        assert_eq!(peak.largest, (Cores(3), Bytes(9 << 30)));
        assert_eq!(nodes, 3, "17 GiB on nodes of 8");
    }

    #[test]
    fn what_ends_with_a_round_is_free_for_the_next() {
        // Both start at the round after they arrive; the first ends at the very moment at which the second starts.
        let touching = [job(0.0, "a", 4, "1g", 10), job(10.0, "b", 4, "1g", 10)].join(",");
        assert_eq!(peak_of(&touching).0.cores, 8);
        let apart = [job(0.0, "a", 4, "1g", 10), job(10.1, "b", 4, "1g", 10)].join(",");
        assert_eq!(peak_of(&apart).0.cores, 4);
    }

    #[test]
    fn dependencies_services_and_failures_are_followed() {
        let chain = r#"{"job": {"name": "chain", "tasks": {
            "second": {"kind": "container", "resources": {"cores": 3}, "depends_on": [{"task": "first"}]},
            "first": {"kind": "container", "resources": {"cores": 2}}}}}"#;
        assert_eq!(peak_of(chain).0.cores, 3, "one after the other");
        let service = r#"{"job": {"name": "s", "tasks": {"t": {"kind": "service", "replicas": 2, "resources": {"cores": 1}}}}}"#;
        assert_eq!(peak_of(&format!("{service},{}", job(9000.0, "late", 4, "1g", 1))).0.cores, 6, "services stay");
        let fails = r#"{"job": {"name": "f", "tasks": {
            "bad": {"kind": "container", "resources": {"cores": 1}, "attempts": 2, "simulate": {"failure_probability": 1}},
            "long": {"kind": "container", "resources": {"cores": 4}, "simulate": {"duration_s": {"constant": 500}}},
            "never": {"kind": "container", "resources": {"cores": 64}, "depends_on": [{"task": "bad"}]}}}}"#;
        assert_eq!(peak_of(&format!("{fails},{}", job(50.0, "late", 4, "1g", 1))).0.cores, 5, "its mates stop with it");
    }

    #[test]
    fn no_run_in_which_nothing_waits_gets_by_with_fewer_nodes() {
        for file in ["small.json", "classes.json", "trace.json"] {
            let scenario = Scenario::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(file)).unwrap();
            let mut config = scenario.config(3).unwrap();
            (config.script, config.failures) = (Vec::new(), None);
            let peak = peak(&config, scenario.input.open(3).unwrap()).unwrap();
            // On a hundred times the nodes nothing waits, and the recorder sees the true peak.
            let nodes = config.nodes.clone();
            config.nodes = (0..100)
                .flat_map(|copy| nodes.iter().map(move |node| (copy, node)))
                .map(|(copy, node)| {
                    let name = format!("{}-{copy}", node.name).parse().unwrap();
                    std::sync::Arc::new(model::NodeSpec { name, class: std::sync::Arc::clone(&node.class) })
                })
                .collect();
            let all: u64 = config.nodes.iter().map(|node| u64::from(node.class.task_cores().0)).sum();
            let recording = crate::sim::simulation::run(&config, scenario.input.open(3).unwrap(), Default::default()).unwrap();
            let seen = (recording.summary.utilisation.cores_peak * all as f64).round() as u64;
            assert_eq!(peak.cores, seen, "{file}");
        }
    }
}
