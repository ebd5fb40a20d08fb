//! How long the jobs of a session waited: looked up when all of them have ended.

use std::thread;
use std::time::Duration;

use model::JobState;

use crate::api::body::JobSummary;
use crate::cli::pages::{self, Wanted};
use crate::cli::watch::{Watch, is_interrupted};
use crate::client::{Client, ClientError};

const UNDER_WAY: [JobState; 5] = [JobState::Accepted, JobState::Queued, JobState::Deploying, JobState::Running, JobState::Stopping];
/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);

/// The jobs of a session when all have ended, or somebody has interrupted.
pub fn of(client: &Client, session: &str, quiet: bool) -> Result<Vec<JobSummary>, ClientError> {
    let watch = Watch::waiting(quiet, "the jobs end");
    let label = Some(format!("stress={session}"));
    let jobs = loop {
        // One job that has not ended is enough to go on waiting.
        let state = UNDER_WAY.into_iter().find_map(|state| {
            let wanted = Wanted { state: Some(state.word().into()), label: label.clone(), most: Some(1) };
            pages::jobs(client, &wanted).map(|(jobs, _)| (!jobs.is_empty()).then_some(())).transpose()
        });
        match state.transpose() {
            Ok(Some(())) if !is_interrupted() => thread::sleep(LOOK),
            Ok(_) => break pages::jobs(client, &Wanted { label, ..Wanted::default() }).map(|(jobs, _)| jobs),
            Err(error) => break Err(error),
        }
    };
    watch.clear();
    jobs
}
