//! The driver: a task is a process group, or a container, under a guard of its own.
//!
//! A command never waits. Starts and resizes go to a few threads that write what is to run and start a guard; one thread waits for news of all guards. What they
//! learn comes out as signals of a bounded channel, in order for each run, and the shell gives them to the agent. Nothing is killed when
//! the driver goes: the guards live on, and the next driver of the same root finds them.
//!
//! A process cannot be checkpointed, and keeps the cores and the memory that it was started with; commands about that are refused.

mod leftovers;
mod ready;
mod start;
pub(crate) mod table;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use engine::question::{Fetch, Leftover, LogPart};
use engine::{Command, Driver, Signal, Signals, What};
use model::{Bytes, Millis, NodeId, Run, TaskKey};
use tokio::sync::mpsc;

use crate::Error;
use crate::drivers::Runner;
use crate::image::Source;
use crate::run::{Engine, Launch, ProcessEngine, Recovered, Resume, RunId, Runs, Stream, Truth};
use ready::Ready;
use start::Deed;
use table::Table;

/// The most that waits for a thread. Each start has cores of its own, so a node cannot have more at once.
const MOST_STARTS: usize = model::MOST_CORES as usize;
/// The most signals that wait for the shell.
const MOST_SIGNALS: usize = 4 * MOST_STARTS;
/// Starting is mostly waiting for the disk, so a few threads are enough for any node.
const STARTERS: usize = 4;

/// How tasks are run on this node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the folders of the runs are.
    pub root: PathBuf,
    /// The program that is the guard: this one.
    pub program: PathBuf,
    /// The most that is kept of each output stream of a run.
    pub output_cap: Bytes,
    /// What runs them.
    pub engine: Engine,
}

impl Settings {
    /// The usual: this very program, 10 MiB of each stream, processes without cgroups.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        let engine = Engine::Process(ProcessEngine::here(Vec::new()));
        Self { root, program: "/proc/self/exe".into(), output_cap: Bytes(10 << 20), engine }
    }
}

/// What the threads of a driver share.
#[derive(Debug)]
struct Shared {
    runs: Runs,
    settings: Settings,
    table: Table,
    ready: Ready,
    signals: mpsc::Sender<Signal>,
}

impl Shared {
    /// Tells the shell. It waits where the shell has fallen behind, and not at all where it is gone.
    fn tell(&self, id: RunId, what: What) {
        match what {
            What::Prepared => {}
            // It is here now.
            What::Started => ready::release(self, id),
            _ => ready::dismiss(self, id),
        }
        let _ = self.signals.blocking_send(Signal { task: id.task, run: id.run, what });
    }
}

/// Runs tasks under guards.
#[derive(Debug)]
pub struct GuardedDriver {
    shared: Arc<Shared>,
    /// To the threads that start and resize, and to those that make ready, as long as an image takes to come.
    deeds: Option<[SyncSender<Deed>; 2]>,
    /// Of whoever gives the orders.
    term: u32,
    /// Where images lie that runs may go on from.
    sources: BTreeMap<NodeId, Source>,
    threads: Vec<JoinHandle<()>>,
    /// Wakes the thread that deletes. It is not waited for at the end: what is left is deleted by the next worker.
    sweeper: SyncSender<()>,
}

impl GuardedDriver {
    /// A driver over the root of the settings, with the runs that it finds there: the agent has to adopt them before it hears the first
    /// signal. Of each of them the signals come as if it had just been started: that it runs, if it does, and how it ends.
    ///
    /// # Errors
    /// When the root cannot be used, or another worker has it.
    pub fn open(settings: Settings) -> Result<(Self, Vec<Recovered>, mpsc::Receiver<Signal>), Error> {
        let runs = Runs::open(&settings.root)?;
        let recovered = runs.recover()?;
        runs.sweep(&settings.engine, &recovered)?;
        let (signals, receiver) = mpsc::channel(MOST_SIGNALS.max(2 * recovered.len()));
        let table = Table::new().map_err(Error::root(&settings.root))?;
        let shared = Arc::new(Shared { runs, settings, table, ready: Ready::default(), signals });
        let mut threads = Vec::new();
        for run in &recovered {
            match &run.truth {
                Truth::Ended(record) => {
                    let began = record.started.map(|_| What::Started);
                    for what in began.into_iter().chain([record.what(false)]) {
                        let signal = Signal { task: run.id.task, run: run.id.run, what };
                        shared.signals.try_send(signal).expect("the channel has room for two signals of each run that was found");
                    }
                }
                Truth::Running => watch::adopt(&shared, run.id),
            }
        }
        let watched = Arc::clone(&shared);
        threads.push(thread::spawn(move || watch::all(&watched)));
        let deeds = [(); 2].map(|()| {
            let (deeds, queue) = sync_channel(MOST_STARTS);
            let queue = Arc::new(std::sync::Mutex::new(queue));
            for _ in 0..STARTERS {
                let (shared, queue) = (Arc::clone(&shared), Arc::clone(&queue));
                threads.push(thread::spawn(move || start::each(&shared, &queue)));
            }
            deeds
        });
        let (sweeper, nudges) = sync_channel(1);
        let trash = shared.runs.trash();
        thread::spawn(move || {
            trash.empty();
            nudges.iter().for_each(|()| trash.empty());
        });
        Ok((Self { shared, deeds: Some(deeds), term: 0, sources: BTreeMap::new(), threads, sweeper }, recovered, receiver))
    }

    /// The folders of the runs.
    #[must_use]
    pub fn runs(&self) -> &Runs {
        &self.shared.runs
    }

