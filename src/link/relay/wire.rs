//! The frames inside TLS: a length of four bytes, then a tag, then a control message (postcard) or a segment of a session.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::LinkError;
use crate::identity::PeerName;
use crate::session::{HEADER, Segment};

/// What is spoken here. A peer of another version is refused by its hello.
pub(crate) const PROTOCOL: u8 = 1;

const CONTROL: u8 = b'c';
const SEGMENT: u8 = b's';

/// What is said about the link itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Control {
    /// The first frame of a dialer with a certificate; `hello` is its user's.
    Hello { protocol: u8, hello: Vec<u8> },
    /// The answer: the session is open.
    Welcome { session: u64 },
    /// The one frame of somebody without a certificate.
    Join { protocol: u8, id: String, secret: String, wanted: PeerName, request: Vec<u8> },
    /// A dialer asks for a new certificate before its own ends.
    Renew { request: Vec<u8> },
    /// The chain of certificates, the authority's last: the answer to `Join` and `Renew`.
    Issued { chain: Vec<Vec<u8>> },
    /// The other answer.
    Refused { reason: String },
    /// Nothing to say, but still here.
    Ping,
    /// The sender closes the connection.
    Bye { reason: String },
}

/// A frame that came in.
pub(crate) enum Frame {
    Control(Control),
    Segment(Segment),
}

impl Control {
    pub(crate) fn encode(&self) -> Bytes {
        let bytes = postcard::to_extend(self, vec![CONTROL]).expect("what is said about a link is plain data");
        bytes.into()
    }
}

impl Frame {
    pub(crate) fn of_segment(segment: &Segment) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + HEADER + segment.payload.len());
        bytes.put_u8(SEGMENT);
        segment.encode(&mut bytes);
        bytes.freeze()
    }

    pub(crate) fn decode(mut bytes: Bytes) -> Result<Self, LinkError> {
        if bytes.is_empty() {
            return Err(LinkError::Malformed("an empty frame"));
        }
        match bytes.get_u8() {
            CONTROL => match postcard::take_from_bytes(&bytes) {
                Ok((control, [])) => Ok(Self::Control(control)),
                _ => Err(LinkError::Malformed("a control frame that cannot be read")),
            },
            SEGMENT => Segment::decode(bytes).map(Self::Segment).ok_or(LinkError::Malformed("a segment that cannot be read")),
            _ => Err(LinkError::Malformed("a frame of an unknown kind")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn garbage_is_refused_or_read_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), tag in prop::sample::select(b"cs".to_vec())) {
            let mut tagged = vec![tag];
            tagged.extend(&bytes);
            let _ = Frame::decode(bytes.into());
            let _ = Frame::decode(tagged.into());
        }
    }

    #[test]
    fn control_frames_are_read_as_they_are_written_and_nothing_after_them() {
        let control = Control::Join {
            protocol: PROTOCOL,
            id: "abc".into(),
            secret: "def".into(),
            wanted: "worker:n1".parse().unwrap(),
            request: vec![1, 2],
        };
        let bytes = control.encode();
        assert!(matches!(Frame::decode(bytes.clone()), Ok(Frame::Control(again)) if again == control));
        let longer = [&bytes[..], &[0]].concat();
        assert!(Frame::decode(longer.into()).is_err());
    }
}
