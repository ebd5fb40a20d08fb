//! A `management up` of its own folder and ports, which ends with its owner.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{http, process};
use crate::{Outcome, run};

/// How long a start or an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be started.
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Names the folder of its state, which is made anew.
    pub name: &'static str,
    /// Simulated workers.
    pub workers: u32,
    /// Cores of each of them.
    pub cores: u32,
    /// Settings, as `WHARFINGER_...` variables.
    pub settings: Vec<(&'static str, String)>,
}

/// A process of `management up`.
pub struct Server {
    launch: Launch,
    child: Child,
    ports: Ports,
}

/// Where it listens: the REST interface, and what workers dial. Chosen here so that a restarted server is found at the same place.
#[derive(Clone, Copy)]
struct Ports {
    front_end: u16,
    workers: u16,
    discovery: u16,
}

/// A real worker of a server; it ends with its owner.
pub struct Worker(Child);

impl Launch {
    /// The folder of its state and of what it says. Below `target`, since `/tmp` may be memory, where nothing is durable.
    pub fn folder(&self) -> PathBuf {
        run::target().join("live").join(self.name)
    }

    /// Starts it in a new folder, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start, or is not ready in time.
    pub fn start(self) -> Result<Server, String> {
        let mut server = self.spawn_anew()?;
        server.wait_ready()?;
        Ok(server)
    }

    /// Starts it in a new folder, and does not wait.
    ///
    /// # Errors
    /// When the folder or the process cannot be made.
    pub fn spawn_anew(self) -> Result<Server, String> {
        let folder = self.folder();
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(said)?;
        }
        std::fs::create_dir_all(&folder).map_err(said)?;
        let ports = Ports { front_end: free_port()?, workers: free_port()?, discovery: free_port()? };
        Ok(Server { child: self.spawn(ports)?, launch: self, ports })
    }

    fn spawn(&self, ports: Ports) -> Result<Child, String> {
        let said = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let log = File::options().create(true).append(true).open(self.folder().join("said")).map_err(said)?;
        let mut command = Command::new(&self.program);
        command.args(["up", "--state"]).arg(self.folder().join("state"));
        if self.workers > 0 {
            command.args(["--simulated-workers", &self.workers.to_string(), "--cores", &self.cores.to_string()]);
        }
        let ports = [("FE__PORT", ports.front_end), ("GM__WORKER_PORT", ports.workers), ("DC__PORT", ports.discovery)];
        for (name, port) in ports.into_iter().chain([("JM__PORT", 0), ("GM__PORT", 0)]) {
            command.env(format!("WHARFINGER_{name}"), port.to_string());
        }
        command.envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        command.current_dir(run::root()).stdin(Stdio::null()).stdout(log.try_clone().map_err(said)?).stderr(log);
        command.spawn().map_err(said)
    }
}

