//! What to run, as it is written before a guard is started.

use std::collections::BTreeMap;

use model::{Bytes, Cause, CpuSet, Millis, Run, Start, TaskKey};
use serde::{Deserialize, Serialize};

use super::RunFolder;
use crate::cgroup::Hierarchy;

/// The variable by which every process of a run can be known, wherever it went. Its value is the run's folder.
pub const RUN_MARKER: &str = "WHARFINGER_RUN";

/// One run of a task as a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The task instance.
    pub task: TaskKey,
    /// Which run of it.
    pub run: Run,
    /// Its cores.
    pub cpuset: CpuSet,
    /// Its memory.
    pub memory: Bytes,
    /// Program and arguments. There is no shell.
    pub command: Vec<String>,
    /// The task's own environment.
    pub environment: BTreeMap<String, String>,
    /// Port of the task (`80/tcp`) to port of the host.
    pub ports: BTreeMap<String, u16>,
    /// From the request to stop to the kill.
    pub grace: Millis,
    /// The longest that it may run, and what it is called when it does; kept for the agent of a restarted worker.
    pub limit: Option<(Millis, Cause)>,
    /// How long the attempt had run before.
    pub elapsed: Millis,
}

impl Launch {
    /// What a start order asks of this driver.
    #[must_use]
    pub fn of(task: TaskKey, run: Run, start: &Start) -> Self {
        let container = start.spec.container.as_deref().cloned().unwrap_or_default();
        Self {
            task,
            run,
            cpuset: start.cpuset.clone(),
            memory: start.memory,
            command: container.command,
            environment: container.environment,
            ports: container.ports,
            grace: start.spec.stop_grace,
            limit: start.limit,
            elapsed: start.elapsed,
        }
    }

    /// Why no process can be started from it, where none can.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let program = self.command.first().filter(|program| !program.is_empty());
        let nul = |text: &String| text.contains('\0');
        match program {
            None => Some("a process task needs a command: its program and arguments".into()),
            Some(_) if self.command.iter().any(nul) => Some("the command holds a NUL character".into()),
            Some(_) if self.environment.iter().any(|(name, value)| name.is_empty() || name.contains('=') || nul(name) || nul(value)) => {
                Some("an environment variable has no name, or `=` in its name, or a NUL character".into())
            }
            Some(_) if self.ports.keys().any(|port| !port.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/')) => {
                Some("a port is written as `80/tcp`".into())
            }
            Some(_) if self.cpuset.is_empty() => Some("it was given no cores".into()),
            Some(_) => None,
        }
    }
}

/// The file from which a guard and its task are started: all that they need to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFile {
    /// What to run.
    pub launch: Launch,
    /// Which boot of the host it was written in. After another one nothing can be said of what was not made durable.
    pub boot: String,
    /// Where programs are looked for.
    pub search_path: String,
    /// The language of messages.
    pub language: String,
    /// The most that is kept of each output stream.
    pub output_cap: Bytes,
    /// Where the task's cgroups are to be made.
    pub hierarchies: Vec<Hierarchy>,
    /// What the task's cgroups are called.
    pub group: String,
}

impl LaunchFile {
    /// The whole environment of the task, in three layers: a short list that programs expect, the task's own, and who it is. The last
    /// cannot be given otherwise, since orphans are known by it.
    #[must_use]
    pub fn environment(&self, folder: &RunFolder) -> BTreeMap<String, String> {
        let Launch { task, run, cpuset, environment, ports, .. } = &self.launch;
        let work = folder.work().to_string_lossy().into_owned();
        let expected = [("PATH", self.search_path.clone()), ("HOME", work), ("LANG", self.language.clone())];
        let mut all: BTreeMap<String, String> = expected.map(|(name, value)| (name.to_owned(), value)).into();
        if let Some(port) = ports.values().next() {
            all.insert("PORT".into(), port.to_string());
        }
        all.extend(environment.clone());
        let identity = [
            (RUN_MARKER, folder.marker()),
            ("WHARFINGER_JOB", task.job.0.to_string()),
            ("WHARFINGER_TASK", task.instance.to_string()),
            ("WHARFINGER_ATTEMPT", run.attempt.to_string()),
            ("WHARFINGER_PLACEMENT", run.placement.to_string()),
            ("WHARFINGER_CORES", cpuset.to_string()),
        ];
        all.extend(identity.map(|(name, value)| (name.to_owned(), value)));
        all.extend(ports.iter().map(|(inside, outside)| (port_variable(inside), outside.to_string())));
        all
    }
}

/// `80/tcp` is told in `WHARFINGER_PORT_80`, `53/udp` in `WHARFINGER_PORT_53_UDP`.
fn port_variable(inside: &str) -> String {
    let (number, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
    match protocol {
        "tcp" => format!("WHARFINGER_PORT_{number}"),
        _ => format!("WHARFINGER_PORT_{number}_{}", protocol.to_ascii_uppercase()),
    }
}
