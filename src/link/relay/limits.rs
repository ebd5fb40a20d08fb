//! How much and how long: the limits of a link, all in one place.

use std::time::Duration;

use crate::session::SessionLimits;

/// Limits of a listener or a dialer. Both ends of a link should have the same `frame_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// The longest frame, bytes, the session's header included; a message may have a few bytes less.
    pub frame_bytes: usize,
    /// How long TCP, TLS and the first frames may take, each.
    pub handshake: Duration,
    /// A peer of which nothing was heard for so long is gone.
    pub idle: Duration,
    /// After so much silence of our own, a ping goes out. Well below the other side's `idle`.
    pub ping: Duration,
    /// A peer that takes nothing for so long is closed.
    pub write: Duration,
    /// Connections open at the same time.
    pub connections: usize,
    /// Of these, such that have not shown a certificate yet, or will not.
    pub unauthenticated: usize,
    /// Events that wait for the user; while so many wait, nothing is read from TCP.
    pub events: usize,
    /// First wait of a dialer before it dials again; it doubles, with jitter.
    pub dial_first: Duration,
    /// Longest such wait.
    pub dial_most: Duration,
    /// Windows and patience of sessions.
    pub session: SessionLimits,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 4 << 20,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(15),
            ping: Duration::from_secs(5),
            write: Duration::from_secs(30),
            connections: 4096,
            unauthenticated: 1024,
            events: 1024,
            dial_first: Duration::from_millis(100),
            dial_most: Duration::from_secs(5),
            session: SessionLimits::default(),
        }
    }
}

impl LinkLimits {
    /// The longest message, bytes.
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        self.frame_bytes.saturating_sub(1 + crate::session::HEADER)
    }
}