    /// What was discarded is deleted when there is time: a task may have left any number of files.
    fn sweep(&self) {
        // One nudge that waits is as good as many.
        let _ = self.sweeper.try_send(());
    }

    /// Whether its runs can be checkpointed.
    fn moves(&self) -> bool {
        matches!(self.shared.settings.engine, Engine::Docker(_))
    }

    fn start(&mut self, now: Millis, id: RunId, launch: Launch, signals: &mut Signals) {
        if !self.shared.table.expect(id) {
            return;
        }
        if !self.give(Deed::Start(Box::new(Launch { term: self.term, ..launch }))) {
            self.shared.table.forget(id);
            signals.push((now, Signal { task: id.task, run: id.run, what: What::Refused }));
        }
    }

    /// Gives the threads something to do; false where too much waits for them.
    fn give(&self, deed: Deed) -> bool {
        let [starts, others] = self.deeds.as_ref().expect("they are there until the driver is dropped");
        if matches!(deed, Deed::Prepare(_)) { others.try_send(deed).is_ok() } else { starts.try_send(deed).is_ok() }
    }

    fn checkpoint(&self, id: RunId, keep: bool) -> bool {
        let folder = self.runs().run(id);
        // One that was refused before says nothing of this.
        let _ = std::fs::remove_file(folder.file("refused"));
        folder.set_kept(keep).is_ok() && self.shared.table.checkpoint(id)
    }

    fn prepare(&mut self, now: Millis, id: RunId, launch: Launch, signals: &mut Signals) {
        let what = if self.moves() {
            self.shared.ready.expect(id);
            if self.give(Deed::Prepare(Box::new(launch))) {
                return;
            }
            ready::dismiss(&self.shared, id);
            What::Refused
        } else {
            // There is nothing to make ready for a process, which its source will not checkpoint.
            What::Prepared
        };
        signals.push((now, Signal { task: id.task, run: id.run, what }));
    }

    fn stop(&mut self, now: Millis, id: RunId, signals: &mut Signals) {
        ready::dismiss(&self.shared, id);
        if !self.shared.table.stop(id) {
            // Its last signal is on the way. This one goes behind it, in case the agent waits for another.
            let stopped = Signal { task: id.task, run: id.run, what: What::Stopped };
            if let Err(refused) = self.shared.signals.try_send(stopped) {
                signals.push((now, refused.into_inner()));
            }
        }
    }
}

impl Driver for GuardedDriver {
    fn command(&mut self, now: Millis, task: TaskKey, run: Run, command: Command, signals: &mut Signals) {
        let id = RunId { task, run };
        match command {
            Command::Start(start) => self.start(now, id, Launch::of(task, run, start), signals),
            Command::Prepare(start) => self.prepare(now, id, Launch::of(task, run, start), signals),
            Command::Stop => self.stop(now, id, signals),
            Command::Checkpoint { keep } if self.moves() && self.checkpoint(id, keep) => {}
            Command::Checkpoint { .. } => signals.push((now, Signal { task, run, what: What::CheckpointRefused })),
            Command::Resize { number, cpuset, memory } => {
                if !self.give(Deed::Resize { id, number, cpuset: cpuset.clone(), memory }) {
                    signals.push((now, Signal { task, run, what: What::Resized { number, done: false } }));
                }
            }
            Command::Restore { start, image, source } => {
                let source = source.map_or(Some(Source::Here), |node| self.sources.get(&node).cloned());
                match source.filter(|_| self.moves()) {
                    Some(source) => {
                        let resume = Some(Resume { source, size: image.size, kept: start.resume.is_some() });
                        self.start(now, id, Launch { resume, elapsed: image.elapsed, ..Launch::of(task, run, start) }, signals);
                    }
                    None => signals.push((now, Signal { task, run, what: What::Refused })),
                }
            }
        }
    }
}

/// All times are those of [`crate::run::boot_time`].
impl Runner for GuardedDriver {
    fn lease(&self) -> Option<Millis> {
        self.runs().lease().read()
    }

    fn renew(&self, deadline: Millis) -> io::Result<()> {
        self.runs().lease().write(deadline)
    }

    fn kill_all(&self) {
        self.shared.table.kill_all();
    }

    fn acknowledge(&self, id: RunId) -> io::Result<()> {
        // One that was never written has nothing to say after a restart.
        let noted = if self.runs().run(id).path().exists() { self.runs().acknowledge(id) } else { Ok(()) };
        self.sweep();
        noted
    }

    fn serve(&mut self, term: u32) {
        self.term = term;
    }

    fn meet(&mut self, node: NodeId, source: Source) {
        self.sources.insert(node, source);
    }

    fn prune(&self, keep: usize) -> Result<(), Error> {
        let pruned = self.runs().prune(keep);
        self.sweep();
        pruned
    }

    fn leftovers(&self, remove: Vec<Leftover>) -> Box<dyn FnOnce() -> Vec<Leftover> + Send> {
        let shared = Arc::clone(&self.shared);
        Box::new(move || leftovers::look(&shared, &remove))
    }

    fn fetching(&self, id: RunId) -> Option<Fetch> {
        let folder = self.runs().run(id);
        folder.fetching().filter(|_| folder.running().is_none() && !folder.has("exit.json"))
    }

    fn log(&self, id: RunId, stream: Stream, offset: u64, most: u32) -> io::Result<Option<LogPart>> {
        self.runs().log(id, stream, offset, most)
    }
}

impl Drop for GuardedDriver {
    fn drop(&mut self) {
        self.deeds = None;
        self.shared.table.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
        ready::close(&self.shared);
    }
}
