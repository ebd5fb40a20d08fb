//! Parity: the same scenario through the event heap and through the live carrier on a paused clock gives the same journal for every
//! job, and what the live carrier journals replays to the same plans.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use model::{Answer, Event, JobId, Millis, Request, Submission, TaskKey};
use proptest::prelude::*;
use serde_json::Value;
use wharfinger::journal::{Journal, replay};
use wharfinger::runtime::{ActorName, AnyBehaviour, Clock, Deed as LiveDeed, FleetOptions, LiveOptions, System, start};
use wharfinger::sim::behaviour::Nature;
use wharfinger::sim::config::{Config, Deed};
use wharfinger::sim::input::JobInput;
use wharfinger::sim::simulation::{RunOptions, run};
use wharfinger::store::{Memory, Store};

use super::properties::{arrivals, config, deed, jobs, nodes, policy};

/// What happened to a job and its tasks, in the order of time; what happened at one moment, by task.
type Story = BTreeMap<JobId, Vec<(Millis, u32, Value)>>;

/// Lines of a journal that is written in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Adds an event that speaks of one job.
fn tell(story: &mut Story, time: Millis, event: &Event) {
    let task = |task: &TaskKey| (task.job, task.instance + 1);
    let (job, part) = match event {
        Event::Job { job, .. } => (*job, 0),
        Event::Task { task: key, .. }
        | Event::Reserved { task: key, .. }
        | Event::Released { task: key, .. }
        | Event::Resized { task: key, .. } => task(key),
        _ => return,
    };
    // Whether the ledger lets go before or after the task's state is told is a matter of who numbers first.
    let kind = matches!(event, Event::Reserved { .. } | Event::Released { .. });
    story.entry(job).or_default().push((time, part * 2 + u32::from(kind), serde_json::to_value(event).expect("an event is plain data")));
}

fn sorted(mut story: Story) -> Story {
    for events in story.values_mut() {
        events.sort_by_key(|(time, part, _)| (*time, *part));
    }
    story
}

/// The scenario through the heap.
fn simulated(config: &Config, jobs: &JobInput) -> Story {
    let lines = Lines::default();
    let options = RunOptions { journal: Some(Box::new(lines.clone())), ..RunOptions::default() };
    run(config, jobs.open(config.seed).expect("the jobs are in memory"), options).expect("a scenario runs");
    let text = String::from_utf8(std::mem::take(&mut lines.0.lock().expect("nobody panics while writing"))).expect("JSON is text");
    let mut story = Story::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("a line of a journal");
        if let Some(told) = record.get("event") {
            let event: Event = serde_json::from_value(told["event"].clone()).expect("an event");
            tell(&mut story, Millis(told["at"].as_u64().expect("a stamp")), &event);
        }
    }
    sorted(story)
}

fn options(config: &Config, journal: Lines) -> LiveOptions {
    let behaviour = AnyBehaviour(Arc::new(Nature::new(config.seed, config.timing)));
    LiveOptions {
        stores: ActorName::ALL.map(|actor| (actor, Arc::new(Memory::default()) as Arc<dyn Store>)).into(),
        policy: config.policy,
        round: config.timing.round,
        lease: config.timing.lease,
        lease_margin: Millis::ZERO,
        limits: Default::default(),
        fleet: Some(FleetOptions { nodes: config.nodes.clone(), behaviour, heartbeat: config.timing.heartbeat }),
        journal: Some(Journal::new(Some(Box::new(journal)))),
        network: None,
        lines: Vec::new(),
        clock: Some(Clock::starting_at(Millis::ZERO)),
    }
}

/// What happens from outside, in time.
enum Outside {
    Deed(Deed),
    Job(Box<Submission>),
}

async fn play(system: &System, script: Vec<(Millis, Outside)>, clock: Clock, until: Millis) {
    for (at, what) in script.into_iter().filter(|(at, _)| *at < until) {
        tokio::time::sleep_until(clock.instant(at)).await;
        let request = match what {
            Outside::Deed(Deed::Fail(node)) => {
                system.deed(LiveDeed::Fail(node.index())).await;
                continue;
            }
            Outside::Deed(Deed::Repair(node)) => {
                system.deed(LiveDeed::Repair(node.index())).await;
                continue;
            }
            Outside::Deed(Deed::Operate(operation)) => Request::Operate(operation),
            Outside::Job(submission) => Request::Submit(submission),
        };
        let answer = system.door.ask(request).await.expect("a memory store takes everything");
        assert!(!matches!(answer, Answer::Known(_)), "{answer:?}");
    }
    tokio::time::sleep_until(clock.instant(until)).await;
}

/// The scenario through the live carrier; also the journal's lines.
fn live(config: &Config, jobs: &JobInput) -> (Story, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let until = config.until.expect("a scenario ends");
    let mut script: Vec<(Millis, Outside)> = config.script.iter().map(|(at, deed)| (*at, Outside::Deed(deed.clone()))).collect();
    for arrival in jobs.open(config.seed).expect("the jobs are in memory") {
        let arrival = arrival.expect("the jobs are in memory");
        script.push((arrival.at, Outside::Job(Box::new(Submission::new(arrival.spec, arrival.at)))));
    }
    script.sort_by_key(|(at, _)| *at);
    let lines = Lines::default();
    let story = runtime.block_on(async {
        let options = options(config, lines.clone());
        let clock = options.clock.expect("it was given one");
        let system = start(options).await.expect("it starts");
        play(&system, script, clock, until).await;
        let mut story = Story::new();
        system.door.view(|view| {
            let (events, gone) = view.events_after(0);
            assert!(!gone, "the view keeps all events of so short a scenario");
            events.filter(|numbered| numbered.time < until).for_each(|numbered| tell(&mut story, numbered.time, &numbered.event));
        });
        system.stop().await;
        story
    });
    let lines = std::mem::take(&mut *lines.0.lock().expect("nobody panics while writing"));
    (sorted(story), lines)
}

/// Moves what comes from outside away from the moments at which things happen inside: what a scenario orders by class, a live system
/// orders by arrival.
fn apart(time: u64) -> u64 {
    time / 100 * 100 + 1 + time % 97
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn heap_and_live_carrier_give_every_job_the_same_journal(
        nodes in nodes(), mut jobs in jobs(), policy in policy(), mut script in proptest::collection::vec(deed(), 0..10), seed: u64,
    ) {
        jobs.iter_mut().for_each(|(at, _)| *at = apart(*at));
        script.iter_mut().for_each(|(at, _)| *at = Millis(apart(at.0)));
        let config = config(&nodes, policy, script, seed);
        let jobs = arrivals(jobs);
        let expected = simulated(&config, &jobs);
        let (story, journal) = live(&config, &jobs);
        for (job, events) in &expected {
            let told = story.get(job).map_or(&[][..], Vec::as_slice);
            let parted = (0..events.len().max(told.len())).find(|&index| events.get(index) != told.get(index));
            if let Some(index) = parted {
                prop_assert!(false, "{job} parts:\nheap {:?}\nlive {:?}", events.get(index..), told.get(index..));
            }
        }
        prop_assert_eq!(expected.len(), story.len());
        let replayed = replay(std::io::Cursor::new(journal)).expect("the live journal replays");
        prop_assert!(replayed.complete);
    }
}
