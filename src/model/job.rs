//! Jobs and tasks as the user specified them. Once admitted, a spec changes by the user's amendments alone.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Bytes, Constraint, ContainerSpec, Cores, CpuSet, Distribution, Labels, Millis, Name, NodeClass, Operator, Preference, Volume};

/// A job: a name and a body that many jobs may share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The user's name for it.
    pub name: Name,
    /// Everything else.
    pub body: Arc<JobBody>,
}

/// What a job asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobBody {
    /// Who it belongs to.
    pub tenant: Option<Name>,
    /// Higher goes first under the priority order.
    pub priority: i32,
    /// The user's labels.
    pub labels: Labels,
    /// What a failed task does to its mates.
    pub on_failure: OnFailure,
    /// Whether tasks that become ready together are placed together or not at all.
    pub gang: bool,
    /// When it should have ended, counted from its submission.
    pub deadline: Option<Millis>,
    /// The tasks, in the order of the document.
    pub tasks: Vec<Arc<TaskSpec>>,
}

/// What a failed task does to its mates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Mates are stopped, what waits is skipped, the job fails.
    #[default]
    FailFast,
    /// The others go on; the job fails at the end.
    Continue,
}

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Runs to its end.
    Container,
    /// Runs until it is stopped.
    Service,
}

/// One task of a job; `count` instances of it run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Its name, unique in the job.
    pub name: Name,
    /// Runs to its end, or until stopped.
    pub kind: TaskKind,
    /// How many instances of it.
    pub count: u32,
    /// Cores of each instance.
    pub cores: Cores,
    /// Memory of each instance.
    pub memory: Bytes,
    /// Where it may go.
    pub rules: PlacementRules,
    /// Indexes, in the job's task list, of the tasks that it waits for, with the condition.
    pub depends_on: Vec<(u16, Condition)>,
    /// How many attempts it has, the first included.
    pub attempts: u16,
    /// Whether an attempt whose outcome is unknown must not be repeated.
    pub at_most_once: bool,
    /// The longest that an attempt may run.
    pub timeout: Option<Millis>,
    /// The user's estimate of its run time.
    pub expected: Option<Millis>,
    /// How long a stopped task may take to end by itself.
    pub stop_grace: Millis,
    /// Its true behaviour in simulation.
    pub simulate: Simulate,
    /// What a real engine runs; absent in traces.
    pub container: Option<Box<ContainerSpec>>,
}

impl TaskSpec {
    /// Where it may go, by what the user says and by what it is: an image is not for nodes that run plain processes, which would run the
    /// host's program of the same name.
    #[must_use]
    pub fn placement(&self) -> Cow<'_, PlacementRules> {
        let has_image = self.container.as_ref().is_some_and(|container| !container.image.is_empty());
        if !has_image {
            return Cow::Borrowed(&self.rules);
        }
        let mut rules = self.rules.clone();
        let (label, values) = (NodeClass::ENGINE.to_owned(), vec![NodeClass::PROCESSES.to_owned()]);
        rules.constraints.push(Constraint { label, op: Operator::NotIn, values });
        Cow::Owned(rules)
    }

    /// A volume that would stay behind if a running instance moved.
    #[must_use]
    pub fn volume_of_one_node(&self) -> Option<&Volume> {
        self.container.as_ref()?.volumes.iter().find(|volume| volume.stays_behind())
    }
}

impl Default for TaskSpec {
    /// One instance that asks for nothing and is tried once.
    fn default() -> Self {
        Self {
            name: "task".parse().expect("letters are a name"),
            kind: TaskKind::Container,
            count: 1,
            cores: Cores::ZERO,
            memory: Bytes::ZERO,
            rules: PlacementRules::default(),
            depends_on: Vec::new(),
            attempts: 1,
            at_most_once: false,
            timeout: None,
            expected: None,
            stop_grace: Millis::ZERO,
            simulate: Simulate::default(),
            container: None,
        }
    }
}

/// What must hold of the task that is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All its instances have succeeded.
    #[default]
    Succeeded,
    /// All its instances run, or have succeeded.
    Running,
}

/// Where a task may go, beside having room.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlacementRules {
    /// Conditions on the node's labels; all must hold.
    pub constraints: Vec<Constraint>,
    /// Wishes about the node's labels.
    pub preferences: Vec<Preference>,
    /// Prefer nodes that hold no other task of the job.
    pub spread: bool,
    /// Never two instances of this task on one node.
    pub anti_affinity: bool,
    /// Node and cores chosen by the client.
    pub pin: Option<Pin>,
}

impl PlacementRules {
    /// Whether any node with room will do.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.constraints.is_empty() && self.preferences.is_empty() && !self.spread && !self.anti_affinity && self.pin.is_none()
    }
}

/// A place that the client chose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The node's name.
    pub node: Name,
    /// The cores; empty or absent: chosen by the policy on that node.
    #[serde(default)]
    pub cpuset: CpuSet,
}

/// How a task behaves in simulation. A real engine does not look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Simulate {
    /// How long an attempt runs; absent: as long as `expected`, else one second.
    pub duration: Option<Distribution>,
    /// How likely an attempt is to fail at its end.
    pub failure_probability: f64,
    /// From the order that starts an attempt until it runs; absent: as the run says for all.
    pub start_delay: Option<Distribution>,
}

/// What a user changes of a job while it waits. What has a place keeps it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amendment {
    /// Its priority.
    Priority(i32),
    /// What each instance of a task gets at its next placement.
    Resources {
        /// The task, by its index in the job's list.
        task: u16,
        /// Cores.
        cores: Cores,
        /// Memory.
        memory: Bytes,
    },
}

impl JobSpec {
    /// The spec with the amendment. Other jobs of the body keep theirs.
    #[must_use]
    pub fn amended(&self, amendment: Amendment) -> Self {
        let mut body = JobBody::clone(&self.body);
        match amendment {
            Amendment::Priority(priority) => body.priority = priority,
            Amendment::Resources { task, cores, memory } => {
                if let Some(task) = body.tasks.get_mut(usize::from(task)) {
                    let task = Arc::make_mut(task);
                    (task.cores, task.memory) = (cores, memory);
                }
            }
        }
        Self { name: self.name.clone(), body: Arc::new(body) }
    }
}

impl JobBody {
    /// How many task instances the job has.
    #[must_use]
    pub fn instances(&self) -> u32 {
        self.tasks.iter().map(|task| task.count).sum()
    }

    /// The instances of the task at `index` of the list.
    #[must_use]
    pub fn instances_of(&self, index: usize) -> Range<u32> {
        let first = self.tasks[..index].iter().map(|task| task.count).sum();
        first..first + self.tasks[index].count
    }

    /// The task that an instance belongs to, by its index in the list.
    ///
    /// # Panics
    /// When the job has no such instance.
    #[must_use]
    pub fn task_of(&self, instance: u32) -> usize {
        let mut end = 0;
        self.tasks
            .iter()
            .position(|task| {
                end += task.count;
                instance < end
            })
            .expect("the instance is one of the job's")
    }
}

#[cfg(test)]
mod tests {
    use crate::document::native_job;

    #[test]
    fn instances_are_numbered_task_by_task() {
        let job = native_job(
            r#"{"name": "j", "tasks": {"a": {"kind": "container", "count": 2, "resources": {"cores": 1}},
                "b": {"kind": "service", "replicas": 3, "resources": {"cores": 1}}}}"#,
        )
        .unwrap();
        assert_eq!(job.body.instances(), 5);
        assert_eq!(job.body.instances_of(1), 2..5);
        assert_eq!((job.body.task_of(1), job.body.task_of(2)), (0, 1));
    }
}
