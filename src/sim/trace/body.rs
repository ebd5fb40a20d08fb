//! Bodies of jobs made from rows: equal rows share one.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Bytes, Cores, Distribution, JobBody, Labels, Millis, Name, OnFailure, PlacementRules, Seconds, Simulate, TaskKind, TaskSpec};
use smallvec::SmallVec;

/// Most bodies that are kept for sharing; then sharing begins anew, so that a long trace needs no more.
const MOST_SHARED: usize = 1 << 16;
/// Grace period of a stopped task.
const STOP_GRACE: Millis = Millis(10_000);

/// All that a row says of a job but its name and time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Instances, cores and memory of each instance, task by task.
    pub tasks: SmallVec<[(u32, Cores, Bytes); 1]>,
    pub duration: Millis,
    pub start_delay: Option<Millis>,
    pub expected: Option<Millis>,
    pub gang: bool,
    pub priority: i32,
    pub deadline: Option<Millis>,
    pub attempts: u16,
}

impl Shape {
    /// One task of one instance.
    pub fn single(cores: Cores, memory: Bytes, duration: Millis) -> Self {
        Self {
            tasks: SmallVec::from_elem((1, cores, memory), 1),
            duration,
            start_delay: None,
            expected: None,
            gang: true,
            priority: 0,
            deadline: None,
            attempts: super::ATTEMPTS,
        }
    }
}

/// The bodies so far.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    shared: HashMap<Shape, Arc<JobBody>>,
    /// Names of the first task, the second and so on.
    names: Vec<Name>,
}

impl Bodies {
    /// The body of a shape.
    pub fn of(&mut self, shape: Shape) -> Arc<JobBody> {
        if let Some(body) = self.shared.get(&shape) {
            return Arc::clone(body);
        }
        if self.shared.len() >= MOST_SHARED {
            self.shared.clear();
        }
        for index in self.names.len()..shape.tasks.len() {
            let name = if index == 0 { "run".into() } else { format!("run-{}", index + 1) };
            self.names.push(name.parse().expect("letters and digits are a name"));
        }
        let body = Arc::new(self.make(&shape));
        self.shared.insert(shape, Arc::clone(&body));
        body
    }

    fn make(&self, shape: &Shape) -> JobBody {
        let task = |(&(count, cores, memory), name): (&(u32, Cores, Bytes), &Name)| TaskSpec {
            name: name.clone(),
            kind: TaskKind::Container,
            count,
            cores,
            memory,
            rules: PlacementRules::default(),
            depends_on: Vec::new(),
            attempts: shape.attempts,
            at_most_once: false,
            timeout: None,
            expected: shape.expected,
            stop_grace: STOP_GRACE,
            simulate: Simulate {
                duration: Some(constant(shape.duration)),
                failure_probability: 0.0,
                start_delay: shape.start_delay.map(constant),
            },
            container: None,
        };
        JobBody {
            tenant: None,
            priority: shape.priority,
            labels: Labels::new(),
            on_failure: OnFailure::default(),
            gang: shape.gang,
            deadline: shape.deadline,
            tasks: shape.tasks.iter().zip(&self.names).map(task).map(Arc::new).collect(),
        }
    }
}

fn constant(span: Millis) -> Distribution {
    Distribution::Constant(Seconds(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_share_a_body() {
        let mut bodies = Bodies::default();
        let shape = Shape::single(Cores(2), Bytes(1 << 30), Millis(5));
        let first = bodies.of(shape.clone());
        assert!(Arc::ptr_eq(&first, &bodies.of(shape.clone())));
        let other = bodies.of(Shape { duration: Millis(6), ..shape });
        assert!(!Arc::ptr_eq(&first, &other));
        assert_eq!(first.tasks[0].simulate.duration, Some(Distribution::Constant(Seconds(Millis(5)))));
        assert_eq!(first.tasks[0].attempts, 3);
    }
}
