//! Many hosts at once, up to a bound, on threads that may block.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Launcher, Outcome, Row};
use crate::config::WorkerHost;

/// The most connections at once.
const AT_ONCE: usize = 16;
/// Between the first two tries; then twice as long each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Does something on each host; the rows, in the order of the hosts.
pub async fn each(hosts: Vec<WorkerHost>, deed: impl Fn(&WorkerHost) -> Row + Send + Sync + 'static) -> Vec<Row> {
    let (permits, deed) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(deed));
    let mut tasks = JoinSet::new();
    for (index, host) in hosts.into_iter().enumerate() {
        let (permits, deed) = (Arc::clone(&permits), Arc::clone(&deed));
        tasks.spawn(async move { blocking(&permits, host, deed).await.map(|row| (index, row)) });
    }
    let mut rows: Vec<(usize, Row)> = tasks.join_all().await.into_iter().flatten().collect();
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Starts the worker of each host, and tries again where that may help, ever more rarely, until all run or it is told to stop. The answer
/// are the hosts whose workers run.
pub async fn keep_trying(hosts: Vec<WorkerHost>, launcher: Launcher, stop: CancellationToken) -> Vec<WorkerHost> {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let deed = Arc::new(move |host: &WorkerHost| launcher.start(host));
    let mut tasks = JoinSet::new();
    for host in hosts {
        let (permits, deed, stop) = (Arc::clone(&permits), Arc::clone(&deed), stop.clone());
        tasks.spawn(async move {
            let mut pause = PAUSE;
            loop {
                let row = tokio::select! {
                    row = blocking(&permits, host.clone(), Arc::clone(&deed)) => row?,
                    // One that is to end with this system is waited for, so that none is started behind its back.
                    () = stop.cancelled(), if !host.stop_with_management => return None,
                };
                tell(&row, pause);
                match row.outcome {
                    Outcome::Failed if !row.may_pass => return None,
                    Outcome::Failed => {}
                    _ => return Some(host),
                }
                tokio::select! {
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                    () = stop.cancelled() => return None,
                }
            }
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// None where the thread has panicked, which is said there.
async fn blocking(permits: &Semaphore, host: WorkerHost, deed: Arc<impl Fn(&WorkerHost) -> Row + Send + Sync + 'static>) -> Option<Row> {
    let _permit = permits.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || deed(&host)).await.ok()
}

fn tell(row: &Row, pause: Duration) {
    let Row { host, worker, why, fix, .. } = row;
    let why = why.as_deref().unwrap_or_default();
    match row.outcome {
        Outcome::Failed => {
            let next = if row.may_pass { format!("tried again in {} s", pause.as_secs()) } else { "not tried again".to_owned() };
            let fix = fix.as_deref().unwrap_or_default();
            tracing::warn!(%host, %worker, code = row.code.unwrap_or_default(), fix, "not launched, {next}: {why}");
        }
        outcome => tracing::info!(%host, %worker, program = row.program.map(super::Upload::word), pid = row.pid, why, "{}", outcome.word()),
    }
}
