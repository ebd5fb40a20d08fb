//! What is made ready for runs that are to come here. It is kept in memory alone: a worker that starts again sweeps the containers away, and
//! is asked again.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use engine::What;

use super::Shared;
use super::start::file_of;
use crate::docker::{self, holder, make_ready};
use crate::run::{DockerEngine, Engine, Launch, RunId, Runs};

/// The runs that are to come.
#[derive(Debug, Default)]
pub struct Ready(Mutex<BTreeSet<RunId>>);

impl Ready {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<RunId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn expect(&self, id: RunId) {
        self.lock().insert(id);
    }

    /// What holds their networks.
    pub fn holders(&self, runs: &Runs) -> Vec<String> {
        self.lock().iter().map(|id| holder(&runs.group(*id))).collect()
    }
}

/// Makes ready, on a thread that may wait.
pub fn prepare(shared: &Shared, id: RunId, launch: Launch) {
    let Engine::Docker(engine) = &shared.settings.engine else { return };
    let file = file_of(shared, id, launch);
    let made = docker::block_on(make_ready(&file, engine, &shared.runs.root().to_string_lossy()));
    if !shared.ready.lock().contains(&id) {
        return remove(engine, &holder(&file.group));
    }
    match made {
        Ok(()) => shared.tell(id, What::Prepared),
        Err(error) => {
            tracing::warn!(job = %id.task.job, task = id.task.instance, %error, "a task cannot come here");
            shared.tell(id, What::Refused);
        }
    }
}

/// Lets go of what was made ready for a run, without waiting for Docker.
pub fn release(shared: &Shared, id: RunId) {
    let was = shared.ready.lock().remove(&id);
    if was && let Engine::Docker(engine) = &shared.settings.engine {
        let (engine, name) = (engine.clone(), holder(&shared.runs.group(id)));
        thread::spawn(move || remove(&engine, &name));
    }
}

fn remove(engine: &DockerEngine, name: &str) {
    if let Err(error) = docker::take_away(engine, name) {
        tracing::warn!(%error, "what held a network is still there");
    }
}
