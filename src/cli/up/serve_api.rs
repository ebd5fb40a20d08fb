//! The REST interface of a launched system: where it listens, what it refuses to listen on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use link::identity::Digest;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::token;
use crate::api::{self, ApiOptions, StartError, Tls};
use crate::cli::failure::Failure;
use crate::cli::terminal;
use crate::config::{Config, Place};
use crate::runtime::{ActorName, Door};

/// Ports that are bound and serve nobody yet: a port that is taken is found out before anything else is touched.
pub struct Bound(Vec<(ActorName, TcpListener, ApiOptions)>);

/// Where it serves.
pub struct Api {
    /// By actor.
    pub rest: BTreeMap<ActorName, SocketAddr>,
    /// By TLS.
    pub tls: bool,
}

/// Binds the ports of the actors that have REST. All of it is asked of the FrontEnd, so it is served where that is.
pub async fn bind(config: &Config, actors: &[ActorName]) -> Result<Bound, Failure> {
    let mut bound = Vec::new();
    if actors.contains(&ActorName::FrontEnd) {
        bound.push(bind_one(ActorName::FrontEnd, &config.places.front_end, config).await?);
        if actors.contains(&ActorName::GlobalManager) {
            bound.push(bind_one(ActorName::GlobalManager, &config.places.global_manager, config).await?);
        }
    }
    Ok(Bound(bound))
}

async fn bind_one(actor: ActorName, place: &Place, config: &Config) -> Result<(ActorName, TcpListener, ApiOptions), Failure> {
    let failed = |source| StartError::Address { address: format!("{place} of the {}", actor.word()), source };
    let resolved = tokio::net::lookup_host((place.host.as_str(), place.port)).await.map_err(failed)?.next();
    let address = resolved.ok_or_else(|| failed(std::io::Error::other("the name has no address")))?;
    let tls = config.security.tls.as_ref().map(|(certificate, key)| Tls::read(certificate, key)).transpose()?;
    let options = ApiOptions {
        tokens_required: config.security.tokens_required,
        tls,
        allowed_hosts: config.security.allowed_hosts.clone(),
        ..ApiOptions::open(address)
    };
    let note = options.check()?;
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    Ok((actor, listener, options))
}

/// Serves what was bound.
pub async fn serve(
    bound: Bound,
    config: &Config,
    door: &Door,
    authority: Digest,
    shutdown: &CancellationToken,
    servers: &mut JoinSet<()>,
    state: &Path,
) -> Result<Api, Failure> {
    if config.security.tokens_required
        && !bound.0.is_empty()
        && let Some(file) = token::first_admin(door, state).await?
    {
        terminal::say(&format!("A first token of an administrator is in {}.", file.display()));
    }
    let mut rest = BTreeMap::new();
    let tls = config.security.tls.is_some();
    for (actor, listener, options) in bound.0 {
        let address = listener.local_addr().map_err(|error| Failure::system("a port has no address", &error))?;
        rest.insert(actor, address);
        let options = ApiOptions { address, authority: Some(authority), shutdown: shutdown.clone(), ..options };
        let tls = options.tls.clone();
        let router = match actor {
            ActorName::GlobalManager => api::global_manager_router(door.clone(), options),
            _ => api::front_end_router(door.clone(), options),
        };
        let shutdown = shutdown.clone();
        servers.spawn(async move {
            if let Err(error) = api::serve(router, listener, tls, shutdown).await {
                tracing::error!(%error, "the REST interface has ended");
            }
        });
    }
    Ok(Api { rest, tls })
}
