//! Workers that the control plane does not take with it, and tasks that no worker takes with it: management, workers and guards are killed
//! at any step, sessions break, and in the end the ledger of what really ran is looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use link::identity::PeerName;
use model::{
    Answer, Bytes, CoreWish, Cores, Distribution, JobBody, JobId, JobSpec, Labels, Millis, Name, NodeClass, NodeSpec, OnFailure, Operation,
    Policy, PolicyName, Request, Seconds, Simulate, Size, Submission, SubmitKey, TaskKey, TaskSpec, TaskState,
};
use proptest::prelude::*;
use tokio::task::JoinHandle;
use wharfinger::runtime::{ActorName, Clock, LiveOptions, System, start};
use wharfinger::sim::behaviour::Nature;
use wharfinger::sim::config::Timing;
use wharfinger::store::Memory;
use workers::shell::{Links, Node, Over, Pace, Stop};

use super::cut;
use super::ground::{Chance, Fuse, Machine};
use super::judge::judge;
use super::ledger::Ledger;
use super::wire::{Far, Net};

/// How long everything is killed and broken.
const UNREST: Duration = Duration::from_secs(40);
const LEASE: Millis = Millis(3000);
const MARGIN: Millis = Millis(200);

/// What is tried.
#[derive(Clone, Debug)]
struct Scenario {
    seed: u64,
    nodes: Vec<u32>,
    jobs: Vec<(u64, JobBody)>,
    /// Writes of each life of management until it is cut off, and whether the last one is durable; and how long it is away.
    cuts: Vec<(i64, bool, u64)>,
    /// About how many steps a worker lives.
    steps: u64,
    operations: Vec<(u64, u8, u32)>,
}

prop_compose! {
    fn task()(cores in 1u32..3, count in 1u32..4, tenths in 1u64..60, fails in 0u8..4, attempts in 1u16..8, at_most_once in 0u8..4) -> TaskSpec {
        TaskSpec {
            name: "t".parse().expect("a name"),
            count,
            cores: Cores(cores),
            memory: Bytes(1 << 20),
            attempts,
            at_most_once: at_most_once == 0,
            stop_grace: Millis(500),
            simulate: Simulate {
                duration: Some(Distribution::Constant(Seconds(Millis(tenths * 100)))),
                failure_probability: if fails == 0 { 0.4 } else { 0.0 },
                start_delay: None,
            },
            ..TaskSpec::default()
        }
    }
}

prop_compose! {
    fn body()(task in task(), gang: bool, fail_fast: bool, priority in 0i32..3) -> JobBody {
        // A gang that fits on the smallest node, so that every job can end.
        let gang = gang && task.cores.0 * task.count <= 2;
        let on_failure = if fail_fast { OnFailure::FailFast } else { OnFailure::Continue };
        JobBody { tenant: None, priority, labels: Labels::new(), on_failure, gang, deadline: None, tasks: vec![Arc::new(task)] }
    }
}

prop_compose! {
    fn scenario()(
        seed: u64,
        nodes in proptest::collection::vec(2u32..5, 1..4),
        jobs in proptest::collection::vec((0u64..30_000, body()), 1..7),
        cuts in proptest::collection::vec((0i64..150, any::<bool>(), 0u64..5000), 0..6),
        steps in 5u64..150,
        operations in proptest::collection::vec((0u64..35_000, 0u8..7, 0u32..6), 0..6),
    ) -> Scenario {
        Scenario { seed, nodes, jobs, cuts, steps, operations }
    }
}

/// Everything but management.
struct World {
    scenario: Scenario,
    clock: Clock,
    chance: Arc<Chance>,
    ledger: Arc<Ledger>,
    machines: Vec<Arc<Machine>>,
    nets: [Arc<Net>; 2],
    quiet: tokio::time::Instant,
}

impl World {
    fn new(scenario: Scenario) -> Arc<Self> {
        let clock = Clock::starting_at(Millis::ZERO);
        let (chance, ledger) = (Chance::new(scenario.seed, "kills"), Arc::new(Ledger::default()));
        let nature = Nature::new(scenario.seed, Timing::default());
        let machine = |index| Machine::new(index, clock, Arc::clone(&chance), Arc::clone(&ledger), nature);
        let machines = (0..scenario.nodes.len()).map(machine).collect();
        let nets = [Net::new(Arc::clone(&chance)), Net::new(Arc::clone(&chance))];
        Arc::new(Self { clock, machines, nets, ledger, chance, quiet: tokio::time::Instant::now() + UNREST, scenario })
    }

    fn peer(&self, index: usize) -> PeerName {
        format!("worker:n{index}").parse().expect("a name")
    }

    fn is_quiet(&self) -> bool {
        tokio::time::Instant::now() >= self.quiet
    }

