//! What a container engine is told of a task: program, ports, what is mounted, the network of its job, how it is known to be well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{JobId, Millis, Name};

/// What a container engine is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Image reference.
    pub image: String,
    /// Program and arguments; empty: the image's own.
    pub command: Vec<String>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Container port (`80`, `80/tcp` or `80/udp`) to host port.
    pub ports: BTreeMap<String, u16>,
    /// What is mounted.
    pub volumes: Vec<Volume>,
    /// The network that the job's containers share; absent: what the engine gives by itself.
    pub network: Option<Network>,
    /// How it is known to be well; absent: by running.
    pub health: Option<HealthCheck>,
}

/// Something that is mounted in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// A named volume of the node, a folder of it from its root, or one of the two below.
    pub source: String,
    /// Where it is seen in the container.
    pub target: String,
    /// Whether it can only be read there.
    pub read_only: bool,
}

impl Volume {
    /// The folder that all tasks of the job share, on whichever node.
    pub const OF_JOB: &str = "@job";
    /// The folder of the task instance, the same on whichever node.
    pub const OF_TASK: &str = "@task";

    /// Whether a source is one of those.
    #[must_use]
    pub fn is_shared(source: &str) -> bool {
        [Self::OF_JOB, Self::OF_TASK].contains(&source)
    }

    /// Whether a task that moves would leave behind what it has written there: a volume by name is one of its node alone. A folder may be the same
    /// on other nodes, as those who allow it know.
    #[must_use]
    pub fn stays_behind(&self) -> bool {
        !self.read_only && !self.source.starts_with('/') && !Self::is_shared(&self.source)
    }
}

/// A network that containers share across nodes, known to each other by the names of their tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name; absent: one of the job's own.
    pub name: Option<Name>,
    /// Its addresses in CIDR notation; absent: chosen by the engine.
    pub subnet: Option<String>,
}

impl Network {
    /// The longest name that a user may give: an engine has 63 bytes for its own.
    pub const LONGEST_NAME: usize = 52;

    /// Whether an engine can have a network of this name: a part of a DNS name, which ends with a letter or a digit.
    #[must_use]
    pub fn may_be_called(name: &Name) -> bool {
        let text = name.as_str();
        text.len() <= Self::LONGEST_NAME && !text.contains('.') && text.ends_with(|last: char| last.is_ascii_alphanumeric())
    }

    /// What an engine calls it, for a job. No engine has a network of its own under such a name, and no user can name the one of another
    /// job.
    #[must_use]
    pub fn engine_name(&self, job: JobId) -> String {
        match &self.name {
            // A Swarm knows no case.
            Some(name) => format!("wharfinger_{}", name.as_str().to_ascii_lowercase()),
            None => format!("wharfinger-{job}"),
        }
    }
}

/// How a container is known to be well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Program and arguments, run in the container; exit code 0 is well.
    pub command: Vec<String>,
    /// Between two checks.
    pub interval: Millis,
    /// The longest that a check may take.
    pub timeout: Millis,
    /// After so many failures in a row it is not.
    pub retries: u16,
}
