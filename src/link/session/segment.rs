//! What one end of a session sends to the other, and its bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes before the message: session, number, acknowledgement.
pub(crate) const HEADER: usize = 24;

/// A message with its number, or an acknowledgement alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The session that it belongs to.
    pub session: u64,
    /// The message's number, from 1; 0: an acknowledgement alone.
    pub seq: u64,
    /// All messages of the other direction up to this number have arrived.
    pub ack: u64,
    /// The message.
    pub payload: Bytes,
}

impl Segment {
    /// Appends the bytes of the segment.
    pub(crate) fn encode(&self, into: &mut BytesMut) {
        into.reserve(HEADER + self.payload.len());
        into.put_u64(self.session);
        into.put_u64(self.seq);
        into.put_u64(self.ack);
        into.extend_from_slice(&self.payload);
    }

    /// Reads a segment, if the bytes are one.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Self> {
        if bytes.len() < HEADER {
            return None;
        }
        let (session, seq, ack) = (bytes.get_u64(), bytes.get_u64(), bytes.get_u64());
        // Only what is numbered has a message, so that each segment has one meaning.
        (seq != 0 || bytes.is_empty()).then_some(Self { session, seq, ack, payload: bytes })
    }
}
