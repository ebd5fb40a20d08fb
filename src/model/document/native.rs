//! The native job document (docs/formats/job.md), for jobs submitted live and for job templates of scenarios.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{HealthDocument, NetworkDocument, Volumes};
use super::{BadDocument, container, ports, read_json};
use crate::{
    Bytes, Condition, Constraint, ContainerSpec, Cores, Distribution, JobBody, JobSpec, Labels, Name, OnFailure, Pin, PlacementRules,
    Preference, Seconds, Simulate, TaskKind, TaskSpec,
};

/// Attempts of a task that names none.
const DEFAULT_ATTEMPTS: u16 = 3;
/// Grace period of a task that names none, seconds.
const DEFAULT_STOP_GRACE: Seconds = Seconds(crate::Millis(10_000));
/// The most instances that one job may expand to.
const MOST_INSTANCES: u64 = 10_000_000;

/// A job document.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NativeJob {
    /// The job's name.
    pub name: Name,
    /// Who it belongs to.
    #[serde(default)]
    pub tenant: Option<Name>,
    /// Higher goes first under the priority order.
    #[serde(default)]
    pub priority: i32,
    /// The user's labels.
    #[serde(default)]
    pub labels: Labels,
    /// What a failed task does to its mates.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Where its tasks may go.
    #[serde(default)]
    pub placement: JobPlacement,
    /// The network that its tasks share; not simulated.
    #[serde(default)]
    pub network: Option<NetworkDocument>,
    /// Tasks that become ready together are placed together or not at all.
    #[serde(default = "yes")]
    pub gang: bool,
    /// Seconds from submission to when it should have ended.
    #[serde(default)]
    pub deadline_s: Option<Seconds>,
    /// Whether an attempt whose outcome is unknown must not be repeated.
    #[serde(default)]
    pub at_most_once: bool,
    /// The tasks by name.
    #[serde(deserialize_with = "super::tasks")]
    #[schemars(with = "BTreeMap<Name, NativeTask>", extend("minProperties" = 1))]
    pub tasks: IndexMap<Name, NativeTask>,
}

/// Where the tasks of a job may go.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobPlacement {
    /// The engine; only `any` means something to the simulator.
    pub(super) engine: Option<String>,
    /// The site; not simulated.
    pub(super) site: Option<String>,
    /// A policy wish of the job; the cluster's policy decides.
    pub(super) policy: Option<String>,
    /// Conditions on the node's labels; all must hold.
    pub(super) constraints: Vec<Constraint>,
    /// Wishes about the node's labels.
    pub(super) preferences: Vec<Preference>,
    /// Prefer nodes that hold no other task of the job.
    pub(super) spread: Spread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spread {
    #[default]
    None,
    Nodes,
}

/// A task of a job document.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NativeTask {
    /// `container` (runs to its end) or `service` (runs until stopped).
    pub kind: Kind,
    /// Image reference.
    #[serde(default)]
    pub image: String,
    /// Program and arguments.
    #[serde(default)]
    pub command: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Container port (`80`, `80/tcp` or `80/udp`) to host port. On a node a host port has one holder at a time.
    #[serde(default)]
    #[schemars(schema_with = "ports::schema")]
    pub ports: BTreeMap<String, u16>,
    /// Named volumes, folders of the node that its worker allows, or `@job` and `@task`, which are the same on every node, to where the container
    /// sees them.
    #[serde(default)]
    pub volumes: Volumes,
    /// How it is known to be well.
    #[serde(default)]
    pub health: Option<HealthDocument>,
    /// Instances of a container task.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub count: Option<u32>,
    /// Instances of a service.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub replicas: Option<u32>,
    /// Cores and memory of each instance.
    pub resources: Resources,
    /// Tasks that it waits for.
    #[serde(default)]
    pub depends_on: Vec<DependsOn>,
    /// Attempts, the first included (default 3).
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub attempts: Option<u16>,
    /// As the job's, for this task alone.
    #[serde(default)]
    pub at_most_once: bool,
    /// The longest that an attempt may run, seconds.
    #[serde(default)]
    pub timeout_s: Option<Seconds>,
    /// The user's estimate of its run time, seconds; without one it is never backfilled.
    #[serde(default)]
    pub expected_s: Option<Seconds>,
    /// How long a stopped task may take to end by itself, seconds (default 10).
    #[serde(default)]
    pub stop_grace_s: Option<Seconds>,
    /// When an engine restarts it by itself; attempts decide in simulation.
    #[serde(default)]
    pub restart: Option<String>,
    /// `self`: instances on different nodes.
    #[serde(default)]
    pub anti_affinity: Option<AntiAffinity>,
    /// Node and cores chosen by the client.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// True behaviour in simulation only.
    #[serde(default)]
    pub simulate: SimulateDocument,
}