    /// One life of management.
    async fn launch(&self, kept: &[Memory; 4], fuse: &cut::Fuse) -> System {
        let actors = [ActorName::GlobalManager, ActorName::Discovery];
        let line = |(actor, net): (ActorName, &Arc<Net>)| (actor, Arc::new(Far(Arc::clone(net))) as Arc<_>, net.bind());
        let options = LiveOptions {
            stores: fuse.stores(kept),
            policy: Policy::from(PolicyName::BestFit),
            round: Millis(100),
            lease: LEASE,
            lease_margin: MARGIN,
            limits: Default::default(),
            fleet: None,
            journal: None,
            network: None,
            lines: actors.into_iter().zip(&self.nets).map(line).collect(),
            clock: Some(self.clock),
        };
        start(options).await.expect("what was written is read")
    }

    /// The workers of a machine, one after the other.
    async fn work(self: Arc<Self>, index: usize) {
        let machine = Arc::clone(&self.machines[index]);
        let name: Name = format!("n{index}").parse().expect("a name");
        let class = NodeClass::plain(name.clone(), Cores(self.scenario.nodes[index]), Bytes(1 << 30));
        let spec = NodeSpec { name, class: Arc::new(class) };
        let clock = || self.clock.now();
        let pace = Pace { clock: &clock, heartbeat: Millis(300) };
        loop {
            let steps = (!self.is_quiet()).then(|| self.chance.below(2 * self.scenario.steps) as i64);
            let fuse = Fuse::new(steps);
            let (hands, recovered, mut signals) = machine.open(Arc::clone(&fuse));
            let mut node =
                Node::open(self.clock.now(), spec.clone(), pace.heartbeat, hands.mind(), hands, recovered).expect("memory has no faults");
            let mut stop = Stop::listen(Duration::from_secs(1)).expect("signals can be heard");
            let live = async {
                loop {
                    let [manager, discovery] = [0, 1].map(|port| self.nets[port].dial(self.peer(index), Arc::clone(&fuse)));
                    let mut links = Links::new(manager, discovery);
                    let over = links.serve(&mut node, &mut signals, &mut stop, &pace, || false).await;
                    if let Over::End(_) = over {
                        break;
                    }
                }
            };
            let unrest = async {
                tokio::time::sleep_until(self.quiet).await;
                // From here on nobody is killed; whoever is on the way to it is killed now.
                match steps {
                    Some(_) => fuse.blow(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = fuse.dead.notified() => {}
                () = unrest => {}
                () = live => {}
            }
            fuse.blow();
            self.nets.iter().for_each(|net| net.break_off(&self.peer(index), true, true, 0));
            if self.chance.below(8) == 0 && !self.is_quiet() {
                machine.wipe();
            }
            // Most come back while their lease holds.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let longest = if self.chance.below(3) == 0 { 8000 } else { 1500 };
            self.chance.pause(longest).await;
        }
    }

    /// Sessions break, in one direction or both, at one port or both; guards are killed.
    async fn break_things(self: Arc<Self>) {
        loop {
            self.chance.pause(4000).await;
            if self.is_quiet() {
                return self.nets.iter().for_each(|net| net.heal());
            }
            let index = self.chance.below(self.machines.len() as u64) as usize;
            let (up, down) = (self.chance.below(3) > 0, self.chance.below(3) > 0);
            let shut = if self.chance.below(4) == 0 { 6000 } else { 300 };
            match self.chance.below(5) {
                0 => self.machines[index].kill_guard(),
                port @ (1 | 2) => self.nets[port as usize - 1].break_off(&self.peer(index), up, down, self.chance.below(shut)),
                _ => self.nets.iter().for_each(|net| net.break_off(&self.peer(index), up, down, self.chance.below(shut))),
            }
        }
    }

    fn submission(&self, index: usize) -> Submission {
        let name = format!("job-{index}");
        let key = SubmitKey { key: (index as u128).to_be_bytes(), document: [0; 16] };
        let spec = JobSpec { name: name.parse().expect("a name"), body: Arc::new(self.scenario.jobs[index].1.clone()) };
        Submission { key: Some(key), ..Submission::new(spec, Millis::ZERO) }
    }

    fn operation(&self, kind: u8, which: u32) -> Operation {
        let node: Name = format!("n{}", which as usize % self.machines.len()).parse().expect("a name");
        match kind {
            0 => Operation::Stop(JobId(which)),
            1 => Operation::Drain { node, migrate: which > 2 },
            2 => Operation::Undrain { node },
            3 => Operation::Cordon { node, cordoned: which > 2 },
            4 => {
                let size = Size { cores: CoreWish::Count(Cores(1 + which % 3)), memory: Bytes(u64::from(which) << 20) };
                Operation::Resize { task: TaskKey { job: JobId(which), instance: 0 }, size }
            }
            5 => Operation::Checkpoint(TaskKey { job: JobId(which), instance: 0 }),
            _ => Operation::Migrate { task: TaskKey { job: JobId(which), instance: 0 }, to: None },
        }
    }

    /// What clients ask for in one life of management: what was not answered before and is due.
    async fn ask(&self, system: &System, accepted: &mut BTreeMap<String, JobId>, done: &mut usize) -> Result<(), String> {
        loop {
            let now = self.clock.now();
            for (index, (at, _)) in self.scenario.jobs.iter().enumerate() {
                let name = format!("job-{index}");
                if Millis(*at) > now || accepted.contains_key(&name) {
                    continue;
                }
                match system.door.ask(Request::Submit(Box::new(self.submission(index)))).await {
                    Ok(Answer::Accepted(job) | Answer::Known(job)) => _ = accepted.insert(name, job),
                    answer => return Err(format!("{answer:?}")),
                }
            }
            let mut due: Vec<_> = self.scenario.operations.iter().filter(|(at, ..)| Millis(*at) <= now).collect();
            due.sort();
            for &&(_, kind, which) in &due[*done..] {
                // One that names what is not there is refused.
                let _ = system.door.ask(Request::Operate(self.operation(kind, which))).await;
                *done += 1;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Calm: every node takes tasks, and everything ends.
    async fn finish(&self, system: &System) -> Result<(), String> {
        for index in 0..self.machines.len() {
            let node: Name = format!("n{index}").parse().expect("a name");
            for operation in [Operation::Undrain { node: node.clone() }, Operation::Cordon { node: node.clone(), cordoned: false }] {
                let _ = system.door.ask(Request::Operate(operation)).await;
            }
        }
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let open = system.door.view(|view| view.open_tasks() + view.nodes().iter().map(|node| node.held.len() as u64).sum::<u64>());
            if open == 0 {
                // What was ordered last is done, and what was reported last is heard.
                tokio::time::sleep(Duration::from_secs(5)).await;
                return Ok(());
            }
        }
        let open = |task: &actors::TaskView| !task.state.is_terminal();
        Err(system.door.view(|view| {
            let tasks =
                view.jobs().flat_map(|job| job.tasks.iter().filter(|task| open(task)).map(move |task| format!("{}: {task:?}", job.id)));
            let nodes = view.nodes().iter().map(|node| format!("{}: {:?} {:?}", node.spec.name, node.state, node.held));
            tasks.chain(nodes).collect::<Vec<_>>().join("\n")
        }))
    }

    /// What is public agrees with what really ran.
    fn compare(&self, system: &System) -> Result<(), String> {
        let faults = self.ledger.faults();
        if !faults.is_empty() {
            return Err(faults.join("\n"));
        }
        system.door.view(|view| {
            let tasks = view
                .jobs()
                .flat_map(|job| job.tasks.iter().zip(0..).map(move |(task, instance)| (TaskKey { job: job.id, instance }, task)));
            for (key, task) in tasks {
                if task.state == TaskState::Succeeded && !self.ledger.succeeded(key) {
                    return Err(format!("{key} is said to have ended well, and has not"));
                }
            }
            Ok(())
        })
    }
}

async fn run(scenario: Scenario) -> Result<usize, String> {
    let world = World::new(scenario);
    let kept: [Memory; 4] = Default::default();
    let mut tasks: Vec<JoinHandle<()>> = (0..world.machines.len()).map(|index| tokio::spawn(Arc::clone(&world).work(index))).collect();
    tasks.push(tokio::spawn(Arc::clone(&world).break_things()));
    let (mut accepted, mut done) = (BTreeMap::new(), 0);
    let cuts: Vec<_> = world.scenario.cuts.clone();
    for (writes, after, away) in cuts {
        let fuse = cut::Fuse::new(Some((writes, after)));
        let system = world.launch(&kept, &fuse).await;
        tokio::select! {
            () = fuse.blown.notified() => {}
            () = tokio::time::sleep_until(world.quiet) => {}
            asked = world.ask(&system, &mut accepted, &mut done) => asked?,
        }
        system.cut().await;
        world.nets.iter().for_each(Net::unbind);
        tokio::time::sleep(Duration::from_millis(away)).await;
    }
    let system = world.launch(&kept, &cut::Fuse::new(None)).await;
    tokio::select! {
        () = tokio::time::sleep_until(world.quiet + Duration::from_secs(1)) => {}
        asked = world.ask(&system, &mut accepted, &mut done) => asked?,
    }
    if accepted.len() != world.scenario.jobs.len() {
        return Err("a job was never answered".into());
    }
    world.finish(&system).await?;
    let judged = world.compare(&system).and_then(|()| judge(&system, &accepted));
    tasks.iter().for_each(JoinHandle::abort);
    system.cut().await;
    judged.map(|()| world.ledger.begun())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(3_000), max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_whoever_is_killed(scenario in scenario()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let judged = runtime.block_on(run(scenario));
        prop_assert!(judged.is_ok(), "{}", judged.unwrap_err());
    }
}
