//! Placement shapes: everything about a waiting unit that decides where it fits. Units of one shape fit or fail together.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{HostPort, JobBody, JobId, PlacementRules, ShapeId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::inventory::Need;

/// Equal tasks of a shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Cores and memory of each task.
    pub need: Need,
    /// Where they may go; absent: anywhere.
    pub rules: Option<Arc<PlacementRules>>,
    /// The host ports that each of them holds.
    pub ports: Box<[HostPort]>,
    /// Which task of the job's list they are, where their rules look at their mates.
    pub task: Option<u16>,
    /// How many.
    pub count: u32,
}

/// What decides where a waiting unit fits: its parts, the largest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape {
    /// The job, where the rules of a part look at the job's other tasks.
    pub scope: Option<JobId>,
    /// Whether every task has an estimate of its run time: without one a unit is never backfilled.
    pub estimated: bool,
    /// The parts, most cores first, then most memory.
    pub parts: SmallVec<[Part; 1]>,
}

impl Part {
    /// Whether its tasks and the other's differ in nothing but their number.
    fn is_like(&self, other: &Self) -> bool {
        (&self.need, &self.rules, &self.ports, self.task) == (&other.need, &other.rules, &other.ports, other.task)
    }

    /// Whether a task of it and one of the other cannot be on one node at once, for a host port that both hold.
    #[must_use]
    pub fn shares_port(&self, ports: &[HostPort]) -> bool {
        self.ports.iter().any(|port| ports.contains(port))
    }
}

impl Shape {
    /// The shape of these instances of a job, and the instances in the order of its parts.
    #[must_use]
    pub fn of(job: JobId, body: &JobBody, instances: &[u32]) -> (Self, Vec<u32>) {
        let mut tasks: Vec<(u32, usize)> = instances.iter().map(|&instance| (instance, body.task_of(instance))).collect();
        tasks.sort_by_key(|&(instance, task)| {
            let spec = &body.tasks[task];
            (std::cmp::Reverse((spec.cores, spec.memory)), task, instance)
        });
        let estimated = tasks.iter().all(|&(_, task)| body.tasks[task].expected.is_some());
        let mut shape = Self { scope: None, estimated, parts: SmallVec::new() };
        for &(_, task) in &tasks {
            let part = shape.part_of(job, body, task);
            match shape.parts.last_mut() {
                Some(last) if last.is_like(&part) => last.count += 1,
                _ => shape.parts.push(part),
            }
        }
        (shape, tasks.into_iter().map(|(instance, _)| instance).collect())
    }

    /// The shape of one instance of a task that is placed alone.
    #[must_use]
    pub fn of_one(job: JobId, body: &JobBody, task: usize) -> Self {
        let mut shape = Self { scope: None, estimated: body.tasks[task].expected.is_some(), parts: SmallVec::new() };
        let part = shape.part_of(job, body, task);
        shape.parts.push(part);
        shape
    }

    fn part_of(&mut self, job: JobId, body: &JobBody, task: usize) -> Part {
        let spec = &body.tasks[task];
        let need = Need { cores: spec.cores, memory: spec.memory };
        let (rules, ports) = (spec.placement(), spec.host_ports());
        if rules.is_free() {
            return Part { need, rules: None, ports, task: None, count: 1 };
        }
        let looks_at_mates = rules.spread || rules.anti_affinity;
        if looks_at_mates {
            self.scope = Some(job);
        }
        Part { need, rules: Some(Arc::new(rules.into_owned())), ports, task: looks_at_mates.then_some(task as u16), count: 1 }
    }

    /// The largest part: what the decreasing order looks at.
    #[must_use]
    pub fn largest(&self) -> Need {
        self.parts[0].need
    }

    /// How many tasks a unit of this shape has.
    #[must_use]
    pub fn tasks(&self) -> u32 {
        self.parts.iter().map(|part| part.count).sum()
    }
}

/// Gives every shape a small number.
#[derive(Debug, Default)]
pub struct ShapeTable {
    ids: BTreeMap<Arc<Shape>, ShapeId>,
    shapes: Vec<Arc<Shape>>,
}

impl ShapeTable {
    /// The number of a shape, new or known.
    pub fn intern(&mut self, shape: Shape) -> ShapeId {
        if let Some(&id) = self.ids.get(&shape) {
            return id;
        }
        let id = ShapeId(self.shapes.len() as u32);
        let shape = Arc::new(shape);
        self.shapes.push(Arc::clone(&shape));
        self.ids.insert(shape, id);
        id
    }

    /// The shape of a number.
    #[must_use]
    pub fn get(&self, id: ShapeId) -> &Arc<Shape> {
        &self.shapes[id.index()]
    }
}

impl Serialize for ShapeTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shapes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ShapeTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shapes = Vec::<Arc<Shape>>::deserialize(deserializer)?;
        let ids = shapes.iter().cloned().zip((0..).map(ShapeId)).collect();
        Ok(Self { ids, shapes })
    }
}
