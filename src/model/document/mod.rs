//! Documents: jobs, whose bytes become a typed [`JobSpec`](crate::JobSpec) or an error that names the field, policies, and saved states.

mod container;
mod json;
mod native;
mod policy;
mod ports;
mod reverse;
mod state;
mod swarm;

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Name;

pub use json::{JsonError, read_json};
pub use native::{NativeJob, NativeTask, native_job};
pub use policy::{PolicyChoices, PolicyDocument};
pub use state::{InstanceDocument, InstanceState, NodesDocument, SavedJob, SavedJobDocument, SavedNode, SavedState, StateDocument};
pub use swarm::{SwarmJob, swarm_job};

/// Tasks by name, in the order of the text; a name that comes twice is refused, where a map would keep the last silently.
fn tasks<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<IndexMap<Name, T>, D::Error> {
    struct Tasks<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Tasks<T> {
        type Value = IndexMap<Name, T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of tasks by name")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut tasks = IndexMap::new();
            while let Some((name, task)) = map.next_entry::<Name, T>()? {
                if tasks.contains_key(&name) {
                    return Err(de::Error::custom(format!("duplicate task `{name}`")));
                }
                tasks.insert(name, task);
            }
            Ok(tasks)
        }
    }
    deserializer.deserialize_map(Tasks(PhantomData))
}

/// Why a document is no job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {cause}")]
pub struct BadDocument {
    /// The field at fault, as a path.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub cause: String,
}

impl BadDocument {
    fn new(field: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self { field: field.into(), cause: cause.to_string() }
    }
}
