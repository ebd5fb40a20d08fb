//! What is made ready for runs that are to come here. It is kept in memory alone: a worker that starts again sweeps the containers away, and
//! is asked again.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use engine::What;

use super::Shared;
use super::start::file_of;
use crate::docker::{self, holder, make_ready};
use crate::run::{DockerEngine, Engine, Launch, RunId, Runs};

/// How long what is not wanted any more still holds its network. A network that leaves a node while a container of it starts there makes Docker
/// fail that start after 20 s, and keep the network for ever; and who has just let go often comes at once: another attempt, or the same run by
/// order of a management that was started anew.
const GRACE: Duration = Duration::from_secs(5);

/// The runs that are to come, and whether each is still wanted.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    wanted: Arc<Mutex<BTreeMap<RunId, bool>>>,
    /// Held by whoever removes what holds a network: it may be wanted again when that is done.
    removing: Arc<Mutex<()>>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, bool>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn removing(&self) -> MutexGuard<'_, ()> {
        self.removing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn expect(&self, id: RunId) {
        self.lock().insert(id, true);
    }

    /// What holds their networks.
    pub fn holders(&self, runs: &Runs) -> Vec<String> {
        self.lock().keys().map(|id| holder(&runs.group(*id))).collect()
    }
}

/// Makes ready, on a thread that may wait.
pub fn prepare(shared: &Shared, id: RunId, launch: Launch) {
    let Engine::Docker(engine) = &shared.settings.engine else { return };
    let file = file_of(shared, id, launch);
    drop(shared.ready.removing());
    let made = docker::block_on(make_ready(&file, engine, &shared.runs.root().to_string_lossy()));
    let wanted = shared.ready.lock().get(&id).copied();
    match (wanted, made) {
        // It was let go long ago.
        (None, _) => remove(&shared.ready, id, None, engine, &holder(&file.group)),
        (Some(false), _) => {}
        (Some(true), Ok(())) => shared.tell(id, What::Prepared),
        (Some(true), Err(error)) => {
            tracing::warn!(job = %id.task.job, task = id.task.instance, %error, "a task cannot come here");
            shared.tell(id, What::Refused);
        }
    }
}

/// Lets go of what was made ready for a run that is here now, or cannot come.
pub fn release(shared: &Shared, id: RunId) {
    let_go(shared, id, Duration::ZERO);
}

/// The same for one that nobody waits for any more.
pub fn dismiss(shared: &Shared, id: RunId) {
    let_go(shared, id, GRACE);
}

/// Without waiting for Docker.
fn let_go(shared: &Shared, id: RunId, after: Duration) {
    let Engine::Docker(engine) = &shared.settings.engine else { return };
    match shared.ready.lock().get_mut(&id) {
        Some(wanted) => *wanted = false,
        None => return,
    }
    let (engine, name, ready) = (engine.clone(), holder(&shared.runs.group(id)), shared.ready.clone());
    thread::spawn(move || {
        thread::sleep(after);
        remove(&ready, id, Some(false), &engine, &name);
    });
}

/// Removes what holds a network, unless it was asked for again meanwhile, or is gone already.
fn remove(ready: &Ready, id: RunId, wanted: Option<bool>, engine: &DockerEngine, name: &str) {
    let _removing = ready.removing();
    if ready.lock().get(&id).copied() == wanted {
        docker::take_away(engine, name).unwrap_or_else(left);
        let mut ready = ready.lock();
        if ready.get(&id).copied() == wanted {
            ready.remove(&id);
        }
    }
}

/// Removes all, for a worker that ends: who comes back is asked again.
pub fn close(shared: &Shared) {
    let Engine::Docker(engine) = &shared.settings.engine else { return };
    let names = shared.ready.holders(&shared.runs);
    shared.ready.lock().clear();
    let _removing = shared.ready.removing();
    // A thread of its own, for this one may be of those that may not wait. A Docker that does not answer is asked once; the next worker sweeps.
    thread::scope(|scope| {
        scope.spawn(|| names.iter().try_for_each(|name| docker::take_away(engine, name)).unwrap_or_else(left));
    });
}

fn left(error: io::Error) {
    tracing::warn!(%error, "what held a network is still there");
}
