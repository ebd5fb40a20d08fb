//! The workers of the workers file, beside the system: launched in the background once it is up, and told to end with it where the file
//! says so.

use std::path::Path;

use link::identity::Digest;
use model::Name;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::token;
use crate::cli::failure::Failure;
use crate::cli::workers;
use crate::config::{Place, Places, WorkerHost};
use crate::runtime::launch::{self, Launcher, Outcome, Program, Reach, TokenMaker};
use crate::runtime::{ActorName, Door, System};

/// Who is to be launched.
pub struct Recruits {
    hosts: Vec<WorkerHost>,
    program: Program,
}

impl Recruits {
    /// The hosts of a workers file, and the program for them: what is wrong with either is found out before anything is started.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        Ok(Self { hosts: workers::read(file)?, program: workers::program(None)? })
    }

    /// Begins to launch.
    pub fn launch(self, system: &System, places: Places, authority: Digest) -> Crew {
        // Where a link was opened here, its port is the one that was taken; the host stays as it was said.
        let taken = |actor, place: Place| match system.addresses.get(&actor) {
            Some(address) => Place { port: address.port(), ..place },
            None => place,
        };
        let (manager, discovery) = (taken(ActorName::GlobalManager, places.workers), taken(ActorName::Discovery, places.discovery));
        let tokens = by_door(system.door.clone(), authority);
        let launcher = Launcher { program: self.program, reach: Reach { manager, discovery }, tokens };
        let stop = CancellationToken::new();
        let trying = tokio::spawn(launch::keep_trying(self.hosts, launcher, stop.clone()));
        Crew { trying, stop }
    }
}

/// Who is being launched, or was.
pub struct Crew {
    trying: JoinHandle<Vec<WorkerHost>>,
    stop: CancellationToken,
}

impl Crew {
    /// Launches no more, and tells those to end that are to end with the system, while it can still empty their nodes.
    pub async fn end(self) {
        self.stop.cancel();
        let running = self.trying.await.unwrap_or_default();
        let ending: Vec<WorkerHost> = running.into_iter().filter(|host| host.stop_with_management).collect();
        for row in launch::each(ending, Launcher::stop).await {
            let (host, worker, why) = (row.host, row.worker, row.why.unwrap_or_default());
            match row.outcome {
                Outcome::Failed => tracing::warn!(%host, %worker, code = row.code.unwrap_or_default(), "not stopped: {why}"),
                outcome => tracing::info!(%host, %worker, "{}", outcome.word()),
            }
        }
    }
}

/// Tokens that the system makes itself.
fn by_door(door: Door, authority: Digest) -> TokenMaker {
    let handle = Handle::current();
    Box::new(move |name: &Name| -> Result<SecretString, String> {
        handle.block_on(token::for_worker(&door, authority, name)).map_err(|failure| failure.to_string())
    })
}
