//! Streams of bytes between two peers of one cluster: what is too large for messages. TLS 1.3 with certificates on both sides, each naming
//! exactly who is expected.
//!
//! A worker's certificate is that of a client, so that no program takes it for an actor's. Here it serves all the same, to nobody but those who
//! dial with this module and ask for it by its name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::LinkError;
use crate::identity::{Facts, Identity, PeerName, Role, exact_config, from_io, server_config};
use crate::relay::prepare;

/// How long TCP and TLS may take, each.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// A stream to a peer that has shown who it is.
pub type BulkStream = TlsStream<TcpStream>;

/// Where peers dial.
pub struct BulkListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl BulkListener {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be had, or the identity not be shown.
    pub async fn bind(address: &str, identity: &Identity) -> Result<Self, LinkError> {
        let listener = TcpListener::bind(address).await.map_err(|error| LinkError::address(address, error.to_string()))?;
        Ok(Self { listener, acceptor: TlsAcceptor::from(server_config(identity)?) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> Result<SocketAddr, LinkError> {
        self.listener.local_addr().map_err(|error| LinkError::address("the bound address", error.to_string()))
    }

    /// The next connection; [`BulkGuest::greet`] finds out who it is.
    ///
    /// # Errors
    /// When the system cannot take one in.
    pub async fn accept(&self) -> std::io::Result<BulkGuest> {
        let (stream, _) = self.listener.accept().await?;
        Ok(BulkGuest { stream, acceptor: self.acceptor.clone() })
    }
}

/// Somebody who dialed and has not shown anything yet.
pub struct BulkGuest {
    stream: TcpStream,
    acceptor: TlsAcceptor,
}

impl BulkGuest {
    /// Shakes hands: only a worker of the cluster comes in.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn greet(self) -> Result<(PeerName, BulkStream), LinkError> {
        prepare(&self.stream).map_err(|error| LinkError::Handshake(error.to_string()))?;
        let stream = timeout(HANDSHAKE, self.acceptor.accept(self.stream)).await;
        let stream = stream.map_err(|_| LinkError::Timeout("the TLS handshake"))?.map_err(|error| from_io(&error, LinkError::Handshake))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = certificate.ok_or_else(|| LinkError::Certificate("it came without one".to_owned()))?;
        let peer = Facts::of(certificate)?.peer;
        if peer.role() != Role::Worker {
            return Err(LinkError::Certificate(format!("{peer} is no worker")));
        }
        Ok((peer, stream.into()))
    }
}

/// Dials a peer, which must be exactly `expected`.
///
/// # Errors
/// When it cannot be reached, or is somebody else.
pub async fn dial_bulk(address: &str, identity: &Identity, expected: &PeerName) -> Result<BulkStream, LinkError> {
    let config = exact_config(identity, expected)?;
    let unreachable = |reason: &str| LinkError::address(address, reason);
    let stream = timeout(HANDSHAKE, TcpStream::connect(address)).await.map_err(|_| unreachable("no answer in time"))?;
    let stream = stream.map_err(|error| unreachable(&error.to_string()))?;
    prepare(&stream).map_err(|error| unreachable(&error.to_string()))?;
    // rustls wants a name; it is neither sent nor compared.
    let name = ServerName::try_from("wharfinger").expect("it is a valid name");
    let stream = timeout(HANDSHAKE, TlsConnector::from(Arc::clone(&config)).connect(name, stream)).await;
    let stream = stream.map_err(|_| LinkError::Timeout("the TLS handshake"))?.map_err(|error| from_io(&error, LinkError::Handshake))?;
    Ok(stream.into())
}
