//! Job documents: bytes become a typed [`JobSpec`](crate::JobSpec), or an error that names the field.

mod native;
mod reverse;
mod swarm;

pub use native::{NativeJob, NativeTask, native_job};
pub use swarm::{SwarmJob, swarm_job};

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
