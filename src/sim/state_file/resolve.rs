//! From the file to a state: what runs must be able to run.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::{Bytes, CpuSet, HostPort, JobSpec, Millis, Name, NodeSpec, Progress, Seconds};

use crate::sim::input::Fault;
use crate::sim::scenario::{ClassDocument, Cluster};
use model::document::{InstanceDocument, InstanceState, NodesDocument, SavedJob, SavedJobDocument, SavedNode, SavedState, StateDocument};

type At<T> = Result<T, (String, Fault)>;

/// The state: every name checked, every core held once.
///
/// # Errors
/// The path of the field, and what is wrong with it.
pub(super) fn resolve(file: StateDocument) -> At<SavedState> {
    if file.format != StateDocument::FORMAT {
        return Err(("format".into(), Fault::Value(format!("it is no saved state: those say `{}` here", StateDocument::FORMAT))));
    }
    if file.version != StateDocument::VERSION {
        return Err(("version".into(), Fault::Value(format!("it is {}: version {} is read", file.version, StateDocument::VERSION))));
    }
    let time = file.time_s.0;
    let mut nodes = Vec::new();
    for (index, document) in file.nodes.into_iter().enumerate() {
        nodes_of(document, &mut nodes).map_err(|(field, fault)| (format!("nodes[{index}].{field}"), fault))?;
    }
    let specs = nodes.iter().map(|node| Arc::clone(&node.spec)).collect();
    let cluster = Cluster::of(specs).map_err(|fault| ("nodes".into(), fault))?;
    let held = vec![(CpuSet::new(), Bytes::ZERO); nodes.len()];
    let mut room = Room { held, ports: BTreeSet::new(), nodes, cluster, time };
    let mut jobs = Vec::with_capacity(file.jobs.len());
    for (index, document) in file.jobs.into_iter().enumerate() {
        jobs.push(room.job(document).map_err(|(field, fault)| (format!("jobs[{index}].{field}"), fault))?);
    }
    Ok(SavedState { time, nodes: room.nodes, jobs })
}

fn nodes_of(document: NodesDocument, nodes: &mut Vec<SavedNode>) -> At<()> {
    let NodesDocument { class, cores, memory, topology, labels, host_cores, host_memory, names, down, cordoned } = document;
    for (field, list) in [("down", &down), ("cordoned", &cordoned)] {
        if let Some(index) = list.iter().position(|name| !names.contains(name)) {
            let known = names.iter().map(Name::as_str);
            return Err((format!("{field}[{index}]"), Fault::unknown("node of this class", list[index].as_str(), known)));
        }
    }
    let count = names.len() as u64;
    let class = ClassDocument { name: class, count, cores, memory, topology: Some(topology), labels, host_cores, host_memory };
    let class = Arc::new(class.class().map_err(|(field, fault)| (field.into(), fault))?);
    nodes.extend(names.into_iter().map(|name| SavedNode {
        down: down.contains(&name),
        cordoned: cordoned.contains(&name),
        spec: Arc::new(NodeSpec { name, class: Arc::clone(&class) }),
    }));
    Ok(())
}

/// The nodes and what runs on them so far.
struct Room {
    nodes: Vec<SavedNode>,
    cluster: Cluster,
    held: Vec<(CpuSet, Bytes)>,
    ports: BTreeSet<(usize, HostPort)>,
    time: Millis,
}

impl Room {
    fn job(&mut self, document: SavedJobDocument) -> At<SavedJob> {
        let spec = JobSpec::try_from(document.job).map_err(|error| (format!("job.{}", error.field), Fault::Value(error.cause)))?;
        self.cluster.check_pins(&spec.body).map_err(|(field, fault)| (format!("job.{field}"), fault))?;
        let submitted = document.submitted_s.0;
        if submitted > self.time {
            let cause = format!("it is submitted at {submitted}, after the time of the state, {}", self.time);
            return Err(("submitted_s".into(), Fault::Backwards(cause)));
        }
        let mut progress = vec![Progress::Waiting; spec.body.instances() as usize];
        let mut seen = HashMap::new();
        for (index, instance) in document.instances.iter().enumerate() {
            let at = |(field, fault): (&str, Fault)| (format!("instances[{index}].{field}"), fault);
            let number = number_of(instance, &spec).map_err(at)?;
            if seen.insert(number, index).is_some() {
                return Err(at(("index", Fault::Duplicate("this instance is named before".into()))));
            }
            progress[number as usize] = match instance.state {
                InstanceState::Waiting => Progress::Waiting,
                InstanceState::Succeeded => Progress::Succeeded,
                InstanceState::Running => self.running(instance, &spec).map_err(at)?,
            };
        }
        if progress.iter().all(|progress| *progress == Progress::Succeeded) {
            return Err((
                "instances".into(),
                Fault::Contradiction("all have succeeded: a job that has ended is no part of a state".into()),
            ));
        }
        Ok(SavedJob { spec, submitted, progress })
    }