/// Kinds of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Runs to its end.
    Container,
    /// Runs until it is stopped.
    Service,
}

/// Cores and memory of an instance.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    #[schemars(extend("minimum" = 1))]
    pub(super) cores: Cores,
    #[serde(default)]
    pub(super) memory: Bytes,
    /// Disk; not scheduled.
    #[serde(default)]
    pub(super) storage: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
/// Which other instances a task keeps away from.
pub enum AntiAffinity {
    /// Instances of the same task.
    #[serde(rename = "self")]
    Itself,
}

/// A task that another one waits for.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object as in {\"task\": \"a\"}")]
pub struct DependsOn {
    pub(super) task: Name,
    #[serde(default)]
    pub(super) condition: Condition,
}

/// True behaviour of a task in simulation.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SimulateDocument {
    pub(super) duration_s: Option<Distribution>,
    #[schemars(range(min = 0, max = 1))]
    pub(super) failure_probability: f64,
    pub(super) start_delay_s: Option<Distribution>,
}

impl From<SimulateDocument> for Simulate {
    fn from(document: SimulateDocument) -> Self {
        let SimulateDocument { duration_s: duration, failure_probability, start_delay_s: start_delay } = document;
        Self { duration, failure_probability, start_delay }
    }
}

impl From<Simulate> for SimulateDocument {
    fn from(simulate: Simulate) -> Self {
        let Simulate { duration: duration_s, failure_probability, start_delay: start_delay_s } = simulate;
        Self { duration_s, failure_probability, start_delay_s }
    }
}

fn yes() -> bool {
    true
}

/// Reads a native job document.
///
/// # Errors
/// Names the field that is wrong, with the line and column where the text itself is broken.
///
/// ```
/// let job = model::document::native_job(r#"{"name": "tide", "tasks": {"run":
///     {"kind": "container", "resources": {"cores": 2, "memory": "1g"}, "expected_s": 60}}}"#).unwrap();
/// assert_eq!(job.body.tasks[0].cores, model::Cores(2));
/// ```
pub fn native_job(text: &str) -> Result<JobSpec, BadDocument> {
    let document: NativeJob = read_json(text.as_bytes()).map_err(|error| BadDocument::new(error.path().to_string(), error.inner()))?;
    document.try_into()
}

impl TryFrom<NativeJob> for JobSpec {
    type Error = BadDocument;

    fn try_from(document: NativeJob) -> Result<Self, BadDocument> {
        if document.tasks.is_empty() {
            return Err(BadDocument::new("tasks", "a job needs at least one task"));
        }
        let instances: u64 = document.tasks.values().map(|task| u64::from(task.instances())).sum();
        if instances > MOST_INSTANCES {
            return Err(BadDocument::new("tasks", format!("{instances} task instances: at most {MOST_INSTANCES} in one job")));
        }
        check_weights(&document.placement.preferences)?;
        let tasks = document.tasks.iter().map(|(name, task)| task.to_spec(name, &document)).collect::<Result<Vec<_>, _>>()?;
        refuse_cycles(&tasks)?;
        refuse_overlapping_pins(&tasks)?;
        if document.gang {
            ports::refuse_shared("tasks", &tasks)?;
        }
        Ok(Self {
            name: document.name,
            body: Arc::new(JobBody {
                tenant: document.tenant,
                priority: document.priority,
                labels: document.labels,
                on_failure: document.on_failure,
                gang: document.gang,
                deadline: document.deadline_s.map(|seconds| seconds.0),
                tasks: tasks.into_iter().map(Arc::new).collect(),
            }),
        })
    }
}

impl NativeTask {
    fn instances(&self) -> u32 {
        self.count.or(self.replicas).unwrap_or(1)
    }

