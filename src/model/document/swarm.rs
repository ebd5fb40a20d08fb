//! The swarm-job document of the earlier system, read into the same [`JobSpec`].

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::container::{NetworkDocument, Volumes};
use super::{BadDocument, container, ports, read_json};
use crate::{
    Bytes, ContainerSpec, Cores, CpuSet, JobBody, JobSpec, Labels, Millis, Name, Network, OnFailure, Pin, PlacementRules, Seconds,
    Simulate, TaskKind, TaskSpec,
};

/// A swarm-job document. Its tasks share one network and start together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SwarmJob {
    job_name: Name,
    job_info: JobInfo,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct JobInfo {
    network: Option<NetworkDocument>,
    #[schemars(with = "BTreeMap<Name, SwarmTask>", extend("minProperties" = 1))]
    #[serde(deserialize_with = "super::tasks")]
    tasks: IndexMap<Name, SwarmTask>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct SwarmTask {
    #[serde(default)]
    node: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    command: String,
    req_cores: Option<Cores>,
    cpu_count: Option<Cores>,
    #[serde(default)]
    cpuset_cpus: CpuSet,
    #[serde(default)]
    mem_limit: Bytes,
    #[serde(default)]
    #[schemars(schema_with = "ports::schema")]
    ports: BTreeMap<String, u16>,
    #[serde(default)]
    volumes: Volumes,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    deadline: Option<Seconds>,
}

impl SwarmJob {
    /// How many task instances it has: one for each task.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.job_info.tasks.len()
    }
}

/// Reads a swarm-job document.
///
/// # Errors
/// Names the field that is wrong.
pub fn swarm_job(text: &str) -> Result<JobSpec, BadDocument> {
    let document: SwarmJob = read_json(text.as_bytes()).map_err(|error| BadDocument::new(error.path().to_string(), error.inner()))?;
    document.try_into()
}

impl TryFrom<SwarmJob> for JobSpec {
    type Error = BadDocument;

    fn try_from(document: SwarmJob) -> Result<Self, BadDocument> {
        if document.job_info.tasks.is_empty() {
            return Err(BadDocument::new("job_info.tasks", "a job needs at least one task"));
        }
        let deadline = document.job_info.tasks.values().filter_map(|task| task.deadline).min();
        let network = document.job_info.network.map(|network| container::network("job_info.network", &network)).transpose()?;
        let tasks = document.job_info.tasks.into_iter();
        let tasks = tasks.map(|(name, task)| task.into_spec(name, network.clone()).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        ports::refuse_shared("job_info.tasks", &tasks)?;
        Ok(Self {
            name: document.job_name,
            body: Arc::new(JobBody {
                tenant: None,
                priority: 0,
                labels: Labels::new(),
                on_failure: OnFailure::FailFast,
                gang: true,
                deadline: deadline.map(|seconds| seconds.0),
                tasks,
            }),
        })
    }
}

impl SwarmTask {
    fn into_spec(self, name: Name, network: Option<Network>) -> Result<TaskSpec, BadDocument> {
        let bad = |field: &str, cause: String| BadDocument::new(format!("job_info.tasks.{name}.{field}"), cause);
        let cores = match (self.req_cores, self.cpu_count) {
            (Some(req), Some(count)) if req != count => {
                return Err(bad("req_cores", format!("it is {} and `cpu_count` is {}: give one", req.0, count.0)));
            }
            (Some(cores), _) | (None, Some(cores)) => cores,
            (None, None) => self.cpuset_cpus.count(),
        };
        if cores == Cores::ZERO {
            return Err(bad("req_cores", "a task needs at least one whole core".into()));
        }
        if !self.cpuset_cpus.is_empty() && self.cpuset_cpus.count() != cores {
            return Err(bad("cpuset_cpus", format!("`{}` does not name {} cores", self.cpuset_cpus, cores.0)));
        }
        let pin = match self.node.as_str() {
            "" => None,
            node => Some(Pin { node: node.parse().map_err(|error| bad("node", format!("{error}")))?, cpuset: self.cpuset_cpus }),
        };
        ports::check(&format!("job_info.tasks.{name}.ports"), &self.ports)?;
        let command = shlex::split(&self.command).ok_or_else(|| bad("command", "its quotes do not close".into()))?;
        let volumes = container::volumes(&format!("job_info.tasks.{name}.volumes"), &self.volumes)?;
        let (image, environment, ports) = (self.image, self.environment, self.ports);
        let container = ContainerSpec { image, command, environment, ports, volumes, network, health: None };
        Ok(TaskSpec {
            name,
            kind: TaskKind::Container,
            count: 1,
            cores,
            memory: self.mem_limit,
            rules: PlacementRules { pin, ..PlacementRules::default() },
            depends_on: Vec::new(),
            attempts: 1,
            at_most_once: false,
            timeout: None,
            expected: None,
            stop_grace: Millis(10_000),
            simulate: Simulate::default(),
            container: Some(Box::new(container)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(task: &str) -> Result<JobSpec, BadDocument> {
        swarm_job(&format!(r#"{{"job_name": "j", "job_info": {{"tasks": {{"j_t": {task}}}}}, "status": "Ready"}}"#))
    }

    #[test]
    fn both_spellings_of_cores_are_read() {
        for task in [r#"{"req_cores": 2, "mem_limit": "10m"}"#, r#"{"cpu_count": 2}"#, r#"{"req_cores": 2, "cpu_count": 2}"#] {
            assert_eq!(job(task).unwrap().body.tasks[0].cores, Cores(2), "{task}");
        }
        assert!(job(r#"{"req_cores": 2, "cpu_count": 3}"#).unwrap_err().field.ends_with("req_cores"));
    }

    #[test]
    fn the_command_is_split_and_never_run_by_a_shell() {
        let spec = job(r#"{"req_cores": 1, "command": "sh -c 'sleep 5; echo hi'"}"#).unwrap();
        assert_eq!(spec.body.tasks[0].container.as_ref().unwrap().command, ["sh", "-c", "sleep 5; echo hi"]);
    }

    #[test]
    fn a_bad_port_is_named() {
        for (ports, field) in [(r#"{"x": 1}"#, "ports"), (r#"{"80/tcp": 0}"#, "ports.80/tcp"), (r#"{"80/tcp": 70000}"#, "ports.80/tcp")] {
            let error = job(&format!(r#"{{"req_cores": 1, "ports": {ports}}}"#)).unwrap_err();
            assert_eq!(error.field, format!("job_info.tasks.j_t.{field}"), "{error}");
        }
    }

    #[test]
    fn a_named_node_pins() {
        let spec = job(r#"{"req_cores": 2, "node": "n1", "cpuset_cpus": "0,3"}"#).unwrap();
        assert_eq!(spec.body.tasks[0].rules.pin.as_ref().unwrap().cpuset.to_string(), "0,3");
    }
}
