//! Host ports: of each a node has one, so that they are scheduled like cores.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TaskSpec;

/// A transport protocol; each has ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `tcp`, also where none is named.
    Tcp,
    /// `udp`
    Udp,
}

/// A port of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostPort {
    /// Its number, from 1.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{}/{protocol}", self.port)
    }
}

impl TaskSpec {
    /// The host ports that an instance holds while it has a place, ascending.
    #[must_use]
    pub fn host_ports(&self) -> Box<[HostPort]> {
        let Some(container) = &self.container else { return Box::default() };
        // Keys were checked where the document was read; a spec made otherwise means tcp by anything else.
        let protocol = |key: &str| container_port(key).map_or(Protocol::Tcp, |(_, protocol)| protocol);
        let mut ports: Box<[HostPort]> = container.ports.iter().map(|(key, &port)| HostPort { port, protocol: protocol(key) }).collect();
        ports.sort_unstable();
        ports
    }
}

/// A container's port as documents write it: `80`, `80/tcp` or `80/udp`.
pub(crate) fn container_port(key: &str) -> Option<(u16, Protocol)> {
    let (number, protocol) = match key.split_once('/') {
        None => (key, Protocol::Tcp),
        Some((number, "tcp")) => (number, Protocol::Tcp),
        Some((number, "udp")) => (number, Protocol::Udp),
        Some(_) => return None,
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|&number| plain && number > 0)?;
    Some((number, protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_port_is_a_number_and_perhaps_a_protocol() {
        for (key, port) in [("80", (80, Protocol::Tcp)), ("80/tcp", (80, Protocol::Tcp)), ("65535/udp", (65_535, Protocol::Udp))] {
            assert_eq!(container_port(key), Some(port), "{key}");
        }
        for key in ["", "0", "65536", "+80", "-1", "80/sctp", "80/", "/tcp", "80/tcp/udp", "8o", " 80"] {
            assert_eq!(container_port(key), None, "{key}");
        }
    }
}
