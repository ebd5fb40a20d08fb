//! A node for tests: a driver over a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use engine::{Command, Driver, Signal, What};
use model::{
    Bytes, ContainerSpec, Cores, CpuSet, HealthCheck, JobId, Millis, PlacementRules, Run, Simulate, Start, TaskKey, TaskKind, TaskSpec,
    Volume,
};
use tokio::sync::mpsc::Receiver;
use workers::cgroup::CgroupSupport;
use workers::drivers::Runner as _;
use workers::drivers::guarded::{GuardedDriver, Settings};
use workers::run::{Engine, ProcessEngine, Recovered, RunFolder, RunId, Stream, boot_time};

use crate::eyes::{PATIENCE, eventually};

pub struct Node {
    pub driver: GuardedDriver,
    pub signals: Receiver<Signal>,
    pub root: Arc<tempfile::TempDir>,
    pub recovered: Vec<Recovered>,
    settings: Settings,
    runtime: tokio::runtime::Runtime,
}

/// What a test asks of a task beside its command.
#[derive(Clone)]
pub struct Wish {
    pub environment: BTreeMap<String, String>,
    pub ports: BTreeMap<String, u16>,
    pub image: String,
    pub volumes: Vec<Volume>,
    pub health: Option<HealthCheck>,
    pub grace: Millis,
    pub memory: Bytes,
    pub cpuset: CpuSet,
}

impl Default for Wish {
    fn default() -> Self {
        let (environment, ports, volumes, health) = Default::default();
        let (image, cpuset) = (String::new(), "0".parse().unwrap());
        Self { environment, ports, image, volumes, health, grace: Millis(10_000), memory: Bytes(64 << 20), cpuset }
    }
}

impl Node {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let root = Arc::new(tempfile::tempdir().unwrap());
        let mut settings = Settings { program: env!("CARGO_BIN_EXE_worker").into(), ..Settings::new(root.path().join("root")) };
        change(&mut settings);
        let node = Self::open(root, settings);
        node.lease(Millis(60_000));
        node
    }

    pub fn with_cgroups(cgroups: CgroupSupport) -> Self {
        Self::with(|settings| settings.engine = Engine::Process(ProcessEngine::here(cgroups.hierarchies)))
    }

    fn open(root: Arc<tempfile::TempDir>, settings: Settings) -> Self {
        let (driver, recovered, signals) = GuardedDriver::open(settings.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { driver, signals, root, recovered, settings, runtime }
    }

    /// Lets tasks run for so long from now.
    pub fn lease(&self, span: Millis) {
        self.driver.renew(boot_time() + span).unwrap();
    }

    /// The worker ends without a word to its guards, and another begins.
    pub fn restart(self) -> Self {
        let (root, settings) = (Arc::clone(&self.root), self.settings.clone());
        drop(self);
        Self::open(root, settings)
    }

    /// The worker ends; the folder stays.
    pub fn abandon(self) -> Arc<tempfile::TempDir> {
        self.root
    }

    pub fn start(&mut self, number: u32, command: &[&str], wish: Wish) -> RunId {
        let id = id(number);
        let mut signals = Vec::new();
        self.driver.command(Millis(0), id.task, id.run, Command::Start(&order(command, wish)), &mut signals);
        assert_eq!(signals, []);
        id
    }

    pub fn shell(&mut self, number: u32, script: &str) -> RunId {
        self.start(number, &["/bin/sh", "-c", script], Wish::default())
    }

    pub fn stop(&mut self, id: RunId) {
        let mut signals = Vec::new();
        self.driver.command(Millis(0), id.task, id.run, Command::Stop, &mut signals);
        assert_eq!(signals, []);
    }

    /// The next signal, whichever run it is of.
    pub fn resize(&mut self, id: RunId, number: u16, cpuset: &str, memory: Bytes) {
        let (cpuset, mut signals) = (cpuset.parse().unwrap(), Vec::new());
        self.driver.command(Millis(0), id.task, id.run, Command::Resize { number, cpuset: &cpuset, memory }, &mut signals);
        assert_eq!(signals, []);
    }

    pub fn next(&mut self) -> (RunId, What) {
        let heard = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, self.signals.recv()).await });
        let Signal { task, run, what } = heard.expect("a signal comes").expect("the driver lives");
        (RunId { task, run }, what)
    }

    pub fn expect(&mut self, id: RunId, what: What) {
        assert_eq!(self.next(), (id, what), "{:?}\n{}", self.folder(id).exit(), self.log(id));
    }

    /// Starts a script and waits until it runs.
    pub fn running(&mut self, number: u32, script: &str) -> RunId {
        let id = self.shell(number, script);
        self.expect(id, What::Started);
        id
    }

    pub fn folder(&self, id: RunId) -> RunFolder {
        self.driver.runs().run(id)
    }

    pub fn output(&self, id: RunId) -> String {
        self.stream(id, Stream::Out)
    }

    pub fn stream(&self, id: RunId, stream: Stream) -> String {
        let part = self.driver.runs().log(id, stream, 0, 1 << 20).unwrap();
        part.map_or_else(String::new, |part| String::from_utf8(part.bytes).unwrap())
    }

    pub fn log(&self, id: RunId) -> String {
        let errors = self.stream(id, Stream::Err);
        let guard = fs::read_to_string(self.folder(id).path().join("guard.log")).unwrap_or_default();
        format!("{errors}{guard}")
    }

    /// Waits until a task has printed a line that says so.
    pub fn hear(&self, id: RunId, word: &str) {
        eventually(&format!("the task prints {word}"), || self.output(id).contains(word));
    }

    pub fn guard(&self, id: RunId) -> i32 {
        fs::read_to_string(self.folder(id).path().join("lock")).unwrap().trim().parse().unwrap()
    }
}

pub fn id(number: u32) -> RunId {
    RunId { task: TaskKey { job: JobId(number), instance: 0 }, run: Run { attempt: 1, placement: 1 } }
}

pub fn order(command: &[&str], wish: Wish) -> Start {
    let Wish { environment, ports, image, volumes, health, grace, memory, cpuset } = wish;
    let command = command.iter().map(|&word| word.to_owned()).collect();
    let task = TaskSpec {
        name: "task".parse().unwrap(),
        kind: TaskKind::Container,
        count: 1,
        cores: Cores(1),
        memory,
        rules: PlacementRules::default(),
        depends_on: Vec::new(),
        attempts: 1,
        at_most_once: false,
        timeout: None,
        expected: None,
        stop_grace: grace,
        simulate: Simulate::default(),
        container: Some(Box::new(ContainerSpec { image, command, environment, ports, volumes, health, network: None })),
    };
    Start { cpuset, memory, spec: Arc::new(task), limit: None, elapsed: Millis::ZERO, ends: None, resume: None }
}
