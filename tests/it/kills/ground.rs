//! What really runs: machines whose guards outlive their workers. A worker is killed by a fuse that blows at one of its steps: what it does
//! from there on does not happen.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use engine::question::LogPart;
use engine::{Behaviour, Command, Driver, Signal, Signals, What};
use model::{Fence, Millis, NodeId, NodeSpec, Run, Start, TaskKey};
use rand::RngExt as _;
use rand_pcg::Pcg64Mcg;
use tokio::sync::{Notify, mpsc};
use wharfinger::runtime::Clock;
use wharfinger::sim::behaviour::Nature;
use wharfinger::sim::random::substream;
use workers::Error;
use workers::drivers::Runner;
use workers::run::{ExitRecord, Launch, Recovered, Request, RunId, Stream, Truth, Why};
use workers::shell::Remember;

use super::ledger::Ledger;

/// Draws of one scenario.
pub struct Chance(Mutex<Pcg64Mcg>);

impl Chance {
    pub fn new(seed: u64, purpose: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(substream(seed, purpose, &[]))))
    }

    /// A number below `most`.
    pub fn below(&self, most: u64) -> u64 {
        self.0.lock().unwrap().random_range(0..most.max(1))
    }

    /// Waits less than so many milliseconds.
    pub async fn pause(&self, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(most_ms))).await;
    }
}

/// Blows after so many steps of a worker's life.
pub struct Fuse {
    left: AtomicI64,
    blown: AtomicBool,
    pub dead: Notify,
}

impl Fuse {
    pub fn new(steps: Option<i64>) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(steps.unwrap_or(i64::MAX)), blown: AtomicBool::new(false), dead: Notify::new() })
    }

    /// One more step: false where it does not happen, because its worker was killed.
    pub fn step(&self) -> bool {
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            self.blow();
        }
        !self.blown.load(Ordering::Relaxed)
    }

    /// The worker is killed here.
    pub fn blow(&self) {
        self.blown.store(true, Ordering::Relaxed);
        self.dead.notify_one();
    }

    fn holds(&self) -> bool {
        !self.blown.load(Ordering::Relaxed)
    }
}

/// What is known of a run on its machine's disk, and its guard.
struct Folder {
    launch: Option<Launch>,
    start: Start,
    /// Where a guard that has the lock hears requests.
    guard: Option<mpsc::UnboundedSender<Request>>,
    begun: bool,
    started: Option<Millis>,
    exit: Option<ExitRecord>,
    reported: bool,
}

/// A machine: its disk and its guards. It outlives its workers.
pub struct Machine {
    pub index: usize,
    pub clock: Clock,
    pub chance: Arc<Chance>,
    ledger: Arc<Ledger>,
    nature: Nature,
    disk: Mutex<Disk>,
}

#[derive(Default)]
struct Disk {
    instance: u64,
    membership: Option<(NodeId, Fence)>,
    lease: Option<Millis>,
    folders: BTreeMap<RunId, Folder>,
    worker: Weak<Life>,
}

