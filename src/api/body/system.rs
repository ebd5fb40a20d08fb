//! How the system is.

use model::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the process lives, or can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, `recovering` or `stopping`.
    #[schema(example = "ok")]
    pub status: String,
    /// The version of the program.
    pub version: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// What the bearer may do; where no token is asked for, everything.
    #[schema(schema_with = super::words::role)]
    pub role: Role,
}

/// The actors of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Actors {
    /// Each of them.
    pub actors: Vec<ActorBody>,
}

/// An actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActorBody {
    /// `front-end`, `job-manager`, `global-manager` or `discovery`.
    pub name: String,
    /// Where it listens, or where it is reached.
    pub address: String,
    /// It runs in the process that answers.
    pub here: bool,
    /// It is here, or its link is up.
    pub reachable: bool,
}
