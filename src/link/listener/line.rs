//! One authenticated connection: frames go between TLS and a DEALER of its own, until either ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use zeromq::util::PeerIdentity;
use zeromq::{DealerRecvHalf, DealerSendHalf, DealerSocket, Socket, SocketOptions, SocketRecv, SocketSend, ZmqMessage};

use super::Shared;
use super::queue::{Command, cost, identity_of};
use super::table::{Line, MESSAGE_COST, Pending};
use crate::LinkError;
use crate::identity::Facts;
use crate::relay::{Channel, Control, Frame, Outgoing, Reader, Writer, pump};
use crate::session::HEADER;

/// How long the ROUTER may take for what was read before the connection ended.
const DRAIN: Duration = Duration::from_secs(5);

/// Opens a session for the peer, holds it, and reports its end.
pub(super) async fn hold(shared: Arc<Shared>, channel: Channel, facts: Facts, hello: Bytes) {
    let session = shared.table.number();
    let capacity = room(&shared);
    let line = Arc::new(Line {
        identity: identity_of(&facts.peer, session),
        peer: facts.peer.clone(),
        session,
        inbound: Semaphore::new(capacity),
        outbound: AtomicUsize::new(0),
        stop: shared.stop.child_token(),
    });
    let Channel { mut reader, mut writer, .. } = channel;
    let mut dealer = None;
    let reason = match open(&shared, &line, hello).await {
        Ok((sender, receiver)) => {
            // Kept until the ROUTER has all of it: a DEALER that is dropped may forget what it was given.
            let sender = dealer.insert(sender);
            let ends = Ends { shared: &shared, line: &line, valid_until: AtomicU64::new(seconds(facts.valid_until)) };
            ends.hold(&mut reader, &mut writer, sender, receiver).await
        }
        Err(error) => error,
    };
    shared.counters.ended(&reason);
    if line.stop.is_cancelled() {
        writer.leave(if shared.stop.is_cancelled() { "the server stops" } else { "the server closed the session" }).await;
    } else {
        if matches!(reason, LinkError::Queue(_)) {
            writer.leave("the server could not open a session").await;
        }
        // What was read is reported before the end is.
        let all = u32::try_from(capacity).expect("it is limited to that");
        tokio::select! {
            _ = timeout(DRAIN, line.inbound.acquire_many(all)) => {}
            () = line.stop.cancelled() => {}
        }
    }
    drop(dealer);
    tracing::debug!(peer = %line.peer, session, %reason, "a session ended");
    let _ = shared.commands.send(Command::Ended { session, reason }).await;
}

