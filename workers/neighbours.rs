//! Other workers of this machine that offer the same cores: a mistake that is told, and not refused, for each keeps its own ledger.
//! Each worker holds a name for each of its cores in the abstract namespace of sockets; the kernel takes them back when it ends.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use model::CpuSet;

/// The names of this worker's cores, for as long as it lives.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held, not read")] Vec<UnixDatagram>);

/// Takes the names of these cores; and the cores whose names another worker has.
#[must_use]
pub fn hold(cores: &CpuSet) -> (Held, CpuSet) {
    let (mut held, mut shared) = (Vec::new(), CpuSet::new());
    for core in cores.iter() {
        match SocketAddr::from_abstract_name(format!("wharfinger/core/{core}")).and_then(|name| UnixDatagram::bind_addr(&name)) {
            Ok(socket) => held.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => shared.insert(core),
            // A host that gives no names tells nothing.
            Err(_) => {}
        }
    }
    (Held(held), shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_shared_while_another_holds_it() {
        let set = |text: &str| text.parse::<CpuSet>().unwrap();
        let (one, shared) = hold(&set("901-902"));
        assert!(shared.is_empty());
        let (_two, shared) = hold(&set("902-903"));
        assert_eq!(shared, set("902"));
        drop(one);
        assert!(hold(&set("901-902")).1.is_empty());
    }
}
