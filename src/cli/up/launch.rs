//! Launching: stores, keys, ports, links, the loop, and the REST interface before it. `up` and the live demo share it.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use link::identity::{Authority, Identity, PeerName, Role};
use model::Millis;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::crew::{Crew, Recruits};
use super::serve_api::{self, Api};
use super::token;
use crate::cli::failure::Failure;
use crate::cli::stores::stores_of;
use crate::config::{Config, Engine, Places};
use crate::journal::Journal;
use crate::runtime::{self, ActorName, FleetOptions, LiveOptions, Network, System};
use crate::store::{Notebook, Store, StoreError, Stores};

/// How long is waited before a store that another process holds is asked for again.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is to be launched.
pub struct Launch {
    /// The configuration.
    pub config: Config,
    /// One actor alone.
    pub actor: Option<ActorName>,
    /// The folder of state.
    pub state: PathBuf,
    /// Where the join token of an actor lies.
    pub join_token: Option<PathBuf>,
    /// Simulated workers.
    pub fleet: Option<FleetOptions>,
}

/// What was launched.
pub struct Launched {
    /// The system.
    pub system: System,
    /// Which actors run here.
    pub actors: Vec<ActorName>,
    /// Where REST is served, and whether by TLS.
    pub rest: BTreeMap<ActorName, SocketAddr>,
    /// REST is served by TLS.
    pub tls: bool,
    /// Where the join token of this machine lies.
    pub token_file: Option<PathBuf>,
    /// The folder of state.
    pub state: PathBuf,
    /// Workers on other hosts.
    crew: Option<Crew>,
    overtaken: FuturesUnordered<BoxFuture<'static, StoreError>>,
    shutdown: CancellationToken,
    servers: JoinSet<()>,
}

impl Launch {
    /// Launches.
    pub async fn start(self) -> Result<Launched, Failure> {
        let Self { config, actor, state, join_token, fleet } = self;
        let actors: Vec<ActorName> = actor.map_or(ActorName::ALL.to_vec(), |actor| vec![actor]);
        // Where the FrontEnd is, which makes the tokens that workers join by.
        let crew = config.workers.as_deref().filter(|_| actors.contains(&ActorName::FrontEnd)).map(Recruits::read).transpose()?;
        let place = stores_of(&config, &state, config.store.engine)?;
        // Who waits for its stores has no ports yet. Files are not waited for: a port that is taken is found out before they are made.
        let waited = if matches!(place, Stores::Database(_)) { Some(open(&place, &actors).await?) } else { None };
        let api = serve_api::bind(&config, &actors).await?;
        private_folder(&state)?;
        let stores = if let Some(stores) = waited { stores } else { open(&place, &actors).await? };
        let overtaken = stores.iter().map(|(_, store)| store.overtaken()).collect();
        let has = |actor| actors.contains(&actor);
        let authority = if has(ActorName::GlobalManager) { Some(Arc::new(Authority::open(&state.join("authority"))?)) } else { None };
        let identity = identity(&config, &state, actor, authority.as_deref(), join_token.as_deref()).await?;
        // The FrontEnd makes tokens known and lists them; a GlobalManager without it knows its own from the file.
        let own = match &authority {
            Some(authority) if !has(ActorName::FrontEnd) => {
                vec![token::local(&state, authority.digest(), model::Role::Actor, None, wall_time())?.1]
            }
            _ => Vec::new(),
        };
        let journal = config.journal.as_deref().filter(|_| has(ActorName::JobManager)).map(journal).transpose()?;
        let network = Network {
            folder: links_folder(&state, actor),
            identity: identity.clone(),
            authority: authority.clone(),
            certificate: config.security.certificate,
            ports: ports(&config.places, actor),
            dial: dials(&config.places, actor),
            engines: config.engines.as_ref().map(|engines| engines.iter().copied().map(Engine::word).collect()),
            tokens: own,
        };
        let options = LiveOptions {
            stores,
            policy: config.policy,
            round: config.intervals.round,
            lease: config.intervals.lease,
            lease_margin: config.intervals.lease_margin,
            limits: config.limits,
            fleet,
            journal,
            network: Some(network),
            lines: Vec::new(),
            clock: None,
        };
        let system = runtime::start(options).await?;
        if let Stores::Database(server) = &place
            && has(ActorName::FrontEnd)
        {
            let notebook = Notebook::of(server);
            notebook.run(runtime::keep_notebook(system.door.clone(), notebook.clone()));
        }
        let mut token_file = authority.as_ref().map(|_| token::file(&state));
        if has(ActorName::FrontEnd) && has(ActorName::GlobalManager) {
            token::make_known(&system.door, &state, identity.authority()).await?;
        } else if has(ActorName::FrontEnd) {
            token_file = None;
        }
        let shutdown = CancellationToken::new();
        let mut servers = JoinSet::new();
        let Api { rest, tls } = serve_api::serve(api, &config, &system.door, identity.authority(), &shutdown, &mut servers, &state).await?;
        let crew = crew.map(|recruits| recruits.launch(&system, config.places, identity.authority()));
        Ok(Launched { system, actors, rest, tls, token_file, state, crew, overtaken, shutdown, servers })
    }
}

impl Launched {
    /// Waits until it has ended by itself, or may go on no longer.
    pub async fn ended(&mut self) -> Failure {
        tokio::select! {
            () = self.system.ended() => Failure::other("the system has ended by itself; the log says why"),
            Some(error) = self.overtaken.next() => error.into(),
        }
    }

