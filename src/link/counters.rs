//! What happened on the links of this process, counted; and warnings that strangers cannot turn into a flood.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the process began. Whatever a stranger sends ends up in one of them, and never in a panic.
#[derive(Debug, Default)]
pub struct Counters {
    /// TCP connections taken in, or dialed and answered.
    pub connections: AtomicU64,
    /// Connections turned away because too many were open.
    pub connections_refused: AtomicU64,
    /// TLS handshakes, or first frames, that failed or took too long.
    pub handshakes_failed: AtomicU64,
    /// Certificates of another authority, of another role, ended or unreadable.
    pub refused_certificates: AtomicU64,
    /// Certificates given to peers that joined.
    pub joins: AtomicU64,
    /// Joins refused.
    pub joins_refused: AtomicU64,
    /// Certificates renewed.
    pub renewals: AtomicU64,
    /// Renewals refused.
    pub renewals_refused: AtomicU64,
    /// Frames that the protocol does not have; each ends its connection.
    pub malformed: AtomicU64,
    /// Frames announced longer than allowed; each ends its connection.
    pub oversized: AtomicU64,
    /// Frames dropped by a session: of another session, seen before, or out of order.
    pub frames_dropped: AtomicU64,
    /// Peers that fell silent, or did not take what was sent.
    pub timeouts: AtomicU64,
    /// Sessions opened.
    pub sessions: AtomicU64,
    /// Times that the local ZeroMQ sockets were made anew.
    pub queues_remade: AtomicU64,
}

impl Counters {
    /// Every count with its name, in the order above, for metrics.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, u64); 14] {
        [
            ("connections", self.connections.load(Relaxed)),
            ("connections_refused", self.connections_refused.load(Relaxed)),
            ("handshakes_failed", self.handshakes_failed.load(Relaxed)),
            ("refused_certificates", self.refused_certificates.load(Relaxed)),
            ("joins", self.joins.load(Relaxed)),
            ("joins_refused", self.joins_refused.load(Relaxed)),
            ("renewals", self.renewals.load(Relaxed)),
            ("renewals_refused", self.renewals_refused.load(Relaxed)),
            ("malformed", self.malformed.load(Relaxed)),
            ("oversized", self.oversized.load(Relaxed)),
            ("frames_dropped", self.frames_dropped.load(Relaxed)),
            ("timeouts", self.timeouts.load(Relaxed)),
            ("sessions", self.sessions.load(Relaxed)),
            ("queues_remade", self.queues_remade.load(Relaxed)),
        ]
    }

    /// Counts the end of a connection by what ended it.
    pub(crate) fn ended(&self, error: &crate::LinkError) {
        use crate::LinkError as E;
        let counter = match error {
            E::Handshake(_) => &self.handshakes_failed,
            E::Certificate(_) => &self.refused_certificates,
            E::Malformed(_) => &self.malformed,
            E::Oversized { .. } => &self.oversized,
            E::Timeout(_) => &self.timeouts,
            E::Address { .. } | E::Token(_) | E::Refused(_) | E::Folder { .. } | E::Closed(_) | E::Queue(_) => return,
        };
        add(counter);
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// Lets one line a second through, and knows how many it held back: who knocks a thousand times a second fills no disk.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    next_ms: AtomicU64,
    held: AtomicU64,
}

impl Quiet {
    /// How many lines were held back since the last, if one may be written now.
    pub(crate) fn may(&self, now_ms: u64) -> Option<u64> {
        let next = self.next_ms.load(Relaxed);
        if now_ms >= next && self.next_ms.compare_exchange(next, now_ms + 1000, Relaxed, Relaxed).is_ok() {
            return Some(self.held.swap(0, Relaxed));
        }
        self.held.fetch_add(1, Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_the_rest_counted() {
        let quiet = Quiet::default();
        assert_eq!([0, 1, 999].map(|now| quiet.may(now)), [Some(0), None, None]);
        assert_eq!([1000, 1001].map(|now| quiet.may(now)), [Some(2), None]);
    }
}
