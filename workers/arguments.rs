//! What the command line of `worker` says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use model::{Bytes, CpuSet, Labels, Name, NodeClass};

use crate::docker::SwarmSettings;
use crate::run::DockerEngine;

/// Runs tasks on this machine: joins the cluster, takes orders, and runs each task as a process pinned to its cores.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "worker",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  worker 0.2
  worker 0.2 --name n2 --cores 4-7 --memory 8GiB
  worker --manager 10.0.0.1:3100 --token-file join-token
  worker --engine docker --mount-root /srv/shared
  worker --engine docker --swarm member --swarm-address 10.0.0.2 --manager 10.0.0.1:3100

Told to end (SIGTERM, Ctrl-C) it asks the manager to empty its node, so that tasks stop and start again elsewhere; \
without a manager it asks the tasks itself. Killed in any other way it comes back to its tasks, \
which go on meanwhile for as long as the lease holds.

Exit codes: 0 let go by the manager or stopped with nothing left, 1 failed, 2 wrong usage, \
3 the token or certificate is not taken, 4 another worker of this name lives, \
5 told to end and tasks were still there after --drain (their guards end them with the lease), 130 told to end twice."
)]
pub struct CommandLine {
    /// Something else than to be a worker here and now.
    #[command(subcommand)]
    pub deed: Option<Deed>,
    /// What a worker is told.
    #[command(flatten)]
    pub arguments: Arguments,
}

/// Something else than to be a worker here and now: what is about one in the background prints how it is then, as a line of JSON.
#[derive(Clone, Debug, Subcommand)]
pub enum Deed {
    /// Start one in the background, with a log in its folder, and wait until it has joined
    Start(Box<Arguments>),
    /// Tell the one of a folder to end, and wait until it has
    Stop(Place),
    /// Say whether the one of a folder runs and has joined
    Status(Place),
    /// Check what the Docker of this host can do, as a line of JSON; `management doctor` asks it, and prints it for people
    Doctor {
        /// Docker's socket
        #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST", default_value = "unix:///var/run/docker.sock", value_parser = socket)]
        docker: PathBuf,
        /// The root of shared volumes, where there is one
        #[arg(long, value_name = "FOLDER", env = "WHARFINGER_SHARED_ROOT")]
        shared_root: Option<PathBuf>,
    },
}

/// Which worker of this machine.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Its folder, as it was told by its own --state
    #[arg(long, value_name = "FOLDER", env = "WHARFINGER_WORKER_STATE")]
    pub state: PathBuf,
    /// Seconds to wait until it has ended
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub patience: u64,
}

