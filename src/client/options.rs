//! What a client is told: whom to ask, as whom, whom to trust, and how long to wait.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use ureq::http::Uri;

use super::ClientError;

/// What a client is told.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Whom to ask.
    pub address: Address,
    /// The bearer token.
    pub token: Option<SecretString>,
    /// A PEM file of the authorities to trust in place of the public ones.
    pub authorities: Option<PathBuf>,
    /// How long any one step of a request may take: connecting, sending, waiting for the answer, reading it.
    pub patience: Duration,
    /// How often a call that may be repeated is tried.
    pub tries: u32,
}

impl ClientOptions {
    /// A client without a token.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, token: None, authorities: None, patience: Duration::from_secs(30), tries: 4 }
    }
}

/// Where a FrontEnd is: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
}

impl Address {
    /// The FrontEnd of this host.
    #[must_use]
    pub fn local() -> Self {
        Self { secure: false, host: "127.0.0.1".into(), port: 5001 }
    }

    /// Whether requests are encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether requests stay on this host.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_matches(['[', ']']);
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let bad = |cause: &str| ClientError::Address { text: text.to_owned(), cause: cause.to_owned() };
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = full.parse().map_err(|_| bad("it is no address"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad("only http and https are spoken")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a password does not belong there; a token comes from a file"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("only scheme, host and port belong there"));
        }
        let port = authority.port_u16().unwrap_or(5001);
        Ok(Self { secure, host: authority.host().to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}