impl Server {
    /// The REST interface's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.front_end)
    }

    /// The folder of its state and of what it says.
    pub fn folder(&self) -> PathBuf {
        self.launch.folder()
    }

    /// The program that it runs.
    pub fn program(&self) -> &Path {
        &self.launch.program
    }

    /// Its memory and processor time.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> Result<process::Usage, String> {
        process::look(self.child.id())
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// When it ends before, or takes too long.
    pub fn wait_ready(&mut self) -> Outcome {
        self.wait_until("ready", |server| Ok(http::get(server.ports.front_end, "/readyz").is_ok_and(|(status, _)| status == 200)))
    }

    /// Looks every 20 ms until something holds.
    ///
    /// # Errors
    /// When the process ends before, looking fails, or it takes too long.
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> Result<bool, String>) -> Outcome {
        let start = Instant::now();
        while !holds(self)? {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("management ended with {status} before it was {what}: {}", self.last_words()));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("management was not {what} within {} s: {}", PATIENCE.as_secs(), self.last_words()));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The sum of a metric over the labels that begin as said: `wharfinger_nodes{state="ready"`.
    ///
    /// # Errors
    /// When the server does not answer with metrics.
    pub fn metric(&self, beginning: &str) -> Result<f64, String> {
        let (status, text) = http::get(self.ports.front_end, "/metrics")?;
        if status != 200 {
            return Err(format!("/metrics answers {status}"));
        }
        let lines = text.lines().filter(|line| line.starts_with(beginning));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Starts the worker program that lies beside `management`, and waits until its node is ready.
    ///
    /// # Errors
    /// When it does not start, or does not join in time.
    pub fn worker(&mut self, name: &str, frequency: &str, more: &[&str]) -> Result<Worker, String> {
        let program = self.launch.program.with_file_name("worker");
        let said = |error: std::io::Error| format!("{}: {error}", program.display());
        let folder = self.folder();
        let log = File::options().create(true).append(true).open(folder.join("worker-said")).map_err(said)?;
        let mut command = Command::new(&program);
        command.args([frequency, "--name", name, "--manager", &format!("127.0.0.1:{}", self.ports.workers)]);
        command.args(["--discovery", &format!("127.0.0.1:{}", self.ports.discovery), "--token-file"]).arg(folder.join("state/join-token"));
        command.args(more).arg("--state").arg(folder.join(name)).stdin(Stdio::null()).stdout(log.try_clone().map_err(said)?).stderr(log);
        let worker = Worker(command.spawn().map_err(said)?);
        self.wait_until("joined by a worker", |server| Ok(server.node(name).is_ok_and(|node| node["state"] == "ready")))?;
        Ok(worker)
    }

    /// What is known of a node.
    ///
    /// # Errors
    /// When it is not known, or the server does not answer.
    pub fn node(&self, name: &str) -> Result<Value, String> {
        let (status, text) = http::get(self.ports.front_end, &format!("/v1/nodes/{name}"))?;
        if status != 200 {
            return Err(format!("/v1/nodes/{name} answers {status}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("/v1/nodes/{name}: {error}"))
    }

    /// Plays `management stress` against it; returns the report.
    ///
    /// # Errors
    /// When the client fails.
    pub fn stress(&self, arguments: &[&str]) -> Result<Value, String> {
        let url = self.url();
        let mut all = vec!["stress"];
        all.extend(arguments);
        all.extend(["--server", &url, "-q", "-o", "json"]);
        let text = run::program_of(&self.launch.program, &all).output()?;
        serde_json::from_str(&text).map_err(|error| format!("stress: {error}"))
    }

    /// Kills it, and starts it again with the same records and port; does not wait until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub fn kill_and_spawn(&mut self) -> Outcome {
        self.child.kill().and_then(|()| self.child.wait()).map_err(|error| error.to_string())?;
        self.child = self.launch.spawn(self.ports)?;
        Ok(())
    }

    /// Ends it as an operator would; what it leaves behind goes too.
    ///
    /// # Errors
    /// When it does not end in time, or says that it failed.
    pub fn stop(mut self) -> Outcome {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or("a process has an id")?;
        kill_process(id, Signal::TERM).map_err(|error| error.to_string())?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                let folder = self.folder();
                return match status.success() {
                    true => std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display())),
                    false => Err(format!("management ended with {status}: {}", self.last_words())),
                };
            }
            sleep(Duration::from_millis(50));
        }
        Err(format!("management did not end within {} s of SIGTERM", PATIENCE.as_secs()))
    }

    fn last_words(&self) -> String {
        last_lines(&self.folder().join("said"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its end is a death, which is what some want to see; its tasks end with the lease.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever returns early leaves no server behind; one that has ended already takes no harm.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The program that was asked for, else the release build.
///
/// # Errors
/// When it does not build, or is not there.
pub fn program(asked: Option<&Path>) -> Result<PathBuf, String> {
    match asked {
        Some(path) => path.canonicalize().map_err(|error| format!("{}: {error}", path.display())),
        None => crate::check::build(),
    }
}

/// A port that is free now.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

fn last_lines(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
