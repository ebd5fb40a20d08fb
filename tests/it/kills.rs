//! Kills: the control plane is cut off before or after any durable write, again and again, and started anew on what its stores hold.
//! No job is lost, none ends twice, what was reserved is released, and no attempt comes twice.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::{Answer, Event, JobId, Millis, Request, Submission, SubmitKey, TaskKey, TaskState};
use proptest::prelude::*;
use wharfinger::runtime::{ActorName, AnyBehaviour, Clock, FleetOptions, LiveOptions, System, start};
use wharfinger::sim::behaviour::Nature;
use wharfinger::sim::config::Config;
use wharfinger::store::{Entry, Last, Memory, Position, Receipt, Record, Store, StoreError};

use super::properties::{config, jobs, nodes, policy};

/// A store that is cut off at a write: before it is durable, or after, when nobody hears of it any more.
struct Cut {
    kept: Memory,
    /// Writes that are still to come before the cut, over all stores of the process; below zero nothing is written.
    left: Arc<AtomicI64>,
    after: bool,
}

impl Cut {
    fn write(&self, write: impl FnOnce() -> Receipt) -> Receipt {
        match self.left.fetch_sub(1, Ordering::Relaxed) {
            1.. => write(),
            0 if self.after => {
                drop(write());
                never()
            }
            _ => never(),
        }
    }
}

/// What a process that is cut off hears of its store.
fn never() -> Receipt {
    let (sender, receipt) = Receipt::later();
    std::mem::forget(sender);
    receipt
}

impl Store for Cut {
    fn append(&self, entry: Entry) -> Receipt {
        self.write(|| self.kept.append(entry))
    }
    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt {
        self.write(|| self.kept.snapshot(position, body))
    }
    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
        self.kept.recover(each)
    }
    fn last(&self) -> Result<Option<Last>, StoreError> {
        self.kept.last()
    }
    fn health(&self) -> Result<(), StoreError> {
        self.kept.health()
    }
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.kept.backup(to)
    }
}

/// One life of the process: cut after so many writes, or never.
async fn launch(config: &Config, kept: &[Memory; 4], clock: Clock, cut: Option<(i64, bool)>) -> System {
    let left = Arc::new(AtomicI64::new(cut.map_or(i64::MAX, |(writes, _)| writes)));
    let after = cut.is_some_and(|(_, after)| after);
    let store = |actor: ActorName| Arc::new(Cut { kept: kept[actor as usize].clone(), left: Arc::clone(&left), after }) as Arc<dyn Store>;
    let behaviour = AnyBehaviour(Arc::new(Nature::new(config.seed, config.timing)));
    let options = LiveOptions {
        stores: ActorName::ALL.map(|actor| (actor, store(actor))).into(),
        policy: config.policy,
        round: config.timing.round,
        lease: config.timing.lease,
        lease_margin: Millis::ZERO,
        limits: Default::default(),
        fleet: Some(FleetOptions { nodes: config.nodes.clone(), behaviour, heartbeat: config.timing.heartbeat }),
        journal: None,
        network: None,
        lines: Vec::new(),
        clock: Some(clock),
    };
    start(options).await.expect("what was written is read")
}

/// Submits with a key until somebody answers; none: this life is over.
async fn submit(system: &System, submission: &Submission) -> Option<JobId> {
    let asked = system.door.ask(Request::Submit(Box::new(submission.clone())));
    match tokio::time::timeout(Duration::from_millis(500), asked).await {
        Ok(Ok(Answer::Accepted(job) | Answer::Known(job))) => Some(job),
        Ok(answer) => panic!("{answer:?}"),
        Err(_) => None,
    }
}