/// What a worker is told.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Seconds between status reports
    #[arg(value_name = "FREQUENCY", default_value = "0.2", value_parser = frequency)]
    pub frequency: f64,
    /// Where the global manager listens for workers
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "WHARFINGER_MANAGER",
        default_value = "127.0.0.1:3100",
        value_parser = place,
        help_heading = "Cluster"
    )]
    pub manager: String,
    /// Where discovery listens; port 4000 of the manager's host if absent
    #[arg(long, value_name = "HOST:PORT", env = "WHARFINGER_DISCOVERY", value_parser = place, help_heading = "Cluster")]
    pub discovery: Option<String>,
    /// What the node is called; the host's name if absent. Several workers on one machine need names and cores of their own
    #[arg(long, value_name = "NAME", env = "WHARFINGER_NAME", help_heading = "Cluster")]
    pub name: Option<Name>,
    /// The join token itself; a file or the environment keep it out of the process list
    #[arg(
        long,
        value_name = "TOKEN",
        env = "WHARFINGER_JOIN_TOKEN",
        hide_env_values = true,
        conflicts_with = "token_file",
        help_heading = "Cluster"
    )]
    pub token: Option<String>,
    /// File with a join token, `-` for standard input; the one that a `management` on this machine writes if absent
    #[arg(long, value_name = "FILE", env = "WHARFINGER_JOIN_TOKEN_FILE", help_heading = "Cluster")]
    pub token_file: Option<PathBuf>,
    /// The cores to offer, as in `0-3,8`; all that this process may use if absent
    #[arg(long, value_name = "CORES", env = "WHARFINGER_CORES", help_heading = "Node")]
    pub cores: Option<CpuSet>,
    /// The memory to offer, as in `8GiB`; if absent, all that there is, or with --cores the share of those cores
    #[arg(long, value_name = "BYTES", env = "WHARFINGER_MEMORY", help_heading = "Node")]
    pub memory: Option<Bytes>,
    /// A label of the node, for constraints of jobs; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label, help_heading = "Node")]
    pub labels: Vec<(String, String)>,
    /// Where the worker keeps its identity, its runs and their logs; a folder for each worker
    #[arg(long, value_name = "FOLDER", env = "WHARFINGER_WORKER_STATE", help_heading = "Tasks")]
    pub state: Option<PathBuf>,
    /// The most that is kept of each output stream of a task
    #[arg(long, value_name = "BYTES", default_value = "10MiB", env = "WHARFINGER_OUTPUT_CAP", help_heading = "Tasks")]
    pub output_cap: Bytes,
    /// Seconds that tasks have when the worker is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400), help_heading = "Tasks")]
    pub drain: u64,
    /// What runs the tasks
    #[arg(long, value_name = "ENGINE", default_value = "process", env = "WHARFINGER_ENGINE", help_heading = "Tasks")]
    pub engine: EngineKind,
    /// Docker's socket
    #[arg(
        long,
        value_name = "FILE",
        env = "DOCKER_HOST",
        default_value = "unix:///var/run/docker.sock",
        value_parser = socket,
        help_heading = "Docker"
    )]
    pub docker: PathBuf,
    /// A folder of this host that containers may have mounted, with all below it; may be given several times
    #[arg(long = "mount-root", value_name = "FOLDER", help_heading = "Docker")]
    pub mount_roots: Vec<PathBuf>,
    /// A folder that is the same on every node (NFS, sshfs or the like), for the volumes `@job` and `@task` of jobs
    #[arg(long, value_name = "FOLDER", env = "WHARFINGER_SHARED_ROOT", help_heading = "Docker")]
    pub shared_root: Option<PathBuf>,
    /// The most processes of a container
    #[arg(long, value_name = "NUMBER", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Docker")]
    pub processes: u32,
    /// Docker's `config.json` with credentials for registries; that of this user if absent
    #[arg(long, value_name = "FILE", env = "WHARFINGER_REGISTRY_CONFIG", help_heading = "Docker")]
    pub registry_config: Option<PathBuf>,
    /// Where other workers get the images of containers that move to them; if absent, port 3300 of --swarm-address, and without one
    /// this host alone
    #[arg(long, value_name = "HOST:PORT", env = "WHARFINGER_IMAGES", value_parser = place, help_heading = "Docker")]
    pub images: Option<String>,
    /// The most that the images of checkpoints may take on this node; one for which there is no room does not come here, or is not kept
    #[arg(long, value_name = "SIZE", default_value = "64GiB", env = "WHARFINGER_IMAGE_QUOTA", help_heading = "Docker")]
    pub image_quota: Bytes,
    /// What this Docker does in the Swarm over which the containers of a job share a network
    #[arg(long, value_name = "PART", default_value = "none", env = "WHARFINGER_SWARM", help_heading = "Docker")]
    pub swarm: SwarmPart,
    /// The address of this host by which the Dockers of others reach it
    #[arg(long, value_name = "IP", env = "WHARFINGER_SWARM_ADDRESS", required_if_eq_any([("swarm", "member"), ("swarm", "manager")]), help_heading = "Docker")]
    pub swarm_address: Option<std::net::IpAddr>,
    /// Where a Swarm that is made takes the addresses of its networks from, as in 10.50.0.0/16
    #[arg(long, value_name = "SUBNET", env = "WHARFINGER_SWARM_POOL", help_heading = "Docker")]
    pub swarm_pool: Option<String>,
    /// Seconds after which a network is removed that no job asks for and no container uses
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Docker")]
    pub network_idle: u64,
    /// Whether processes get cgroups where the host allows it
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Tasks")]
    pub cgroups: Cgroups,
    /// The cgroup below our own in which those of tasks are made; from the hierarchy's root with a leading `/`
    #[arg(long, value_name = "PATH", default_value = "wharfinger", help_heading = "Tasks")]
    pub cgroup_parent: String,
    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "WHARFINGER_LOG_FORMAT")]
    pub log: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What a Docker does in the Swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SwarmPart {
    /// Nothing.
    None,
    /// It joins that of the manager.
    Member,
    /// It manages one, which it makes where there is none.
    Manager,
}

/// What runs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// Process groups.
    Process,
    /// Containers of Docker's.
    Docker,
}

impl EngineKind {
    /// As the node's label says it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Docker => "docker",
        }
    }
}

/// Whether tasks get cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cgroups {
    /// Whatever the host allows.
    Auto,
    /// None: affinity alone.
    Off,
}

/// The label that says what runs the tasks.
const ENGINE: &str = NodeClass::ENGINE;
/// Where discovery listens unless something else is said.
const DISCOVERY_PORT: u16 = 4000;

/// Where images are given away unless something else is said.
const IMAGES_PORT: u16 = 3300;

/// From a hundred reports a second to one in an hour.
fn frequency(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.01..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("seconds from 0.01 to 3600".into()) }
}

/// Where something listens. Whether it does is found out by dialing.
fn place(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    parts.map(|_| text.to_owned()).ok_or_else(|| "a host with its port, as in 10.0.0.1:3100".into())
}

/// Docker is spoken to by its socket on this host alone: over a network it would be anybody's root.
fn socket(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if path.starts_with('/') { Ok(path.into()) } else { Err("a socket of this host, as in unix:///var/run/docker.sock".into()) }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("a label is written as KEY=VALUE")?;
    if key == ENGINE { Err("the worker says itself which engine it has".into()) } else { Ok((key.into(), value.into())) }
}

impl Arguments {
    /// Where discovery listens.
    #[must_use]
    pub fn discovery(&self) -> String {
        let host = self.manager.rsplit_once(':').map_or(self.manager.as_str(), |(host, _)| host);
        self.discovery.clone().unwrap_or_else(|| format!("{host}:{DISCOVERY_PORT}"))
    }

