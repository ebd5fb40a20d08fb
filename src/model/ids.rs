//! Identities. Small integers, so that a record of a million tasks stays small; names live in the specs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The id as an index into a dense table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// Reads an id as it is written, and only so: none has another sign, or a zero before it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let id = Self(text.strip_prefix($prefix)?.parse().ok()?);
                (id.to_string() == text).then_some(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A job, numbered by the FrontEnd in the order of admission, from 0.
    JobId(u32), "j"
);

id!(
    /// A node, numbered by the GlobalManager in the order of first contact, from 0.
    NodeId(u32), "n"
);
id!(
    /// A plan, numbered by the JobManager, from 1.
    PlanId(u64), "p"
);
id!(
    /// A placement shape: everything about a task that decides where it fits.
    ShapeId(u32), "s"
);

/// One task instance: the job, and the instance's position among all of the job's instances
/// (the tasks in their order in the spec, each task's replicas together).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// The job.
    pub job: JobId,
    /// Position among the job's instances, from 0.
    pub instance: u32,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.job, self.instance)
    }
}

/// One run of a task instance on one node: observations are ordered by (attempt, placement).
///
/// A retry is a new attempt; a migration keeps the attempt and makes a new placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run {
    /// Which attempt, from 1.
    pub attempt: u16,
    /// Which placement of the task instance, from 1; never reused within the instance.
    pub placement: u16,
}

/// The fencing numbers that every order carries and every report repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The GlobalManager's term: rises when another one takes over.
    pub term: u32,
    /// The node's epoch: rises when the node joins with no memory of its tasks.
    pub epoch: u32,
}