/// What the public events of all lives say.
fn judge(system: &System, accepted: &BTreeMap<String, JobId>) -> Result<(), String> {
    system.door.view(|view| {
        for (name, job) in accepted {
            let Some(shown) = view.job(*job) else { return Err(format!("{job} ({name}) was answered and is gone")) };
            if shown.spec.name.as_str() != name {
                return Err(format!("{job} is {} and was {name}", shown.spec.name));
            }
        }
        let (events, gone) = view.events_after(0);
        assert!(!gone, "the view keeps all events of so short a life");
        let mut held: BTreeMap<(TaskKey, model::Run), model::NodeId> = BTreeMap::new();
        let mut attempts: BTreeMap<TaskKey, u16> = BTreeMap::new();
        let mut seq = 0;
        for numbered in events {
            if numbered.seq != seq + 1 {
                return Err(format!("event {} follows {seq}", numbered.seq));
            }
            seq = numbered.seq;
            match &numbered.event {
                Event::Reserved { task, run, node, .. } => {
                    let before = held.insert((*task, *run), *node);
                    if before.is_some() {
                        return Err(format!("{task} {run:?} was reserved twice"));
                    }
                }
                Event::Released { task, run, .. } => {
                    let before = held.remove(&(*task, *run));
                    if before.is_none() {
                        return Err(format!("{task} {run:?} was released and not held"));
                    }
                }
                Event::Task { task, run, to: TaskState::Scheduled, .. } => {
                    let before = attempts.insert(*task, run.attempt).unwrap_or(0);
                    if run.attempt != before + 1 {
                        return Err(format!("{task}: attempt {} follows {before}", run.attempt));
                    }
                }
                _ => {}
            }
        }
        let live = held.keys().map(|(task, _)| task).collect::<Vec<_>>();
        if live.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a task has two live attempts".into());
        }
        let used: u32 = view.nodes().iter().map(|node| node.used_cores.0).sum();
        let holders: usize = view.nodes().iter().map(|node| node.held.len()).sum();
        match (held.len(), view.open_tasks()) {
            (0, 0) if used == 0 && holders == 0 => Ok(()),
            // Services and what fits nowhere are open for ever; what they hold is what the nodes hold.
            (held, _) if held == holders => Ok(()),
            (held, open) => Err(format!("{held} runs are held by the events, {holders} by the nodes; {open} tasks are open")),
        }
    })
}

async fn lives(config: &Config, submissions: &[Submission], cuts: &[(i64, bool)]) -> Result<(), String> {
    let kept: [Memory; 4] = Default::default();
    let clock = Clock::starting_at(Millis::ZERO);
    let mut accepted: BTreeMap<String, JobId> = BTreeMap::new();
    for cut in cuts.iter().map(|cut| Some(*cut)).chain([None]) {
        let system = launch(config, &kept, clock, cut).await;
        for submission in submissions {
            let name = submission.spec.name.to_string();
            let Some(job) = submit(&system, submission).await else { break };
            if accepted.insert(name.clone(), job).is_some_and(|before| before != job) {
                return Err(format!("{name} has two ids"));
            }
        }
        if cut.is_some() {
            tokio::time::sleep(Duration::from_secs(7)).await;
            system.cut().await;
            continue;
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
        if accepted.len() != submissions.len() {
            return Err("a job was never answered".into());
        }
        let judged = judge(&system, &accepted);
        system.stop().await;
        return judged;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_wherever_the_control_plane_is_cut_off(
        nodes in nodes(), jobs in jobs(), policy in policy(), seed: u64,
        cuts in proptest::collection::vec((0i64..120, any::<bool>()), 1..6),
    ) {
        let config = config(&nodes, policy, Vec::new(), seed);
        let submission = |(index, (_, body)): (usize, (u64, model::JobBody))| {
            let name = format!("job-{index}");
            let key = SubmitKey { key: name.clone().into(), digest: [0; 32] };
            let spec = model::JobSpec { name: name.parse().expect("a name"), body: Arc::new(body) };
            Submission { key: Some(key), ..Submission::new(spec, Millis::ZERO) }
        };
        let submissions: Vec<Submission> = jobs.into_iter().enumerate().map(submission).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let judged = runtime.block_on(lives(&config, &submissions, &cuts));
        prop_assert_eq!(judged, Ok(()));
    }
}