    /// The labels of the node: its address in the Swarm, those that were given, and what runs its tasks.
    #[must_use]
    pub fn labels(&self) -> Labels {
        let address = self.swarm_address.map(|address| (NodeClass::ADDRESS.to_owned(), address.to_string()));
        address.into_iter().chain(self.labels.iter().cloned()).chain([(ENGINE.into(), self.engine.label().into())]).collect()
    }

    /// How containers are run here.
    #[must_use]
    pub fn docker(&self) -> DockerEngine {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker/config.json"));
        let (socket, roots, processes) = (self.docker.clone(), self.mount_roots.clone(), self.processes);
        let (credentials, shared) = (self.registry_config.clone().or_else(home), self.shared_root.clone());
        DockerEngine { socket, roots, processes, credentials, shared, image_quota: Some(self.image_quota) }
    }

    /// Where images are given away.
    #[must_use]
    pub fn images(&self) -> String {
        let swarm = self.swarm_address.map(|address| std::net::SocketAddr::new(address, IMAGES_PORT).to_string());
        self.images.clone().or(swarm).unwrap_or_else(|| "127.0.0.1:0".into())
    }

    /// What this worker's Docker does in the Swarm, if anything.
    #[must_use]
    pub fn swarm(&self) -> Option<SwarmSettings> {
        let address = self.swarm_address.filter(|_| self.swarm != SwarmPart::None && self.engine == EngineKind::Docker)?.to_string();
        let (manages, idle) = (self.swarm == SwarmPart::Manager, Duration::from_secs(self.network_idle));
        Some(SwarmSettings { socket: self.docker.clone(), manages, address, pool: self.swarm_pool.clone(), idle })
    }

    /// The worker's folder: as asked, or by the node's name below the user's state folder.
    #[must_use]
    pub fn state(&self, name: &Name) -> PathBuf {
        self.state.clone().unwrap_or_else(|| user_state().join(format!("worker-{name}")))
    }

    /// Whether the join token comes on standard input, where nobody else on the host can see it, as they can see arguments.
    #[must_use]
    pub fn token_is_on_stdin(&self) -> bool {
        self.token_file.as_deref() == Some(Path::new("-"))
    }

    /// The file of the join token: as asked, or where a management of the same user leaves it.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.token_file.clone().unwrap_or_else(|| user_state().join("join-token"))
    }
}

/// Where this user's programs keep what must outlive them.
fn user_state() -> PathBuf {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok();
    base.and_then(|base| base.state_dir()).unwrap_or_else(std::env::temp_dir).join("wharfinger")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Arguments {
        CommandLine::parse_from(["worker"].iter().chain(arguments)).arguments
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
        let arguments = parsed(&["0.5", "--cores", "4-7", "--memory", "8GiB", "--label", "disk=fast"]);
        assert!((arguments.frequency - 0.5).abs() < 1e-9);
        assert_eq!((arguments.cores.clone(), arguments.memory), (Some("4-7".parse().unwrap()), Some(Bytes(8 << 30))));
        assert_eq!(
            arguments.labels().into_iter().collect::<Vec<_>>(),
            [("disk".to_owned(), "fast".to_owned()), ("engine".to_owned(), "process".to_owned())]
        );
        assert!((parsed(&[]).frequency - 0.2).abs() < 1e-9);
        for wrong in ["0", "-1", "NaN", "x", "1e9"] {
            assert!(CommandLine::try_parse_from(["worker", wrong]).is_err(), "{wrong}");
        }
        for wrong in [
            ["--label", "engine=docker"],
            ["--label", "x"],
            ["--cores", "a"],
            ["--memory", "-1m"],
            ["--name", "../x"],
            ["--manager", "10.0.0.1"],
        ] {
            assert!(CommandLine::try_parse_from(["worker"].into_iter().chain(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_worker_in_the_background_is_told_the_same() {
        let line = CommandLine::parse_from(["worker", "start", "0.5", "--name", "n1", "--token-file", "-"]);
        let Some(Deed::Start(arguments)) = line.deed else { panic!("{line:?}") };
        assert_eq!((arguments.name.unwrap().as_str(), arguments.token_file), ("n1", Some("-".into())));
        let line = CommandLine::parse_from(["worker", "stop", "--state", "x"]);
        assert!(matches!(line.deed, Some(Deed::Stop(Place { patience: 45, .. }))), "{line:?}");
        assert!(CommandLine::try_parse_from(["worker", "0.5", "stop", "--state", "x"]).is_err());
    }

    #[test]
    fn discovery_is_beside_the_manager() {
        let discovery = |arguments: &[&str]| parsed(arguments).discovery();
        assert_eq!(discovery(&["--manager", "10.0.0.1:3100"]), "10.0.0.1:4000");
        assert_eq!(discovery(&["--manager", "[::1]:3100"]), "[::1]:4000");
        assert_eq!(discovery(&["--manager", "m:1", "--discovery", "d:2"]), "d:2");
    }
}