    /// Stops: workers end that are to end with it, open requests are answered, what was taken is done, everything is saved.
    pub async fn stop(self) {
        let Self { system, crew, shutdown, mut servers, .. } = self;
        if let Some(crew) = crew {
            crew.end().await;
        }
        shutdown.cancel();
        while servers.join_next().await.is_some() {}
        system.stop().await;
    }
}

/// Opens the stores of the actors. Where another process holds one it is waited for.
async fn open(stores: &Stores, actors: &[ActorName]) -> Result<Vec<(ActorName, Arc<dyn Store>)>, Failure> {
    let (mut opened, mut waited) = (Vec::new(), false);
    for &actor in actors {
        let mut said = None;
        let store = loop {
            let stores = stores.clone();
            let tried = tokio::task::spawn_blocking(move || stores.open(actor.word())).await;
            let error = match tried.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
                Ok(store) => break store,
                Err(error) => error,
            };
            match &error {
                StoreError::Held { .. } | StoreError::Taken { .. } => waited = true,
                // Who stands by outlasts a server that goes away and comes back.
                StoreError::Unreachable { .. } | StoreError::Io { .. } if waited => {}
                _ => return Err(error.into()),
            }
            if said.replace(error.code()) != Some(error.code()) {
                tracing::warn!(code = error.code(), "waiting: {error}");
            }
            tokio::time::sleep(PATIENCE).await;
        };
        opened.push((actor, store));
    }
    Ok(opened)
}

/// Who this process is on links. The GlobalManager's process issues its own certificate; others join once.
async fn identity(
    config: &Config,
    state: &Path,
    actor: Option<ActorName>,
    authority: Option<&Authority>,
    join_token: Option<&Path>,
) -> Result<Identity, Failure> {
    let actor = actor.unwrap_or(ActorName::GlobalManager);
    let peer = PeerName::new(Role::Actor, actor.word())?;
    if let Some(authority) = authority {
        return Ok(Identity::issued_by(authority, &peer, config.security.certificate, None)?);
    }
    let folder = state.join(format!("identity-{}", actor.word()));
    let file = join_token.map_or_else(|| token::file(state), Path::to_owned);
    let token = token::read(&file)?;
    let fits = |identity: &Identity| {
        std::time::SystemTime::now() < identity.valid_until()
            && token.as_ref().is_none_or(|token| token.digest == identity.authority())
            && *identity.peer() == peer
    };
    if let Some(identity) = Identity::load(&folder)?.filter(fits) {
        return Ok(identity);
    }
    let Some(token) = &token else {
        let why = format!(
            "no join token is in {}: give --join-token-file, with the token of the global manager's host, or one of `management token create --role actor`",
            file.display()
        );
        return Err(Failure::input(why));
    };
    let address = config.places.workers.to_string();
    loop {
        match link::join(&address, token, &peer, &folder).await {
            Ok(identity) => return Ok(identity),
            Err(error @ (link::LinkError::Address { .. } | link::LinkError::Timeout(_))) => {
                tracing::warn!(code = error.code(), "the global manager is not reached yet: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Which links are opened here.
fn ports(places: &Places, actor: Option<ActorName>) -> Vec<(ActorName, String)> {
    let all = [
        (ActorName::JobManager, &places.job_manager),
        (ActorName::GlobalManager, &places.workers),
        (ActorName::Discovery, &places.discovery),
    ];
    // Together, nobody dials the JobManager.
    let opened = all.into_iter().filter(|(name, _)| actor.map_or(*name != ActorName::JobManager, |actor| actor == *name));
    opened.map(|(name, place)| (name, place.to_string())).collect()
}

/// Which actors are dialed from here.
fn dials(places: &Places, actor: Option<ActorName>) -> Vec<(ActorName, String)> {
    let manager = (ActorName::GlobalManager, places.workers.to_string());
    match actor {
        None | Some(ActorName::GlobalManager) => Vec::new(),
        Some(ActorName::JobManager | ActorName::Discovery) => vec![manager],
        Some(ActorName::FrontEnd) => {
            vec![(ActorName::JobManager, places.job_manager.to_string()), manager, (ActorName::Discovery, places.discovery.to_string())]
        }
    }
}

fn links_folder(state: &Path, actor: Option<ActorName>) -> PathBuf {
    state.join("links").join(actor.map_or("all", ActorName::word))
}

/// A new file for the journal of this launch; those of earlier launches stay, numbered.
fn journal(file: &Path) -> Result<Journal, Failure> {
    let (stem, extension) = (file.with_extension(""), file.extension().unwrap_or_default().to_string_lossy().into_owned());
    let numbered = (1..).map(|number| PathBuf::from(format!("{}.{number}.{extension}", stem.display())));
    for path in std::iter::once(file.to_owned()).chain(numbered) {
        match std::fs::File::create_new(&path) {
            Ok(opened) => return Ok(Journal::new(Some(Box::new(std::io::BufWriter::new(opened))))),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::system(path.display(), &error)),
        }
    }
    unreachable!("there is always another number")
}

/// Makes a folder for the user alone.
fn private_folder(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::other(format!("the state folder {}: {error}: name one of this user's with --state", folder.display())))
}

/// Milliseconds since the epoch.
fn wall_time() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Millis(since.map_or(0, |since| since.as_millis() as u64))
}
