//! What to run, as it is written before a guard is started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::{Bytes, Cause, ContainerSpec, CpuSet, Millis, Name, Run, Start, TaskKey};
use serde::{Deserialize, Serialize};

use super::RunFolder;
use crate::cgroup::Hierarchy;
use crate::image::Source;

/// The variable by which every process of a run can be known, wherever it went. Its value is the run's folder.
pub const RUN_MARKER: &str = "WHARFINGER_RUN";

/// Where programs are looked for if the worker itself was not told.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The task instance.
    pub task: TaskKey,
    /// Which run of it.
    pub run: Run,
    /// The term of the GlobalManager that ordered it.
    pub term: u32,
    /// Its cores.
    pub cpuset: CpuSet,
    /// Its memory.
    pub memory: Bytes,
    /// What the task is called in its job.
    pub name: Name,
    /// What to run. There is no shell.
    pub container: ContainerSpec,
    /// From the request to stop to the kill.
    pub grace: Millis,
    /// The longest that it may run, and what it is called when it does; kept for the agent of a restarted worker.
    pub limit: Option<(Millis, Cause)>,
    /// How long the attempt had run before.
    pub elapsed: Millis,
    /// What it goes on from; absent: it begins.
    pub resume: Option<Resume>,
}

/// An image that a run goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Where the image lies.
    pub source: Source,
    /// Its size.
    pub size: Bytes,
    /// It is the checkpoint that is kept of the task, and not where an earlier placement of the attempt stood still.
    pub kept: bool,
}

impl Launch {
    /// What a start order asks of this driver.
    #[must_use]
    pub fn of(task: TaskKey, run: Run, start: &Start) -> Self {
        Self {
            task,
            run,
            term: 0,
            cpuset: start.cpuset.clone(),
            memory: start.memory,
            name: start.spec.name.clone(),
            container: start.spec.container.as_deref().cloned().unwrap_or_default(),
            grace: start.spec.stop_grace,
            limit: start.limit,
            elapsed: start.elapsed,
            resume: None,
        }
    }

    /// Why nothing can be started from it, where nothing can.
    #[must_use]
    pub fn fault(&self, engine: &Engine) -> Option<String> {
        let ContainerSpec { image, command, environment, ports, .. } = &self.container;
        let nul = |text: &String| text.contains('\0');
        match engine {
            Engine::Process(_) if command.first().is_none_or(String::is_empty) => {
                Some("a process task needs a command: its program and arguments".into())
            }
            Engine::Process(_) if !image.is_empty() => {
                Some(format!("it is of the image {image}, and this worker runs plain processes: one with --engine docker runs containers"))
            }
            Engine::Docker(_) if image.is_empty() => Some("a container needs an image".into()),
            _ if command.iter().any(nul) => Some("the command holds a NUL character".into()),
            _ if environment.iter().any(|(name, value)| name.is_empty() || name.contains('=') || nul(name) || nul(value)) => {
                Some("an environment variable has no name, or `=` in its name, or a NUL character".into())
            }
            _ if ports.keys().any(|port| !port.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/')) => {
                Some("a port is written as `80/tcp`".into())
            }
            _ if self.cpuset.is_empty() => Some("it was given no cores".into()),
            _ => None,
        }
    }

    /// Who the task is, for its own eyes.
    #[must_use]
    pub fn identity(&self) -> BTreeMap<String, String> {
        let Self { task, run, cpuset, .. } = self;
        let identity = [
            ("WHARFINGER_JOB", task.job.0.to_string()),
            ("WHARFINGER_TASK", task.instance.to_string()),
            ("WHARFINGER_ATTEMPT", run.attempt.to_string()),
            ("WHARFINGER_PLACEMENT", run.placement.to_string()),
            ("WHARFINGER_CORES", cpuset.to_string()),
        ];
        identity.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// What runs a run, and what it has to know of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Engine {
    /// A process group.
    Process(ProcessEngine),
    /// A container of Docker's.
    Docker(DockerEngine),
}

/// How processes are run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEngine {
    /// Where programs are looked for.
    pub search_path: String,
    /// The language of messages.
    pub language: String,
    /// Where the task's cgroups are to be made.
    pub hierarchies: Vec<Hierarchy>,
}

impl ProcessEngine {
    /// As the worker itself was started, with cgroups in these hierarchies.
    #[must_use]
    pub fn here(hierarchies: Vec<Hierarchy>) -> Self {
        let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.into());
        Self { search_path: variable("PATH", SEARCH_PATH), language: variable("LANG", "C.UTF-8"), hierarchies }
    }
}

/// How containers are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerEngine {
    /// Docker's socket.
    pub socket: PathBuf,
    /// The folders whose content containers may have mounted; none: no folder of the node.
    pub roots: Vec<PathBuf>,
    /// The most processes of a container.
    pub processes: u32,
    /// Docker's `config.json` with the credentials for registries.
    pub credentials: Option<PathBuf>,
    /// What is the same on every node, for the shared volumes of jobs.
    pub shared: Option<PathBuf>,
    /// The most that the images of checkpoints may take on the node; absent: as much as the disk has.
    pub image_quota: Option<Bytes>,
}

/// The file from which a guard and its task are started: all that they need to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFile {
    /// What to run.
    pub launch: Launch,
    /// Which boot of the host it was written in. After another one nothing can be said of what was not made durable.
    pub boot: String,
    /// The most that is kept of each output stream.
    pub output_cap: Bytes,
    /// What the task's cgroups or its container are called: one name among all workers of the host.
    pub group: String,
    /// What runs it.
    pub engine: Engine,
}

impl LaunchFile {
    /// Where the task's cgroups are to be made by us.
    #[must_use]
    pub fn hierarchies(&self) -> &[Hierarchy] {
        match &self.engine {
            Engine::Process(process) => &process.hierarchies,
            Engine::Docker(_) => &[],
        }
    }

    /// The whole environment of a process, in three layers: a short list that programs expect, the task's own, and who it is. The last
    /// cannot be given otherwise, since orphans are known by it.
    #[must_use]
    pub fn environment(&self, process: &ProcessEngine, folder: &RunFolder) -> BTreeMap<String, String> {
        let ContainerSpec { environment, ports, .. } = &self.launch.container;
        let work = folder.work().to_string_lossy().into_owned();
        let expected = [("PATH", process.search_path.clone()), ("HOME", work), ("LANG", process.language.clone())];
        let mut all: BTreeMap<String, String> = expected.map(|(name, value)| (name.to_owned(), value)).into();
        if let Some(port) = ports.values().next() {
            all.insert("PORT".into(), port.to_string());
        }
        all.extend(environment.clone());
        all.extend(self.launch.identity());
        all.insert(RUN_MARKER.into(), folder.marker());
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
