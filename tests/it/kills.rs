//! Kills: the control plane is cut off before or after any durable write, again and again, and started anew on what its stores hold;
//! so are workers, whose tasks outlive them. No job is lost, none ends twice, what was reserved is released, and no attempt comes twice.
#![expect(clippy::unwrap_used, reason = "what stands in for machines and networks may panic like the test")]

mod cut;
mod ground;
mod judge;
mod ledger;
mod outlive;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Answer, JobId, Millis, Request, Submission, SubmitKey};
use proptest::prelude::*;
use wharfinger::runtime::{AnyBehaviour, Clock, FleetOptions, LiveOptions, System, start};
use wharfinger::sim::behaviour::Nature;
use wharfinger::sim::config::Config;
use wharfinger::store::Memory;

use super::properties::{config, jobs, nodes, policy};
use cut::Fuse;
use judge::judge;

/// One life of the process: cut after so many writes, or never.
async fn launch(config: &Config, kept: &[Memory; 4], clock: Clock, cut: Option<(i64, bool)>) -> System {
    let behaviour = AnyBehaviour(Arc::new(Nature::new(config.seed, config.timing)));
    let options = LiveOptions {
        stores: Fuse::new(cut).stores(kept),
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
            let key = SubmitKey { key: (index as u128).to_be_bytes(), document: [0; 16] };
            let spec = model::JobSpec { name: name.parse().expect("a name"), body: Arc::new(body) };
            Submission { key: Some(key), ..Submission::new(spec, Millis::ZERO) }
        };
        let submissions: Vec<Submission> = jobs.into_iter().enumerate().map(submission).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let judged = runtime.block_on(lives(&config, &submissions, &cuts));
        prop_assert_eq!(judged, Ok(()));
    }
}
