//! Where a worker on another host reaches the manager: what is said for this machine, seen from there.

use std::net::IpAddr;

use super::LaunchError;
use crate::config::{Place, WorkerHost};

/// Where the GlobalManager and Discovery listen, as this machine is told.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The GlobalManager's link.
    pub manager: Place,
    /// Discovery's link.
    pub discovery: Place,
}

impl Reach {
    /// Both, as the worker of that host is to be told. `local` is the address that this machine has towards the host; `is_here`: the host is
    /// this machine.
    pub fn from(&self, host: &WorkerHost, local: IpAddr, is_here: bool) -> Result<[String; 2], LaunchError> {
        let seen = |said: &Option<String>, place: &Place| said.clone().map_or_else(|| self::seen(place, local, is_here), Ok);
        Ok([seen(&host.manager, &self.manager)?, seen(&host.discovery, &self.discovery)?])
    }
}

fn seen(place: &Place, local: IpAddr, is_here: bool) -> Result<String, LaunchError> {
    let address = place.host.parse::<IpAddr>().ok();
    if address.is_some_and(|address| address.is_unspecified()) {
        return Ok(Place { host: local.to_string(), port: place.port }.to_string());
    }
    let is_loopback = address.map_or(place.host == "localhost", |address| address.is_loopback());
    if is_loopback && !is_here { Err(LaunchError::Manager(place.to_string())) } else { Ok(place.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_the_same_machine_from_elsewhere() {
        let local: IpAddr = "10.0.0.1".parse().unwrap();
        let from = |host: &str, is_here| seen(&Place { host: host.into(), port: 3100 }, local, is_here);
        assert_eq!(from("0.0.0.0", false).unwrap(), "10.0.0.1:3100");
        assert_eq!(from("::", false).unwrap(), "10.0.0.1:3100");
        assert_eq!(from("10.9.0.1", false).unwrap(), "10.9.0.1:3100");
        assert_eq!(from("manager.example", false).unwrap(), "manager.example:3100");
        assert_eq!(from("127.0.0.1", true).unwrap(), "127.0.0.1:3100");
        for host in ["127.0.0.1", "::1", "localhost"] {
            assert_eq!(from(host, false).unwrap_err().code(), "launch-manager", "{host}");
        }
    }
}
