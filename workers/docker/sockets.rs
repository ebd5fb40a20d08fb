//! Whether a container would miss its address: sockets that are tied to one of the network are restored nowhere else.

use std::fs;

use super::remains::members;

/// The state of a connection that nobody has open any more.
const TIME_WAIT: &str = "06";

/// Whether a container has connections, or listens, under an address of its own: not every one, and not that of the loopback.
#[must_use]
pub fn is_bound(id: &str) -> bool {
    let Some(pid) = members(id).next() else { return false };
    let tables = ["tcp", "tcp6", "udp", "udp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1)).any(is_tied)
}

/// A line of the kernel's tables: number, local address, the other's, state.
fn is_tied(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    let local = words.next().and_then(|place| place.split(':').next()).unwrap_or_default();
    let state = words.nth(1).unwrap_or_default();
    // Each four bytes are written as a number of this machine's order, so the first byte of an address of four comes last.
    let (mapped, last) = local.split_at(local.len().saturating_sub(8));
    let of_four = mapped.is_empty() || mapped == "0000000000000000FFFF0000";
    let loopback = if of_four { last.ends_with("7F") } else { mapped.bytes().all(|digit| digit == b'0') && last == "01000000" };
    let any = last == "00000000" && (of_four || mapped.bytes().all(|digit| digit == b'0'));
    state != TIME_WAIT && !local.is_empty() && !loopback && !any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_the_network_ties() {
        let line =
            |local: &str, state: &str| format!("   0: {local}:1F90 0301A8C0:0050 {state} 00000000:00000000 00:00000000 00000000     0");
        let six = |first: &str, last: &str| format!("{first}{last}");
        for (local, state, tied) in [
            ("00000000".into(), "0A", false),
            ("0100007F".into(), "01", false),
            ("0201320A".into(), "01", true),
            ("0201320A".into(), "0A", true),
            ("0201320A".into(), "06", false),
            ("0".repeat(32), "0A", false),
            (six("000000000000000000000000", "01000000"), "01", false),
            (six("0000000000000000FFFF0000", "0100007F"), "01", false),
            (six("0000000000000000FFFF0000", "0201320A"), "01", true),
            (six("000080FE0000000000000000", "01000000"), "01", true),
        ] {
            assert_eq!(is_tied(&line(&local, state)), tied, "{local} {state}");
        }
    }
}