    fn to_spec(&self, name: &Name, job: &NativeJob) -> Result<TaskSpec, BadDocument> {
        let bad = |field: &str, cause: &str| Err(BadDocument::new(format!("tasks.{name}.{field}"), cause));
        if self.count.is_some() && self.replicas.is_some() {
            return bad("replicas", "both `count` and `replicas` are given; use one");
        }
        if self.instances() == 0 {
            return bad(if self.count.is_some() { "count" } else { "replicas" }, "it is 0: a task needs at least one instance");
        }
        if self.resources.cores == Cores::ZERO {
            return bad("resources.cores", "it is 0: a task needs at least one whole core");
        }
        if self.attempts == Some(0) {
            return bad("attempts", "it is 0: the first attempt counts, so at least 1");
        }
        if !(0.0..=1.0).contains(&self.simulate.failure_probability) {
            return bad("simulate.failure_probability", "a probability lies between 0 and 1");
        }
        if let Some(pin) = &self.pin
            && !pin.cpuset.is_empty()
            && (pin.cpuset.count() != self.resources.cores || self.instances() > 1)
        {
            return bad("pin.cpuset", "it must name as many cores as `resources.cores`, for one instance");
        }
        ports::check(&format!("tasks.{name}.ports"), &self.ports)?;
        let volumes = container::volumes(&format!("tasks.{name}.volumes"), &self.volumes)?;
        let health = self.health.as_ref().map(|check| container::health(&format!("tasks.{name}.health"), check)).transpose()?;
        let network = job.network.as_ref().map(|network| container::network("network", network)).transpose()?;
        let mut depends_on = Vec::with_capacity(self.depends_on.len());
        for dependency in &self.depends_on {
            match job.tasks.get_index_of(dependency.task.as_str()) {
                Some(index) => depends_on.push((index as u16, dependency.condition)),
                None => return bad("depends_on", &format!("the job has no task `{}`", dependency.task)),
            }
        }
        let kind = match self.kind {
            Kind::Container => TaskKind::Container,
            Kind::Service => TaskKind::Service,
        };
        let container = ContainerSpec {
            image: self.image.clone(),
            command: self.command.clone(),
            environment: self.environment.clone(),
            ports: self.ports.clone(),
            volumes,
            network,
            health,
        };
        Ok(TaskSpec {
            name: name.clone(),
            kind,
            count: self.instances(),
            cores: self.resources.cores,
            memory: self.resources.memory,
            rules: PlacementRules {
                constraints: job.placement.constraints.clone(),
                preferences: job.placement.preferences.clone(),
                spread: job.placement.spread == Spread::Nodes,
                anti_affinity: self.anti_affinity.is_some(),
                pin: self.pin.clone(),
            },
            depends_on,
            attempts: self.attempts.unwrap_or(DEFAULT_ATTEMPTS),
            at_most_once: self.at_most_once || job.at_most_once,
            timeout: self.timeout_s.map(|seconds| seconds.0),
            expected: self.expected_s.map(|seconds| seconds.0),
            stop_grace: self.stop_grace_s.unwrap_or(DEFAULT_STOP_GRACE).0,
            simulate: self.simulate.into(),
            container: (container != ContainerSpec::default()).then(|| Box::new(container)),
        })
    }
}

fn check_weights(preferences: &[Preference]) -> Result<(), BadDocument> {
    match preferences.iter().position(|wish| !Preference::WEIGHTS.contains(&wish.weight)) {
        None => Ok(()),
        Some(index) => Err(BadDocument::new(format!("placement.preferences[{index}].weight"), "a wish counts from 1 to 100")),
    }
}

/// Kahn's algorithm: what cannot be ordered lies on a cycle or behind one.
fn refuse_cycles(tasks: &[TaskSpec]) -> Result<(), BadDocument> {
    let mut done = vec![false; tasks.len()];
    loop {
        let mut progress = false;
        for (index, task) in tasks.iter().enumerate() {
            if !done[index] && task.depends_on.iter().all(|&(other, _)| done[usize::from(other)]) {
                done[index] = true;
                progress = true;
            }
        }
        if !progress {
            break;
        }
    }
    match tasks.iter().zip(&done).find(|(_, done)| !**done) {
        None => Ok(()),
        Some((task, _)) => Err(BadDocument::new(format!("tasks.{}.depends_on", task.name), "the tasks wait for each other in a circle")),
    }
}

