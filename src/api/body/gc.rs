//! What is left over on the nodes.

use model::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GcQuestion {
    /// Only say what would be removed.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was left over on the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gc {
    /// All of it.
    pub leftovers: Vec<LeftoverFound>,
    /// Nodes whose workers do not answer, or look already.
    #[schema(value_type = Vec<String>)]
    pub silent: Vec<Name>,
}

/// Something that belongs to no run and no job that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftoverFound {
    /// Where.
    #[schema(value_type = String)]
    pub node: Name,
    /// What it is.
    pub kind: LeftoverKind,
    /// What it is called there.
    #[schema(example = "runs/12-0-1-1/image")]
    pub name: String,
    /// Whether it is gone now.
    pub removed: bool,
}

/// A kind of thing that may be left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverKind {
    /// A container of no run.
    Container,
    /// Processes of no run.
    Processes,
    /// A folder that should have been deleted.
    Folder,
    /// A checkpoint of a job that nobody knows any more.
    Checkpoint,
    /// The shared folders of such a job.
    Shared,
}
