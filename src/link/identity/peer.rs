//! Who somebody is: a role and a name, as they stand in a certificate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::LinkError;

/// The longest name, bytes; with role and session number it stays below the 255 bytes of a ZeroMQ identity.
const LONGEST_NAME: usize = 128;
/// What the certificate's one subject alternative name, a URI, begins with.
const SCHEME: &str = "wharfinger:";

/// What somebody may be on a link. Only an actor serves; both dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A worker on a node.
    Worker,
    /// One of the actors of the management.
    Actor,
}

impl Role {
    /// As it stands in names and certificates.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Actor => "actor",
        }
    }
}

/// A role and a name: `worker:n1`, `actor:job-manager`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeerName {
    role: Role,
    name: Arc<str>,
}

impl PeerName {
    /// A name is 1 to 128 letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`: the names of nodes.
    ///
    /// # Errors
    /// [`LinkError::Malformed`] for any other name.
    pub fn new(role: Role, name: &str) -> Result<Self, LinkError> {
        let fits = (1..=LONGEST_NAME).contains(&name.len())
            && !name.starts_with(['.', '-'])
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if fits { Ok(Self { role, name: name.into() }) } else { Err(LinkError::Malformed("a name of a peer")) }
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The name without the role.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it stands in the certificate.
    pub(crate) fn uri(&self) -> String {
        format!("{SCHEME}{self}")
    }

    pub(crate) fn from_uri(uri: &str) -> Result<Self, LinkError> {
        uri.strip_prefix(SCHEME).ok_or(LinkError::Malformed("a name of a peer"))?.parse()
    }
}

impl FromStr for PeerName {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        match text.split_once(':') {
            Some(("worker", name)) => Self::new(Role::Worker, name),
            Some(("actor", name)) => Self::new(Role::Actor, name),
            _ => Err(LinkError::Malformed("a name of a peer")),
        }
    }
}

impl TryFrom<String> for PeerName {
    type Error = LinkError;

    fn try_from(text: String) -> Result<Self, LinkError> {
        text.parse()
    }
}

impl From<PeerName> for String {
    fn from(peer: PeerName) -> Self {
        peer.to_string()
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.role.as_str(), self.name)
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        for text in ["worker:n1", "actor:job-manager", "worker:_a.B-9"] {
            let peer: PeerName = text.parse().unwrap();
            assert_eq!(peer.to_string(), text);
            assert_eq!(PeerName::from_uri(&peer.uri()).unwrap(), peer);
        }
        let long = format!("worker:{}", "x".repeat(129));
        for text in
            ["", "worker", "worker:", "Worker:n1", "worker:a b", "worker:../x", "worker:-a", "worker:a:b", "user:x", "worker:é", &long]
        {
            assert!(text.parse::<PeerName>().is_err(), "{text}");
        }
        assert!(PeerName::from_uri("worker:n1").is_err());
    }
}
