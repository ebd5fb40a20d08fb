//! What the API is told when it starts, and what it refuses to start with.

use std::net::SocketAddr;
use std::path::PathBuf;

use link::identity::Digest;
use tokio_util::sync::CancellationToken;

use super::tls::Tls;

/// What the API is told.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether every request but those for health needs a token.
    pub tokens_required: bool,
    /// The certificate and its key; absent: no TLS.
    pub tls: Option<Tls>,
    /// Names, beside those of loopback, that clients may call this host by.
    pub allowed_hosts: Vec<String>,
    /// What join tokens pin; absent where no worker can join over a link.
    pub authority: Option<Digest>,
    /// Ends the streams and the serving.
    pub shutdown: CancellationToken,
}

/// Why the API does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Others could reach it, and it would not know them.
    #[error("the API may not listen on {address}, which other hosts can reach, without {lacks}")]
    OpenAddress {
        /// Where.
        address: SocketAddr,
        /// What it lacks.
        lacks: &'static str,
    },
    /// The certificate or its key cannot be used.
    #[error("{}: {cause}", file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The address cannot be listened on.
    #[error("address {address}: {source}")]
    Address {
        /// As it was configured.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl StartError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OpenAddress { .. } => "api-open-address",
            Self::Tls { .. } => "api-tls",
            Self::Address { .. } => "api-address",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::OpenAddress { .. } => "listen on 127.0.0.1, or configure a certificate with its key and require tokens",
            Self::Tls { .. } => "name a PEM file with the certificate chain, and one with its private key, that this user may read",
            Self::Address { .. } => "see with `management doctor` who has the port, or name another address in the actors file",
        }
    }
}

impl ApiOptions {
    /// On an address of loopback, for everybody on this host.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        Self { address, tokens_required: false, tls: None, allowed_hosts: Vec::new(), authority: None, shutdown: CancellationToken::new() }
    }

    /// Refuses what would let strangers in. Where everybody on this host may do everything, the answer is a line that says so.
    ///
    /// # Errors
    /// Where others can reach the address and there is no TLS, or no token is asked for.
    pub fn check(&self) -> Result<Option<String>, StartError> {
        let lacks = match (self.tls.is_some(), self.tokens_required) {
            (true, true) => return Ok(None),
            (false, true) => "TLS",
            (true, false) => "tokens",
            (false, false) => "TLS and tokens",
        };
        if !self.address.ip().is_loopback() {
            return Err(StartError::OpenAddress { address: self.address, lacks });
        }
        let open = !self.tokens_required;
        Ok(open.then(|| format!("no token is asked for on {}: everybody on this host may do everything", self.address)))
    }
}