fn refuse_overlapping_pins(tasks: &[TaskSpec]) -> Result<(), BadDocument> {
    let pins: Vec<_> = tasks.iter().filter_map(|task| task.rules.pin.as_ref().map(|pin| (&task.name, pin))).collect();
    for (index, (name, pin)) in pins.iter().enumerate() {
        for (earlier, other) in &pins[..index] {
            if pin.node == other.node && !pin.cpuset.is_disjoint(&other.cpuset) {
                return Err(BadDocument::new(
                    format!("tasks.{name}.pin.cpuset"),
                    format!("`{}` overlaps `{}` of task `{earlier}` on node `{}`", pin.cpuset, other.cpuset, pin.node),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(task: &str) -> String {
        native_job(&format!(r#"{{"name": "j", "tasks": {{"a": {task}}}}}"#)).unwrap_err().to_string()
    }

    #[test]
    fn each_bad_field_is_named() {
        for (task, field) in [
            (r#"{"kind": "container", "resources": {"cores": 0}}"#, "tasks.a.resources.cores"),
            (r#"{"kind": "container", "resources": {"cores": -2}}"#, "tasks.a.resources.cores"),
            (r#"{"kind": "container", "resources": {"cores": 1, "memory": "1q"}}"#, "tasks.a.resources.memory"),
            (r#"{"kind": "operator", "resources": {"cores": 1}}"#, "tasks.a.kind"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "expected_s": -1}"#, "tasks.a.expected_s"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "depends_on": [{"task": "a"}]}"#, "tasks.a.depends_on"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "depends_on": [{"task": "b"}]}"#, "tasks.a.depends_on"),
            (r#"{"kind": "container", "resources": {"cores": 2}, "pin": {"node": "n", "cpuset": "0"}}"#, "tasks.a.pin.cpuset"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "replicas": 0}"#, "tasks.a.replicas"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "colour": 1}"#, "tasks.a.colour"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "ports": {"80/tcp": 0}}"#, "tasks.a.ports.80/tcp: it is 0"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "ports": {"80/tcp": 65536}}"#, "tasks.a.ports.80/tcp: "),
            (r#"{"kind": "container", "resources": {"cores": 1}, "ports": {"80/tcp": -1}}"#, "tasks.a.ports.80/tcp: "),
            (r#"{"kind": "container", "resources": {"cores": 1}, "ports": {"80/sctp": 80}}"#, "tasks.a.ports: `80/sctp`"),
            (r#"{"kind": "container", "resources": {"cores": 1}, "ports": {"../x": 80}}"#, "tasks.a.ports: `../x`"),
            (
                r#"{"kind": "container", "resources": {"cores": 1}, "ports": {"80": 8080, "81/tcp": 8080}}"#,
                "tasks.a.ports.81/tcp: host port",
            ),
            (
                r#"{"kind": "service", "resources": {"cores": 1}, "replicas": 2, "pin": {"node": "n"}, "ports": {"80": 80}}"#,
                "tasks.a.ports: host port 80/tcp",
            ),
        ] {
            assert!(refusal(task).starts_with(field), "{task}: {}", refusal(task));
        }
    }

    #[test]
    fn a_wish_counts_from_1_to_100() {
        let job = |weight: &str| {
            let wish = |weight: &str| format!(r#"{{"label": "zone", "op": "exists", "weight": {weight}}}"#);
            native_job(&format!(
                r#"{{"name": "j", "placement": {{"preferences": [{}, {}]}}, "tasks": {{"a": {{"kind": "container", "resources": {{"cores": 1}}}}}}}}"#,
                wish("1"),
                wish(weight)
            ))
        };
        assert!(job("1").is_ok() && job("100").is_ok());
        for weight in ["0", "101", "256", "-1", "1.5"] {
            assert_eq!(job(weight).unwrap_err().field, "placement.preferences[1].weight", "{weight}");
        }
    }

    #[test]
    fn a_task_name_may_come_once() {
        let task = r#""a": {"kind": "container", "resources": {"cores": 1}}"#;
        let error = native_job(&format!(r#"{{"name": "j", "tasks": {{{task}, {task}}}}}"#)).unwrap_err();
        assert!(error.field.starts_with("tasks") && error.cause.starts_with("duplicate task `a`"), "{error}");
    }

    #[test]
    fn a_host_port_of_one_node_serves_one_task_of_a_gang() {
        let job = |gang: bool, host: u16, waits: &str| {
            native_job(&format!(
                r#"{{"name": "j", "gang": {gang}, "tasks": {{
                    "a": {{"kind": "container", "resources": {{"cores": 1}}, "pin": {{"node": "n"}}, "ports": {{"80": 8080, "80/udp": 8080}}}},
                    "b": {{"kind": "container", "resources": {{"cores": 1}}, "pin": {{"node": "n"}}, "ports": {{"81": {host}}}, "depends_on": [{waits}]}}}}}}"#
            ))
        };
        let error = job(true, 8080, "").unwrap_err();
        assert!(error.field == "tasks.b.ports" && error.cause.contains("task `a` asks for host port 8080/tcp of node `n`"), "{error}");
        // Another port, one after the other, or each when there is room.
        assert!(job(true, 8081, "").is_ok() && job(true, 8080, r#"{"task": "a"}"#).is_ok() && job(false, 8080, "").is_ok());
    }

    #[test]
    fn pinned_cores_may_not_overlap() {
        let error = native_job(
            r#"{"name": "j", "tasks": {
                "a": {"kind": "container", "resources": {"cores": 2}, "pin": {"node": "n", "cpuset": "0-1"}},
                "b": {"kind": "container", "resources": {"cores": 2}, "pin": {"node": "n", "cpuset": "1-2"}}}}"#,
        )
        .unwrap_err();
        assert_eq!(error.field, "tasks.b.pin.cpuset");
    }
}