impl Machine {
    pub fn new(index: usize, clock: Clock, chance: Arc<Chance>, ledger: Arc<Ledger>, nature: Nature) -> Arc<Self> {
        let disk = Disk { instance: index as u64 * 1000, ..Disk::default() };
        Arc::new(Self { index, clock, chance, ledger, nature, disk: Mutex::new(disk) })
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// One of its guards is killed, and its task with it.
    pub fn kill_guard(&self) {
        let mut disk = self.disk();
        let live: Vec<RunId> = disk.folders.iter().filter(|(_, folder)| folder.guard.is_some()).map(|(id, _)| *id).collect();
        if let Some(id) = live.get(self.chance.below(live.len() as u64) as usize) {
            // A guard that hears nothing any more takes it for its death.
            disk.folders.get_mut(id).unwrap().guard = None;
        }
    }

    /// The state folder is deleted; what runs is killed by the next worker, which looks for what bears the folder's name.
    pub fn wipe(&self) {
        let mut disk = self.disk();
        disk.folders.values().flat_map(|folder| &folder.guard).for_each(|guard| _ = guard.send(Request::Kill));
        let instance = disk.instance + 1;
        *disk = Disk { instance, ..Disk::default() };
    }

    /// A worker starts on it: what it finds, and where it hears of its runs.
    pub fn open(self: &Arc<Self>, fuse: Arc<Fuse>) -> (Hands, Vec<Recovered>, mpsc::Receiver<Signal>) {
        let (signals, receiver) = mpsc::channel(10_000);
        let life = Arc::new(Life { machine: Arc::clone(self), fuse, known: Mutex::default(), signals });
        let mut disk = self.disk();
        disk.worker = Arc::downgrade(&life);
        disk.folders.retain(|_, folder| folder.launch.is_some());
        let mut found = Vec::new();
        for (&id, folder) in disk.folders.iter_mut().filter(|(_, folder)| !folder.reported) {
            if folder.guard.is_none() && folder.exit.is_none() {
                folder.exit = Some(ExitRecord { begun: folder.begun, started: folder.started, ..lost(self.clock.now()) });
            }
            let launch = folder.launch.clone().unwrap();
            let truth = match folder.exit.clone() {
                Some(record) => Truth::Ended(record),
                None => Truth::Running,
            };
            let elapsed = folder.started.map_or(Millis::ZERO, |started| self.clock.now().since(started));
            match &truth {
                Truth::Ended(record) => {
                    let began = record.started.map(|_| What::Started);
                    began.into_iter().chain([record.what(false)]).for_each(|what| life.tell(id, what));
                }
                Truth::Running => {
                    life.known().insert(id, Entry::default());
                    if folder.started.is_some() {
                        life.started(id);
                    }
                }
            }
            found.push(Recovered { id, launch, elapsed, truth });
        }
        drop(disk);
        (Hands(life), found, receiver)
    }

    /// The guard of a run, from its start to its end.
    async fn guard(self: Arc<Self>, id: RunId) {
        self.chance.pause(5).await;
        let (ask, mut asked) = mpsc::unbounded_channel();
        let start = {
            let mut disk = self.disk();
            let Some(folder) = disk.folders.get_mut(&id).filter(|folder| !folder.begun && folder.exit.is_none()) else { return };
            folder.guard = Some(ask);
            folder.start.clone()
        };
        self.chance.pause(20).await;
        let lease = self.disk().lease.filter(|lease| *lease > self.clock.now());
        let record = match lease {
            Some(lease) => {
                if let Some(folder) = self.disk().folders.get_mut(&id) {
                    folder.begun = true;
                }
                self.chance.pause(20).await;
                self.ledger.begin(self.clock.now(), self.index, id, &start.cpuset, start.spec.at_most_once);
                let started = self.clock.now();
                if let Some(folder) = self.disk().folders.get_mut(&id) {
                    folder.started = Some(started);
                }
                self.news(id, |life| life.started(id));
                let record = self.run(id, &start, lease, &mut asked).await;
                self.ledger.end(self.index, id, record.as_ref());
                record
            }
            None => Some(ExitRecord::never_begun(Why::LaunchFailed { cause: "no lease".into() }, self.clock.now())),
        };
        if let Some(folder) = self.disk().folders.get_mut(&id) {
            (folder.guard, folder.exit) = (None, record);
        }
        self.news(id, |life| life.gone(id));
    }

    /// The task itself: how it ended; nothing where its guard was killed.
    async fn run(&self, id: RunId, start: &Start, mut lease: Millis, asked: &mut mpsc::UnboundedReceiver<Request>) -> Option<ExitRecord> {
        let (length, code) = self.nature.attempt(id.task, id.run.attempt, &start.spec);
        let started = self.clock.now();
        let mut over = length.map_or(Millis::NEVER, |length| started.plus(length));
        let mut why = Why::Exited;
        loop {
            let due = self.clock.instant(over.min(lease));
            tokio::select! {
                biased;
                request = asked.recv() => match request? {
                    Request::Kill => (over, why) = (self.clock.now(), Why::Stopped),
                    Request::Stop => {
                        over = over.min(self.clock.now().plus(Millis(self.chance.below(start.spec.stop_grace.0))));
                        why = Why::Stopped;
                    }
                    // The driver here refuses it, and asks no guard.
                    Request::Checkpoint => {}
                },
                () = tokio::time::sleep_until(due) => {}
            }
            let now = self.clock.now();
            if now >= over {
                break;
            }
            if now >= lease {
                lease = self.disk().lease.unwrap_or(lease).max(lease);
            }
            if now >= lease {
                why = if why == Why::Exited { Why::Lease } else { why };
                break;
            }
        }
        let code = (why == Why::Exited).then_some(code);
        Some(ExitRecord { code, begun: true, started: Some(started), ..ExitRecord::never_begun(why, self.clock.now()) })
    }

    fn news(&self, id: RunId, tell: impl FnOnce(&Arc<Life>)) {
        let worker = self.disk().worker.upgrade();
        if let Some(life) = worker.filter(|life| life.known().contains_key(&id)) {
            tell(&life);
        }
    }
}

fn lost(now: Millis) -> ExitRecord {
    ExitRecord::never_begun(Why::GuardLost, now)
}

/// What a worker knows of a run that has not ended.
#[derive(Default)]
struct Entry {
    told: bool,
    asked: Option<Request>,
}

/// A worker from its start to its death.
pub struct Life {
    machine: Arc<Machine>,
    fuse: Arc<Fuse>,
    known: Mutex<BTreeMap<RunId, Entry>>,
    signals: mpsc::Sender<Signal>,
}

impl Life {
    fn known(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        self.known.lock().unwrap()
    }

