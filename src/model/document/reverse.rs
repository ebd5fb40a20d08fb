//! The way back: a typed job as a native document, for saved states.

use std::sync::Arc;

use super::native::{AntiAffinity, DependsOn, JobPlacement, Kind, NativeJob, NativeTask, Resources, Spread};
use crate::{Bytes, JobSpec, PlacementRules, Seconds, TaskKind, TaskSpec};

impl From<&JobSpec> for NativeJob {
    /// The document that reads back as the same job. Where a job may go is written once for all of its tasks, as the document has
    /// it, from the first of them, and so is their network; what a document says and a job does not keep (engine, site) is gone.
    fn from(job: &JobSpec) -> Self {
        let body = &job.body;
        let rules = body.tasks.first().map(|task| &task.rules);
        Self {
            name: job.name.clone(),
            tenant: body.tenant.clone(),
            priority: body.priority,
            labels: body.labels.clone(),
            on_failure: body.on_failure,
            placement: rules.map(JobPlacement::from).unwrap_or_default(),
            network: body.tasks.iter().find_map(|task| task.container.as_ref()?.network.as_ref()).map(Into::into),
            gang: body.gang,
            deadline_s: body.deadline.map(Seconds),
            at_most_once: false,
            tasks: body.tasks.iter().map(|task| (task.name.clone(), document_of(task, &body.tasks))).collect(),
        }
    }
}

impl From<&PlacementRules> for JobPlacement {
    fn from(rules: &PlacementRules) -> Self {
        Self {
            constraints: rules.constraints.clone(),
            preferences: rules.preferences.clone(),
            spread: if rules.spread { Spread::Nodes } else { Spread::None },
            ..Self::default()
        }
    }
}

