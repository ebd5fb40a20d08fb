//! How a container ended: waited for, told apart, and written down.

use std::pin::pin;

use bollard::models::ContainerState;
use bollard::query_parameters::WaitContainerOptionsBuilder;
use futures_util::StreamExt;
use model::{Cause, Millis};
use tokio::time::sleep;

use super::container::AGAIN;
use super::note;
use crate::docker::{self, Docker};
use crate::run::{ExitRecord, Why, wall_time};

/// What there is to see of a container that was watched.
pub enum End {
    /// It has ended, and Docker says how.
    Known(Box<ContainerState>),
    /// It has ended, and Docker was away meanwhile.
    Away(Box<ContainerState>),
    /// It is not there any more.
    Gone,
}

/// Waits until the container has ended, however often Docker goes away meanwhile.
pub async fn end(docker: &Docker, name: &str) -> End {
    let mut away = false;
    loop {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut wait = pin!(docker.0.wait_container(name, Some(options)));
        // An exit code other than 0 comes as an error too; the state says it all.
        let _ = wait.next().await;
        match docker.state(name).await {
            Ok(Some((_, state))) if state.running == Some(true) => {}
            Ok(Some((_, state))) if away => return End::Away(Box::new(state)),
            Ok(Some((_, state))) => return End::Known(Box::new(state)),
            Ok(None) => return End::Gone,
            Err(fault) => {
                if !away {
                    note(&format!("Docker does not answer: {}", fault.words));
                }
                away = true;
            }
        }
        sleep(AGAIN).await;
    }
}

/// Whether it ended by a signal that somebody else had Docker send.
pub async fn is_killed(docker: &Docker, id: &str, end: &End, started: Millis) -> bool {
    let by = match end {
        // Docker kills what it is to remove by force.
        End::Gone => docker::KILLED,
        End::Known(state) => state.exit_code.unwrap_or_default(),
        // What Docker itself kills as it starts again it takes for sent too.
        End::Away(_) => return false,
    };
    by > docker::SIGNALLED && docker::signals(docker, id, started).await.contains(&(by - docker::SIGNALLED))
}

/// What is written down of it.
pub fn record(why: Why, id: &str, end: End, started: Millis, output_lost: u64) -> ExitRecord {
    let base = ExitRecord { begun: true, started: Some(started), output_lost, ..ExitRecord::never_begun(why, wall_time()) };
    let lost = |words: &str| Why::Failed { cause: Cause::EngineLost, words: words.into() };
    let (state, away) = match end {
        End::Gone if base.why == Why::Exited => return ExitRecord { why: lost("Docker does not have the container any more"), ..base },
        End::Gone => return base,
        End::Known(state) => (state, false),
        End::Away(state) => (state, true),
    };
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    let out_of_memory = docker::out_of_memory(id, &state);
    let taken = away && base.why == Why::Exited && state.exit_code == Some(docker::KILLED) && !out_of_memory;
    let why = if taken { lost("Docker was restarted, and the container was killed") } else { base.why };
    ExitRecord { why, code, out_of_memory, ..base }
}