    fn tell(&self, id: RunId, what: What) {
        // Its shell may be gone.
        let _ = self.signals.try_send(Signal { task: id.task, run: id.run, what });
    }

    fn started(&self, id: RunId) {
        let first = self.known().get_mut(&id).is_some_and(|entry| !std::mem::replace(&mut entry.told, true));
        if first {
            self.tell(id, What::Started);
        }
    }

    fn gone(&self, id: RunId) {
        let record = {
            let mut disk = self.machine.disk();
            let Some(folder) = disk.folders.get_mut(&id) else { return };
            if folder.exit.is_none() && !self.fuse.step() {
                return;
            }
            let (begun, started) = (folder.begun, folder.started);
            folder.exit.get_or_insert_with(|| ExitRecord { begun, started, ..lost(self.machine.clock.now()) }).clone()
        };
        if record.started.is_some() {
            self.started(id);
        }
        let asked = self.known().remove(&id).is_some_and(|entry| entry.asked.is_some());
        self.tell(id, record.what(asked));
    }

    /// Writes down what is to run, and starts its guard; the worker may die before and after each of these.
    async fn start(self: Arc<Self>, id: RunId, start: Start) {
        self.machine.chance.pause(30).await;
        if self.known().get(&id).is_some_and(|entry| entry.asked.is_some()) {
            self.known().remove(&id);
            return self.tell(id, What::Stopped);
        }
        if !self.fuse.step() {
            return;
        }
        let folder = Folder { launch: None, start: start.clone(), guard: None, begun: false, started: None, exit: None, reported: false };
        let fresh = {
            let mut disk = self.machine.disk();
            let fresh = !disk.folders.contains_key(&id);
            disk.folders.entry(id).or_insert(folder);
            fresh
        };
        if !fresh {
            self.known().remove(&id);
            return self.tell(id, What::Refused);
        }
        self.machine.chance.pause(10).await;
        if !self.fuse.step() {
            return;
        }
        if let Some(folder) = self.machine.disk().folders.get_mut(&id) {
            folder.launch = Some(Launch::of(id.task, id.run, &start));
        }
        self.machine.chance.pause(10).await;
        if !self.fuse.step() {
            return;
        }
        let guard = tokio::spawn(Arc::clone(&self.machine).guard(id));
        // The control of a guard holds what was asked before it came to read it.
        while !guard.is_finished() && self.fuse.holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let heard = self.machine.disk().folders.get(&id).is_some_and(|folder| folder.guard.is_some());
            if heard {
                if let Some(request) = self.known().get(&id).and_then(|entry| entry.asked) {
                    self.ask(id, request);
                }
                return;
            }
        }
    }

