//! One session between two ends, pure: numbers, acknowledgements, repeats and a window. Time comes in as milliseconds, frames go out as
//! values; there is no clock and no socket here, so that every loss and delay can be tried.
//!
//! It is go-back-N: the receiver takes messages in order alone, and the sender, when nothing was acknowledged for a while, sends again
//! from the first that is not. Below it lies TLS, which loses nothing; what this is for are the queues in between.

mod segment;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;

pub(crate) use segment::HEADER;
pub use segment::Segment;

/// What a session holds and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Messages that may be unacknowledged.
    pub window_messages: usize,
    /// Bytes of messages that may be unacknowledged; a single longer message passes alone.
    pub window_bytes: usize,
    /// Longest wait before an acknowledgement goes out by itself, milliseconds.
    pub ack_delay_ms: u64,
    /// First wait before messages are sent again, milliseconds. It doubles while nothing comes back.
    pub resend_first_ms: u64,
    /// Longest such wait.
    pub resend_most_ms: u64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { window_messages: 1024, window_bytes: 8 << 20, ack_delay_ms: 20, resend_first_ms: 200, resend_most_ms: 2000 }
    }
}

/// Why a message was not taken. Nothing has happened; the caller keeps the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// As much as may be is unacknowledged; an acknowledgement will make room.
    #[error("the window is full")]
    WouldBlock,
    /// The message is longer than a frame may be.
    #[error("a message may have {most} bytes")]
    Oversized {
        /// The limit.
        most: usize,
    },
    /// There is no such session, or no longer.
    #[error("the session is closed")]
    Closed,
}

/// What came of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Received {
    /// The next message, in order, never seen before.
    pub message: Option<Bytes>,
    /// All messages up to this number have arrived; said when it grew.
    pub acked: Option<u64>,
    /// The segment, or its message, was dropped.
    pub dropped: bool,
}

/// One end of a session.
#[derive(Debug)]
pub struct Session {
    id: u64,
    limits: SessionLimits,
    /// Messages after `acked`, oldest first.
    unacked: VecDeque<Bytes>,
    unacked_bytes: usize,
    acked: u64,
    /// The last number sent since sending began or began again, and the last ever sent.
    sent: u64,
    ever_sent: u64,
    resend_at: Option<u64>,
    resend_after_ms: u64,
    received: u64,
    /// Messages and bytes received since the last acknowledgement went out.
    owed: (usize, usize),
    ack_at: Option<u64>,
}

impl Session {
    /// A fresh end; both ends of a session have the same `id`, and no other session ever has it.
    #[must_use]
    pub fn new(id: u64, limits: SessionLimits) -> Self {
        let resend_after_ms = limits.resend_first_ms;
        Self {
            id,
            limits,
            unacked: VecDeque::new(),
            unacked_bytes: 0,
            acked: 0,
            sent: 0,
            ever_sent: 0,
            resend_at: None,
            resend_after_ms,
            received: 0,
            owed: (0, 0),
            ack_at: None,
        }
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Takes a message and gives it its number, from 1. It is handed out by [`Session::transmit`].
    ///
    /// # Errors
    /// [`SendRefusal::WouldBlock`] while the window is full.
    pub fn send(&mut self, payload: Bytes) -> Result<u64, SendRefusal> {
        let full = self.unacked.len() >= self.limits.window_messages
            || (!self.unacked.is_empty() && self.unacked_bytes + payload.len() > self.limits.window_bytes);
        if full {
            return Err(SendRefusal::WouldBlock);
        }
        self.unacked_bytes += payload.len();
        self.unacked.push_back(payload);
        Ok(self.last())
    }

    /// The next segment that should go out now, if any; to be called until there is none.
    pub fn transmit(&mut self, now_ms: u64) -> Option<Segment> {
        if self.resend_at.is_some_and(|at| at <= now_ms) && self.acked < self.sent {
            self.sent = self.acked;
            self.resend_after_ms = (self.resend_after_ms * 2).min(self.limits.resend_most_ms);
            self.resend_at = None;
        }
        if self.sent < self.last() {
            let index = usize::try_from(self.sent - self.acked).expect("the window fits into memory");
            self.sent += 1;
            self.ever_sent = self.ever_sent.max(self.sent);
            self.resend_at.get_or_insert(now_ms + self.resend_after_ms);
            return Some(self.segment(self.sent, self.unacked[index].clone()));
        }
        if self.ack_at.is_some_and(|at| at <= now_ms) {
            return Some(self.segment(0, Bytes::new()));
        }
        None
    }

    /// A segment; it carries the acknowledgement that is owed.
    fn segment(&mut self, seq: u64, payload: Bytes) -> Segment {
        self.owed = (0, 0);
        self.ack_at = None;
        Segment { session: self.id, seq, ack: self.received, payload }
    }

    /// When [`Session::transmit`] next has something, in the same milliseconds: 0 is now, `None` until something happens.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        if self.sent < self.last() {
            return Some(0);
        }
        let resend_at = self.resend_at.filter(|_| self.acked < self.sent);
        [resend_at, self.ack_at].into_iter().flatten().min()
    }

    /// Takes a segment that came in.
    pub fn receive(&mut self, now_ms: u64, segment: Segment) -> Received {
        let mut received = Received::default();
        // Of another session, or acknowledging what was never sent: nothing in it can be trusted.
        if segment.session != self.id || segment.ack > self.ever_sent {
            received.dropped = true;
            return received;
        }
        received.acked = self.acknowledged(now_ms, segment.ack);
        if segment.seq == 0 {
            return received;
        }
        if segment.seq == self.received + 1 {
            self.received = segment.seq;
            self.owe(now_ms, segment.payload.len());
            received.message = Some(segment.payload);
        } else {
            // The sender has not heard, or something was lost: say at once how far this end is.
            self.ack_at = Some(now_ms);
            received.dropped = true;
        }
        received
    }

    /// An acknowledgement waits a little for a message to ride on, but not while it would hold up the sender's window.
    fn owe(&mut self, now_ms: u64, bytes: usize) {
        self.owed = (self.owed.0 + 1, self.owed.1 + bytes);
        let much = self.owed.0 >= self.limits.window_messages.div_ceil(16) || self.owed.1 >= self.limits.window_bytes.div_ceil(16);
        let at = if much { now_ms } else { now_ms + self.limits.ack_delay_ms };
        self.ack_at = Some(self.ack_at.map_or(at, |before| before.min(at)));
    }

    fn acknowledged(&mut self, now_ms: u64, upto: u64) -> Option<u64> {
        if upto <= self.acked {
            return None;
        }
        for _ in self.acked..upto {
            let payload = self.unacked.pop_front().expect("what was sent and not acknowledged is kept");
            self.unacked_bytes -= payload.len();
        }
        self.acked = upto;
        self.sent = self.sent.max(upto);
        self.resend_after_ms = self.limits.resend_first_ms;
        self.resend_at = (self.acked < self.sent).then_some(now_ms + self.resend_after_ms);
        Some(upto)
    }

    fn last(&self) -> u64 {
        self.acked + self.unacked.len() as u64
    }
}
