//! A live system of real processes in a temporary folder: `management` and its workers, on ports of their own. Whatever a test does,
//! nothing of it is left.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::docker::Docker;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A program that runs; killed at the end of the test.
pub struct Running(pub Child);

impl Running {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.id() as i32).unwrap(), signal).unwrap();
    }

    /// Kills it at once.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end by itself; the exit code.
    pub fn end(mut self) -> i32 {
        let mut code = None;
        eventually("it ends", || {
            code = self.0.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().code().expect("it ends by itself")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder, the ports, and what was changed of the configuration.
pub struct Site {
    pub folder: tempfile::TempDir,
    ports: [u16; 5],
    variables: Vec<(String, String)>,
}

impl Site {
    pub fn new() -> Self {
        // Bound together, so that they differ; free again for the programs a moment later.
        let bound: Vec<TcpListener> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports = std::array::from_fn(|index| bound[index].local_addr().unwrap().port());
        Self { folder: tempfile::tempdir().unwrap(), ports, variables: Vec::new() }
    }

    /// With a key of the configuration.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.variables.push((format!("WHARFINGER_{key}"), value.into()));
        self
    }

    pub fn log(&self, name: &str) -> File {
        File::options().create(true).append(true).open(self.folder.path().join(format!("{name}.log"))).unwrap()
    }

    /// What a program has logged.
    pub fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The command that launches the system.
    pub fn up(&self, arguments: &[&str]) -> Command {
        let keys = ["FE__PORT", "JM__PORT", "GM__PORT", "GM__WORKER_PORT", "DC__PORT"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_management"));
        command.arg("up").args(arguments).arg("--state").arg(self.state()).current_dir(self.folder.path());
        command.envs(keys.iter().zip(self.ports).map(|(key, port)| (format!("WHARFINGER_{key}"), port.to_string())));
        command.envs(self.variables.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Launches the system and waits until it is ready.
    pub fn launch(&self) -> Running {
        let running = self.begin();
        self.ready();
        running
    }

    /// Launches the system with a worker, `n1` on core 0, and waits until both are ready; none, said, where the program was not built.
    pub fn launch_with_worker(&self) -> Option<(Running, Running)> {
        let management = self.launch();
        let worker = self.worker("n1", "0")?;
        self.node("n1", "ready");
        Some((management, worker))
    }

    /// Launches the system.
    pub fn begin(&self) -> Running {
        Running(self.up(&[]).stderr(self.log("management")).spawn().unwrap())
    }

    /// Launches one actor.
    pub fn actor(&self, name: &str) -> Running {
        Running(self.up(&["--actor", name]).stderr(self.log(name)).spawn().unwrap())
    }

    /// The GlobalManager's port for workers, and Discovery's.
    pub fn worker_ports(&self) -> [u16; 2] {
        [self.ports[3], self.ports[4]]
    }

    pub fn ready(&self) {
        eventually("the system is ready", || self.get("/readyz").is_some());
    }

    /// Starts a worker; none, said, where the program was not built.
    pub fn worker(&self, name: &str, cores: &str) -> Option<Running> {
        self.worker_in(name, cores, name)
    }

    /// The same with a state folder of another name.
    pub fn worker_in(&self, name: &str, cores: &str, folder: &str) -> Option<Running> {
        Some(self.worker_by(Command::new(crate::support::worker()?), "127.0.0.1", name, cores, folder))
    }

    /// Starts a worker whose tasks are containers of a Docker, which has this part in the Swarm; none, said, where the program was not built.
    pub fn docker_worker(&self, docker: &Docker, part: &str, more: &[&str]) -> Option<Running> {
        let mut command = Command::new(crate::support::worker()?);
        command.args(["--engine", "docker", "--docker", docker.text("socket"), "--swarm", part, "--swarm-address", docker.text("address")]);
        command.args(["--swarm-pool", "10.50.0.0/16", "--network-idle", "2", "--images", "127.0.0.1:0"]).args(more);
        Some(self.worker_by(command, "127.0.0.1", docker.text("name"), "0-1", docker.text("name")))
    }

    /// The same by this command, where management is at that address.
    pub fn worker_by(&self, mut command: Command, host: &str, name: &str, cores: &str, folder: &str) -> Running {
        command.args(["--name", name, "--cores", cores, "--memory", "256MiB", "--drain", "20"]);
        command.args(["--manager", &format!("{host}:{}", self.ports[3]), "--discovery", &format!("{host}:{}", self.ports[4])]);
        command.arg("--token-file").arg(self.state().join("join-token")).arg("--state").arg(self.folder.path().join(folder));
        Running(command.arg("0.1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log(folder)).spawn().unwrap())
    }

    /// Waits until a node is in a state.
    pub fn node(&self, name: &str, state: &str) {
        eventually_well(|| {
            let good = self.get(&format!("/v1/nodes/{name}")).is_some_and(|node| node["state"] == state);
            good.then_some(()).ok_or_else(|| format!("{name} is {state}: {:?}", self.get("/v1/nodes")))
        });
    }

    /// A path of the earlier system's GlobalManager, which had a port of its own.
    pub fn earlier_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[2])
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[0])
    }

    /// What a route answers, if it answers well.
    pub fn get(&self, path: &str) -> Option<Value> {
        let mut answer = ureq::get(self.url(path)).call().ok()?;
        answer.body_mut().read_json().ok()
    }

    /// The same of one that answers in text.
    pub fn text(&self, path: &str) -> Option<String> {
        let mut answer = ureq::get(self.url(path)).call().ok()?;
        answer.body_mut().read_to_string().ok()
    }

    /// A task's output.
    pub fn output(&self, job: &str) -> String {
        self.text(&format!("/v1/jobs/{job}/tasks/work/logs")).unwrap()
    }

    /// Submits a job of one task that is a script, and gives its id.
    pub fn submit(&self, name: &str, script: &str, more: Value) -> String {
        let mut task = json!({ "kind": "container", "command": ["/bin/sh", "-c", script], "resources": { "cores": 1, "memory": "16m" } });
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.submit_job(&json!({ "name": name, "tasks": { "work": task } }))
    }

    /// Submits a job; its id.
    pub fn submit_job(&self, job: &Value) -> String {
        let mut answer = ureq::post(self.url("/v1/jobs")).send_json(job).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    pub fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/jobs/{id}")).unwrap_or_default()
    }

    /// Waits until a job is in a state, and gives it.
    pub fn until(&self, id: &str, state: &str) -> Value {
        let mut job = Value::Null;
        let until = Instant::now() + PATIENCE;
        loop {
            job = self.get(&format!("/v1/jobs/{id}")).unwrap_or(job);
            if job["state"] == state {
                return job;
            }
            assert!(Instant::now() < until, "{id} is not {state}: {job:#}\n{}", self.logged("management"));
            sleep(Duration::from_millis(20));
        }
    }

    /// A script that leaves a line in a file when it begins and when it has ended, and sleeps between.
    pub fn marking(&self, seconds: &str) -> (String, PathBuf) {
        let file = self.folder.path().join("marks");
        (format!("echo began >> {0}; sleep {seconds}; echo ended >> {0}", file.display()), file)
    }

    /// The processes of runs of this site.
    pub fn processes(&self) -> Vec<i32> {
        let marker = format!("WHARFINGER_RUN={}", self.folder.path().canonicalize().unwrap().display());
        let of_site =
            |pid: &i32| fs::read(format!("/proc/{pid}/environ")).is_ok_and(|text| String::from_utf8_lossy(&text).contains(&marker));
        pids().filter(of_site).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Also what was launched to outlive its launcher: it has its folder on its command line.
        for pid in naming(self.folder.path()).chain(self.processes()) {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

/// All processes that have a folder on their command lines.
pub fn naming(folder: &Path) -> impl Iterator<Item = i32> {
    let folder = folder.to_string_lossy().into_owned();
    pids().filter(move |pid| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&folder)))
}

/// All processes of this host.
fn pids() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    eventually_well(|| holds().then_some(()).ok_or_else(|| what.to_owned()));
}

/// Waits until it is well; what is wrong still is said otherwise.
pub fn eventually_well<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(wrong) => assert!(Instant::now() < until, "not in {PATIENCE:?}: {wrong}"),
        }
        sleep(Duration::from_millis(20));
    }
}

pub fn marks(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