    fn running(&mut self, instance: &InstanceDocument, spec: &JobSpec) -> Result<Progress, (&'static str, Fault)> {
        let missing = |field| (field, Fault::Value("it is missing: what runs has a node and cores".into()));
        let node = instance.node.clone().ok_or_else(|| missing("node"))?;
        let cpuset = instance.cpuset.clone().ok_or_else(|| missing("cpuset"))?;
        let id = self.cluster.id(&node).map_err(|fault| ("node", fault))?.index();
        if self.nodes[id].down {
            return Err(("node", Fault::Contradiction(format!("node `{node}` is down: nothing runs on it"))));
        }
        let task = spec.body.tasks.iter().find(|task| task.name == instance.task).expect("its number was found by this name");
        if cpuset.count() != task.cores {
            let cause = format!("`{cpuset}` are {}, but the task has {}", cpuset.count(), task.cores);
            return Err(("cpuset", Fault::Contradiction(cause)));
        }
        let class = &self.nodes[id].spec.class;
        if !cpuset.is_subset(&class.task_cpuset()) {
            let cause = format!("`{cpuset}` are not all cores that node `{node}` has for tasks (`{}`)", class.task_cpuset());
            return Err(("cpuset", Fault::Contradiction(cause)));
        }
        let (cores, memory) = &mut self.held[id];
        if !cpuset.is_disjoint(cores) {
            let cause = format!("`{cpuset}` overlaps what runs on node `{node}` already (`{cores}`)");
            return Err(("cpuset", Fault::Contradiction(cause)));
        }
        *memory += task.memory;
        if *memory > class.task_memory() {
            let cause = format!("with it, tasks hold {memory} on node `{node}`, which has {} for them", class.task_memory());
            return Err(("node", Fault::Contradiction(cause)));
        }
        *cores = cores.iter().chain(cpuset.iter()).collect();
        if let Some(port) = task.host_ports().iter().find(|&&port| !self.ports.insert((id, port))) {
            let cause = format!("host port {port} of node `{node}` is held by what runs there already");
            return Err(("node", Fault::Contradiction(cause)));
        }
        let attempt = instance.attempt.unwrap_or(1);
        if !(1..=task.attempts).contains(&attempt) {
            return Err(("attempt", Fault::Value(format!("it is {attempt}: the task has attempts 1 to {}", task.attempts))));
        }
        let started = instance.started_s.map_or(self.time, |Seconds(started)| started);
        if started > self.time {
            return Err(("started_s", Fault::Backwards(format!("it starts at {started}, after the time of the state, {}", self.time))));
        }
        let ends = instance.expected_end_s.map(|Seconds(ends)| ends);
        if ends.is_some_and(|ends| ends < self.time) {
            return Err(("expected_end_s", Fault::Backwards(format!("it ends before the time of the state, {}", self.time))));
        }
        Ok(Progress::Running { node, cpuset, attempt, started, ends })
    }
}

/// The number of an instance among all of its job.
fn number_of(instance: &InstanceDocument, spec: &JobSpec) -> Result<u32, (&'static str, Fault)> {
    let tasks = &spec.body.tasks;
    let Some(task) = tasks.iter().position(|task| task.name == instance.task) else {
        return Err(("task", Fault::unknown("task", instance.task.as_str(), tasks.iter().map(|task| task.name.as_str()))));
    };
    let numbers = spec.body.instances_of(task);
    if instance.index >= numbers.len() as u32 {
        let cause = format!("it is {}, but the task has {} instances, counted from 0", instance.index, numbers.len());
        return Err(("index", Fault::Value(cause)));
    }
    Ok(numbers.start + instance.index)
}
