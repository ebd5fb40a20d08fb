//! Takes connections in, as many as may be, and shakes hands with each in a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::gate::Guest;
use super::{Shared, line};
use crate::LinkError;
use crate::counters::add;
use crate::identity::from_io;
use crate::relay::{Channel, prepare};

pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener, config: Arc<ServerConfig>) {
    let acceptor = TlsAcceptor::from(config);
    let room = Arc::new(Semaphore::new(shared.limits.connections));
    let strangers = Arc::new(Semaphore::new(shared.limits.unauthenticated));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => match (room.clone().try_acquire_owned(), strangers.clone().try_acquire_owned()) {
                (Ok(place), Ok(stranger)) => {
                    add(&shared.counters.connections);
                    shared.tasks.spawn(welcome(shared.clone(), acceptor.clone(), stream, from, place, stranger));
                }
                // Dropping the stream resets it; whoever is honest dials again.
                _ => add(&shared.counters.connections_refused),
            },
            Err(error) => {
                // Out of file descriptors, mostly: others must close first.
                if let Some(held) = shared.quiet.may(shared.clock.now_ms()) {
                    tracing::warn!(code = "link-address", %error, held, "a connection cannot be taken in");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Renews the listener's own certificate in time, where it has the authority that issued it.
pub(super) async fn renew_own(shared: Arc<Shared>) {
    let Some(authority) = shared.authority.clone().filter(|authority| authority.digest() == shared.identity.authority()) else { return };
    loop {
        let left = shared.identity.renew_at().duration_since(SystemTime::now()).unwrap_or_default();
        // The wall clock may be set meanwhile, so it is looked at again now and then.
        let wait = left.clamp(Duration::from_millis(200), Duration::from_secs(60));
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        if SystemTime::now() >= shared.identity.renew_at()
            && let Err(error) = shared.identity.reissue(&authority)
        {
            tracing::warn!(code = error.code(), %error, "this side's own certificate was not renewed");
        }
    }
}

async fn welcome(
    shared: Arc<Shared>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    from: SocketAddr,
    _place: OwnedSemaphorePermit,
    stranger: OwnedSemaphorePermit,
) {
    let greeted = tokio::select! {
        biased;
        () = shared.stop.cancelled() => return,
        greeted = shake_hands(&shared, acceptor, stream) => greeted,
    };
    match greeted {
        Ok(Some(Guest { channel, facts, hello })) => {
            drop(stranger);
            line::hold(shared, channel, facts, hello.into()).await;
        }
        Ok(None) => {}
        Err(error) => {
            match &error {
                // Whatever it was that did not become a session, it was no handshake.
                LinkError::Timeout(_) | LinkError::Closed(_) => add(&shared.counters.handshakes_failed),
                other => shared.counters.ended(other),
            }
            if let Some(held) = shared.quiet.may(shared.clock.now_ms()) {
                tracing::warn!(code = error.code(), %from, %error, held, "a connection was turned away");
            }
        }
    }
}

async fn shake_hands(shared: &Shared, acceptor: TlsAcceptor, stream: TcpStream) -> Result<Option<Guest>, LinkError> {
    prepare(&stream).map_err(|error| LinkError::Handshake(error.to_string()))?;
    let stream = timeout(shared.limits.handshake, acceptor.accept(stream)).await;
    let stream = stream.map_err(|_| LinkError::Timeout("the TLS handshake"))?.map_err(|error| from_io(&error, LinkError::Handshake))?;
    shared.greet(Channel::new(stream, &shared.limits)).await
}