fn document_of(task: &TaskSpec, all: &[Arc<TaskSpec>]) -> NativeTask {
    let (kind, count, replicas) = match task.kind {
        TaskKind::Container => (Kind::Container, Some(task.count), None),
        TaskKind::Service => (Kind::Service, None, Some(task.count)),
    };
    let container = task.container.as_deref().cloned().unwrap_or_default();
    let depends_on = |&(index, condition): &(u16, _)| DependsOn { task: all[usize::from(index)].name.clone(), condition };
    NativeTask {
        kind,
        image: container.image,
        command: container.command,
        environment: container.environment,
        ports: container.ports,
        volumes: container.volumes.iter().map(|volume| (volume.source.clone(), volume.into())).collect(),
        health: container.health.as_ref().map(Into::into),
        count,
        replicas,
        resources: Resources { cores: task.cores, memory: task.memory, storage: Bytes::ZERO },
        depends_on: task.depends_on.iter().map(depends_on).collect(),
        attempts: Some(task.attempts),
        at_most_once: task.at_most_once,
        timeout_s: task.timeout.map(Seconds),
        expected_s: task.expected.map(Seconds),
        stop_grace_s: Some(Seconds(task.stop_grace)),
        restart: None,
        anti_affinity: task.rules.anti_affinity.then_some(AntiAffinity::Itself),
        pin: task.rules.pin.clone(),
        simulate: task.simulate.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::document::native_job;
    use crate::{
        Condition, Constraint, ContainerSpec, Cores, CpuSet, Distribution, JobBody, Millis, OnFailure, Operator, Pin, Preference, Simulate,
    };

    fn span() -> impl Strategy<Value = Millis> {
        (0..10_000_000_000u64).prop_map(Millis)
    }

    fn distribution() -> impl Strategy<Value = Distribution> {
        prop_oneof![
            span().prop_map(|span| Distribution::Constant(Seconds(span))),
            (1e-3..1e9).prop_map(|mean| Distribution::Exponential { mean }),
            (-20.0..20.0, 0.0..10.0).prop_map(|(mu, sigma)| Distribution::Lognormal { mu, sigma }),
            (1e-3..1e9, 1e-3..1e3).prop_map(|(scale, shape)| Distribution::Pareto { scale, shape }),
            (0.0..1e3, 1e3..1e9).prop_map(|(low, high)| Distribution::Uniform { low, high }),
        ]
    }

    fn container() -> impl Strategy<Value = ContainerSpec> {
        (
            "[a-z]{1,9}",
            vec(".{0,9}", 0..3),
            btree_map("[A-Z]{1,5}", ".{0,9}", 0..3),
            btree_map("[1-9][0-9]{0,3}(/tcp|/udp|)", 1..=u16::MAX, 0..2),
        )
            .prop_map(|(image, command, environment, ports)| ContainerSpec {
                image,
                command,
                environment,
                ports,
                ..ContainerSpec::default()
            })
    }

    /// A task whose name, dependencies and shared rules are still to be set; it is pinned where `pinned` says so.
    fn task() -> impl Strategy<Value = TaskSpec> {
        let numbers = (1..4u32, 1..200u32, 0..1u64 << 50, 1..50u16, any::<bool>(), any::<bool>(), 0..3u8);
        let times = (option::of(span()), option::of(span()), span(), option::of(distribution()), 0.0..=1.0f64, option::of(distribution()));
        (numbers, times, option::of(container())).prop_map(|(numbers, times, mut container)| {
            let (count, cores, memory, attempts, at_most_once, anti_affinity, kind) = numbers;
            let (timeout, expected, stop_grace, duration, failure_probability, start_delay) = times;
            let cpuset = if count == 1 { CpuSet::first(Cores(cores)) } else { CpuSet::new() };
            let pin = (kind == 2).then(|| Pin { node: "n".parse().unwrap(), cpuset });
            if let (Some(_), Some(container)) = (&pin, &mut container) {
                // Two that are pinned there might ask for one port.
                container.ports.clear();
            }
            TaskSpec {
                name: "t".parse().unwrap(),
                kind: if kind == 0 { TaskKind::Service } else { TaskKind::Container },
                count,
                cores: Cores(cores),
                memory: Bytes(memory),
                rules: PlacementRules { anti_affinity, pin, ..PlacementRules::default() },
                depends_on: Vec::new(),
                attempts,
                at_most_once,
                timeout,
                expected,
                stop_grace,
                simulate: Simulate { duration, failure_probability, start_delay },
                container: container.map(Box::new),
            }
        })
    }

    fn job() -> impl Strategy<Value = JobSpec> {
        let rules = (vec(("[a-z]{1,5}", vec("[a-z]{0,3}", 0..3)), 0..3), vec(("[a-z]{1,5}", Preference::WEIGHTS), 0..3), any::<bool>());
        let job = (option::of(Just("team")), any::<i32>(), btree_map("[a-z]{1,5}", ".{0,5}", 0..3), any::<bool>(), any::<bool>());
        (job, option::of(span()), rules, vec((task(), vec(any::<(prop::sample::Index, bool)>(), 0..3)), 1..5)).prop_map(
            |((tenant, priority, labels, continues, gang), deadline, (constraints, preferences, spread), drawn)| {
                let mut tasks: Vec<TaskSpec> = Vec::new();
                for (index, (mut task, waits)) in drawn.into_iter().enumerate() {
                    task.name = format!("t{index}").parse().unwrap();
                    if let Some(pin) = &mut task.rules.pin {
                        pin.node = format!("n{index}").parse().unwrap();
                    }
                    task.rules.spread = spread;
                    task.rules.constraints = constraints
                        .iter()
                        .map(|(label, values)| Constraint { label: label.clone(), op: Operator::NotIn, values: values.clone() })
                        .collect();
                    task.rules.preferences = preferences
                        .iter()
                        .map(|(label, weight)| Preference {
                            label: label.clone(),
                            op: Operator::Exists,
                            values: Vec::new(),
                            weight: *weight,
                        })
                        .collect();
                    if index > 0 {
                        let condition = |running| if running { Condition::Running } else { Condition::Succeeded };
                        task.depends_on =
                            waits.iter().map(|(earlier, running)| (earlier.index(index) as u16, condition(*running))).collect();
                    }
                    tasks.push(task);
                }
                let on_failure = if continues { OnFailure::Continue } else { OnFailure::FailFast };
                let tenant = tenant.map(|tenant| tenant.parse().unwrap());
                let body =
                    JobBody { tenant, priority, labels, on_failure, gang, deadline, tasks: tasks.into_iter().map(Arc::new).collect() };
                JobSpec { name: "j".parse().unwrap(), body: Arc::new(body) }
            },
        )
    }

    proptest! {
        #[test]
        fn a_job_reads_back_from_its_document(job in job()) {
            let text = serde_json::to_string(&NativeJob::from(&job)).unwrap();
            prop_assert_eq!(native_job(&text), Ok(job));
        }
    }
}