/// Bytes that may be under way to the ROUTER's reader: at least two frames of the longest.
fn room(shared: &Shared) -> usize {
    (2 * cost(shared.limits.frame_bytes)).clamp(256 << 10, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// A DEALER of its own for the line; the ROUTER has heard of it when this returns.
async fn open(shared: &Shared, line: &Arc<Line>, hello: Bytes) -> Result<(DealerSendHalf, DealerRecvHalf), LinkError> {
    let failed = |error: zeromq::ZmqError| LinkError::Queue(error.to_string());
    let endpoint = shared.endpoint.borrow().clone().ok_or_else(|| LinkError::Queue("it is being made".to_owned()))?;
    let mut options = SocketOptions::default();
    options.peer_identity(PeerIdentity::try_from(line.identity.clone()).map_err(failed)?);
    options.connect_timeout(shared.limits.handshake);
    let mut dealer = DealerSocket::with_options(options);
    if let Err(error) = dealer.connect(&endpoint).await {
        let _ = shared.commands.send(Command::Replace { endpoint }).await;
        return Err(failed(error));
    }
    let (opened, heard) = oneshot::channel();
    shared.table.announce(Pending { line: line.clone(), hello, opened });
    let (mut sender, receiver) = dealer.split();
    let said = sender.send(ZmqMessage::from(Bytes::new())).await.map_err(failed);
    let heard = match said {
        Ok(()) => timeout(shared.limits.handshake, heard).await.map_err(|_| LinkError::Timeout("the server's own queue")),
        Err(error) => Err(error),
    };
    match heard {
        Ok(Ok(())) => Ok((sender, receiver)),
        other => {
            shared.table.withdraw(line.session);
            Err(other.err().unwrap_or_else(|| LinkError::Queue("it was made anew".to_owned())))
        }
    }
}

/// What the directions of a line share.
struct Ends<'a> {
    shared: &'a Shared,
    line: &'a Line,
    /// When the peer's certificate ends, seconds since 1970.
    valid_until: AtomicU64,
}

impl Ends<'_> {
    async fn hold(&self, reader: &mut Reader, writer: &mut Writer, sender: &mut DealerSendHalf, receiver: DealerRecvHalf) -> LinkError {
        if let Err(error) = writer.say(&Control::Welcome { session: self.line.session }).await {
            return error;
        }
        let (controls, to_say) = mpsc::channel(4);
        let mut outgoing = FromRouter { ends: self, receiver, controls: to_say, taken: 0 };
        tokio::select! {
            Err(error) = self.read(reader, sender, controls) => error,
            error = pump(&mut outgoing, writer, &self.shared.limits) => error,
            () = self.certificate_ends() => LinkError::Certificate("it has ended".to_owned()),
            () = self.line.stop.cancelled() => LinkError::Closed("this side closed the session".to_owned()),
        }
    }

    async fn read(
        &self,
        reader: &mut Reader,
        sender: &mut DealerSendHalf,
        controls: mpsc::Sender<Bytes>,
    ) -> Result<std::convert::Infallible, LinkError> {
        loop {
            match reader.next(self.shared.limits.idle).await? {
                Frame::Segment(segment) => {
                    let mut bytes = BytesMut::with_capacity(HEADER + segment.payload.len());
                    segment.encode(&mut bytes);
                    let cost = u32::try_from(cost(bytes.len())).expect("frames are shorter");
                    // Comes back when the segment has been reported; until then this line reads no further than `room`.
                    self.line.inbound.acquire_many(cost).await.expect("it is never closed").forget();
                    sender.send(ZmqMessage::from(bytes.freeze())).await.map_err(|error| LinkError::Queue(error.to_string()))?;
                }
                Frame::Control(Control::Ping) => {}
                Frame::Control(Control::Renew { request }) => {
                    let answer = match self.shared.renew(&self.line.peer, &request) {
                        Ok((chain, until)) => {
                            self.valid_until.store(seconds(until), SeqCst);
                            Control::Issued { chain }
                        }
                        Err(reason) => Control::Refused { reason },
                    };
                    // One at a time is honest; who asks faster than the answers are written breaks the protocol.
                    controls.try_send(answer.encode()).map_err(|_| LinkError::Malformed("renewals without end"))?;
                }
                Frame::Control(Control::Bye { reason }) => return Err(LinkError::Closed(reason)),
                Frame::Control(_) => return Err(LinkError::Malformed("a frame that a peer does not send")),
            }
        }
    }

    /// Waits until the certificate that was shown has ended and was not renewed.
    async fn certificate_ends(&self) {
        loop {
            let left = self.valid_until.load(SeqCst).saturating_sub(seconds(SystemTime::now()));
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_secs(left.min(60))).await;
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What the ROUTER sends to this line, and control frames before it.
struct FromRouter<'a> {
    ends: &'a Ends<'a>,
    receiver: DealerRecvHalf,
    controls: mpsc::Receiver<Bytes>,
    /// What has been taken and not been written yet.
    taken: usize,
}

impl Outgoing for FromRouter<'_> {
    async fn next(&mut self) -> Result<Bytes, LinkError> {
        tokio::select! {
            biased;
            Some(control) = self.controls.recv() => Ok(control),
            message = self.receiver.recv() => {
                let message = message.map_err(|error| LinkError::Queue(error.to_string()))?;
                let frame = message.into_vec().pop().ok_or_else(|| LinkError::Queue("an empty message".to_owned()))?;
                self.taken += frame.len().saturating_sub(1 + HEADER) + MESSAGE_COST;
                Ok(frame)
            }
        }
    }

    fn written(&mut self) {
        self.ends.shared.table.written(self.ends.line, std::mem::take(&mut self.taken));
    }
}