    fn ask(&self, id: RunId, request: Request) {
        if self.fuse.step()
            && let Some(guard) = self.machine.disk().folders.get(&id).and_then(|folder| folder.guard.clone())
        {
            let _ = guard.send(request);
        }
    }
}

/// What a worker does its work with.
pub struct Hands(Arc<Life>);

impl Driver for Hands {
    fn command(&mut self, now: Millis, task: TaskKey, run: Run, command: Command, signals: &mut Signals) {
        let (life, id) = (&self.0, RunId { task, run });
        match command {
            Command::Start(start) => {
                let known = life.known().contains_key(&id);
                if !known {
                    life.known().insert(id, Entry::default());
                    tokio::spawn(Arc::clone(life).start(id, start.clone()));
                }
            }
            Command::Stop => {
                life.machine.ledger.stop(id);
                let known = life.known().get_mut(&id).map(|entry| entry.asked.get_or_insert(Request::Stop)).is_some();
                if known { life.ask(id, Request::Stop) } else { life.tell(id, What::Stopped) }
            }
            Command::Checkpoint { .. } => signals.push((now, Signal { task, run, what: What::CheckpointRefused })),
            // Every second one is refused; an order that is repeated is answered as it was before.
            Command::Resize { number, cpuset, .. } => {
                if life.fuse.step() {
                    let done = number % 2 == 0 && life.machine.ledger.resize(now, life.machine.index, id, cpuset);
                    signals.push((now, Signal { task, run, what: What::Resized { number, done } }));
                }
            }
            Command::Prepare(_) => signals.push((now, Signal { task, run, what: What::Prepared })),
            Command::Restore { .. } => signals.push((now, Signal { task, run, what: What::Refused })),
        }
    }
}

impl Runner for Hands {
    fn lease(&self) -> Option<Millis> {
        self.0.machine.disk().lease
    }

    fn renew(&self, deadline: Millis) -> io::Result<()> {
        if self.0.fuse.step() {
            self.0.machine.disk().lease = Some(deadline);
        }
        Ok(())
    }

    fn kill_all(&self) {
        let ids: Vec<RunId> = self.0.known().keys().copied().collect();
        for id in ids {
            if let Some(entry) = self.0.known().get_mut(&id) {
                entry.asked = Some(Request::Kill);
            }
            self.0.ask(id, Request::Kill);
        }
    }

    fn acknowledge(&self, id: RunId) -> io::Result<()> {
        if self.0.fuse.step()
            && let Some(folder) = self.0.machine.disk().folders.get_mut(&id)
        {
            folder.reported = true;
        }
        Ok(())
    }

    fn prune(&self, keep: usize) -> Result<(), Error> {
        if keep == 0 && self.0.fuse.step() {
            self.0.machine.disk().folders.retain(|_, folder| !folder.reported);
        }
        Ok(())
    }

    fn log(&self, _: RunId, _: Stream, _: u64, _: u32) -> io::Result<Option<LogPart>> {
        Ok(None)
    }
}

impl Hands {
    /// What it remembers with.
    pub fn mind(&self) -> Mind {
        Mind(Arc::clone(&self.0.machine), Arc::clone(&self.0.fuse))
    }
}

/// The same for what it remembers.
pub struct Mind(Arc<Machine>, Arc<Fuse>);

impl Remember for Mind {
    fn instance(&self) -> u64 {
        self.0.disk().instance
    }

    fn membership(&self, _: &NodeSpec) -> Option<(NodeId, Fence)> {
        self.0.disk().membership
    }

    fn remember(&self, _: &NodeSpec, node: NodeId, fence: Fence) -> Result<(), Error> {
        if self.1.step() {
            self.0.disk().membership = Some((node, fence));
        }
        Ok(())
    }

    fn forget(&self) {
        if self.1.step() {
            self.0.disk().membership = None;
        }
    }
}
