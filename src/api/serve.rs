//! Serving: connections are bounded, handshakes and heads of requests have a time limit, and stopping lets answers finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::tls::Tls;

/// The most connections at once; the others wait to be accepted.
const MOST_CONNECTIONS: usize = 4096;
/// The most handshakes at once: each costs a signature.
const MOST_HANDSHAKES: usize = 64;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long the head of a request may take, and how long a connection may lie idle between two.
const HEAD: Duration = Duration::from_secs(60);
/// How long open requests may take to end when the system stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// How long to wait after an accept that failed: most often the process has too many files open.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then lets open requests end.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(router: Router, listener: TcpListener, tls: Option<Tls>, shutdown: CancellationToken) -> io::Result<()> {
    let address = listener.local_addr()?;
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let handshakes = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    let graceful = GracefulShutdown::new();
    tracing::debug!(%address, tls = tls.is_some(), "the API serves");
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        let Ok((stream, held)) = accepted else {
            tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
            continue;
        };
        // Answers are small and whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let (router, watcher) = (router.clone(), graceful.watcher());
        let (acceptor, handshakes) = (tls.as_ref().map(Tls::acceptor), Arc::clone(&handshakes));
        tokio::spawn(async move {
            let _held = held;
            let Some(acceptor) = acceptor else { return connection(stream, router, watcher).await };
            let Ok(turn) = handshakes.acquire_owned().await else { return };
            let secured = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
            drop(turn);
            if let Ok(Ok(secured)) = secured {
                connection(secured, router, watcher).await;
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(LAST_ANSWERS, graceful.shutdown()).await.is_err() {
        tracing::warn!(%address, "requests were open when the API stopped");
    }
    Ok(())
}

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let held = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, held))
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router, watcher: Watcher) {
    let service = TowerToHyperService::new(router);
    let served = Builder::new().timer(TokioTimer::new()).header_read_timeout(HEAD).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(served).await {
        tracing::trace!(%error, "a connection ended");
    }
}
