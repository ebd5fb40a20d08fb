//! The ROUTER and the two tasks behind it: one takes what comes in and reports it, one lets out what is due.
//!
//! The crate's sockets have no security, abort on a forged frame, hold 100,000 messages for each peer and do not survive the loss of
//! their other end. So the ROUTER is bound to a socket file in a private folder, only lines of this process connect to it, each with a
//! name of its own, lines count what is under way themselves, and a ROUTER that fails is replaced with all its lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket, Socket, SocketRecv, SocketSend, ZmqMessage};

use super::table::{Line, MESSAGE_COST};
use super::{FromPeer, Shared};
use crate::LinkError;
use crate::counters::add;
use crate::session::Segment;

/// What a path of a Unix socket may have, bytes, with its final zero.
const LONGEST_PATH: usize = 108;

/// What connections tell the receiving task.
pub(super) enum Command {
    /// The connection of the session has ended; whatever it read has been passed on.
    Ended { session: u64, reason: LinkError },
    /// Nobody can reach the ROUTER any more.
    Replace { endpoint: String },
}

/// Where the sockets lie.
pub(super) struct Sockets {
    folder: PathBuf,
    /// Keeps a temporary folder for as long as it is needed.
    _temporary: Option<tempfile::TempDir>,
    port: u16,
    made: u32,
}

impl Sockets {
    pub(super) fn new(folder: &Path, port: u16) -> Result<Self, LinkError> {
        // The number of sockets made in one process stays below a million.
        let longest = folder.join("link-65535-999999.ipc");
        if longest.as_os_str().len() < LONGEST_PATH {
            crate::files::private_folder(folder)?;
            return Ok(Self { folder: folder.to_owned(), _temporary: None, port, made: 0 });
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let temporary = tempfile::Builder::new().prefix("wh-").permissions(mode).tempdir_in("/tmp");
        let temporary = temporary.map_err(|error| LinkError::folder(Path::new("/tmp"), error))?;
        Ok(Self { folder: temporary.path().to_owned(), _temporary: Some(temporary), port, made: 0 })
    }

    async fn open(&mut self) -> Result<(RouterSocket, String), LinkError> {
        self.made += 1;
        // The port is ours, so a file of its name is what a killed process left behind.
        let path = self.folder.join(format!("link-{}-{}.ipc", self.port, self.made));
        let _ = std::fs::remove_file(&path);
        let path = path.to_str().ok_or_else(|| LinkError::folder(&self.folder, "the path is not UTF-8"))?;
        let endpoint = format!("ipc://{path}");
        let mut router = RouterSocket::new();
        router.bind(&endpoint).await.map_err(|error| LinkError::Queue(error.to_string()))?;
        Ok((router, endpoint))
    }
}

enum Ending {
    Stopped,
    Broken(LinkError),
}

/// Serves with one ROUTER after another until the listener stops or nobody takes the events.
pub(super) async fn serve(
    shared: Arc<Shared>,
    mut sockets: Sockets,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<FromPeer>,
) {
    loop {
        let ending = match sockets.open().await {
            Ok((router, endpoint)) => {
                shared.endpoint.send_replace(Some(endpoint.clone()));
                let (sender, receiver) = router.split();
                let receiving = Receiving { shared: &shared, events: &events, endpoint: &endpoint };
                tokio::select! {
                    ending = receiving.run(receiver, &mut commands) => ending,
                    never = let_out(&shared, sender) => match never {},
                }
            }
            Err(error) => Ending::Broken(error),
        };
        shared.endpoint.send_replace(None);
        let lines = shared.table.clear();
        match ending {
            Ending::Stopped => return shared.stop.cancel(),
            Ending::Broken(error) => {
                add(&shared.counters.queues_remade);
                tracing::warn!(code = error.code(), %error, sessions = lines.len(), "the local queue is made anew");
                for line in lines {
                    let closed = FromPeer::Closed { peer: line.peer.clone(), session: line.session, reason: error.clone() };
                    if events.send(closed).await.is_err() {
                        return shared.stop.cancel();
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// The one task that reports events, so that their order is the order in which things happened.
struct Receiving<'a> {
    shared: &'a Shared,
    events: &'a mpsc::Sender<FromPeer>,
    endpoint: &'a str,
}

impl Receiving<'_> {
    async fn run(&self, mut router: RouterRecvHalf, commands: &mut mpsc::Receiver<Command>) -> Ending {
        loop {
            let done = tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Ending::Stopped,
                Some(command) = commands.recv() => self.obey(command).await,
                message = router.recv() => match message {
                    Ok(message) => self.take(message).await,
                    Err(error) => Err(Ending::Broken(LinkError::Queue(error.to_string()))),
                },
            };
            if let Err(ending) = done {
                return ending;
            }
        }
    }

    async fn obey(&self, command: Command) -> Result<(), Ending> {
        match command {
            Command::Ended { session, reason } => match self.shared.table.remove(session) {
                Some(line) => self.report(FromPeer::Closed { peer: line.peer.clone(), session, reason }).await,
                None => Ok(()),
            },
            Command::Replace { endpoint } if endpoint == self.endpoint => {
                Err(Ending::Broken(LinkError::Queue("its socket cannot be reached".to_owned())))
            }
            Command::Replace { .. } => Ok(()),
        }
    }

    /// A message of two parts: who, and a segment. The first of each line is empty and opens its session.
    async fn take(&self, message: ZmqMessage) -> Result<(), Ending> {
        let (Some(session), Some(bytes)) = (message.get(0).and_then(session_of), message.get(1)) else { return Ok(()) };
        if bytes.is_empty() {
            return self.open(session).await;
        }
        let cost = cost(bytes.len());
        let Some(segment) = Segment::decode(bytes.clone()) else { return Ok(()) };
        let Some((line, received)) = self.shared.table.receive(self.shared.clock.now_ms(), session, segment) else { return Ok(()) };
        let peer = || line.peer.clone();
        if received.dropped {
            add(&self.shared.counters.frames_dropped);
        }
        if let Some(upto) = received.acked {
            self.report(FromPeer::Acked { peer: peer(), session, upto }).await?;
        }
        if let Some(payload) = received.message {
            self.report(FromPeer::Message { peer: peer(), session, payload }).await?;
        }
        // Only now may the connection read more: whoever is slow to take events slows down who sends them.
        line.inbound.add_permits(cost);
        Ok(())
    }

    async fn open(&self, session: u64) -> Result<(), Ending> {
        let Some((pending, older)) = self.shared.table.open(session) else { return Ok(()) };
        if let Some(older) = older {
            let reason = LinkError::Closed("the peer opened another session".to_owned());
            self.report(FromPeer::Closed { peer: older.peer.clone(), session: older.session, reason }).await?;
        }
        add(&self.shared.counters.sessions);
        self.report(FromPeer::Opened { peer: pending.line.peer.clone(), session, hello: pending.hello }).await?;
        // If the connection has given up meanwhile, it says that the session has ended.
        let _ = pending.opened.send(());
        Ok(())
    }

    async fn report(&self, event: FromPeer) -> Result<(), Ending> {
        tokio::select! {
            biased;
            sent = self.events.send(event) => sent.map_err(|_| Ending::Stopped),
            () = self.shared.stop.cancelled() => Err(Ending::Stopped),
        }
    }
}

/// Lets out what is due.
async fn let_out(shared: &Shared, mut router: RouterSendHalf) -> std::convert::Infallible {
    loop {
        let (segments, next) = shared.table.due(shared.clock.now_ms());
        if segments.is_empty() {
            tokio::select! {
                () = shared.table.wake.notified() => {}
                () = shared.clock.until(next) => {}
            }
            continue;
        }
        for (line, segment) in segments {
            if let Err(error) = router.send(addressed(&line, &segment)).await {
                // Its DEALER is gone, and so is the connection, or will be.
                tracing::debug!(peer = %line.peer, session = line.session, %error, "a line is gone");
                line.stop.cancel();
            }
        }
    }
}

fn addressed(line: &Line, segment: &Segment) -> ZmqMessage {
    let mut message = ZmqMessage::from(crate::relay::Frame::of_segment(segment));
    message.push_front(line.identity.clone());
    message
}

/// What a frame of so many bytes takes of what may be under way.
pub(super) fn cost(bytes: usize) -> usize {
    bytes + MESSAGE_COST
}

/// A line's identity: `worker:n1#17`.
pub(super) fn identity_of(peer: &crate::identity::PeerName, session: u64) -> Bytes {
    format!("{peer}#{session}").into()
}

fn session_of(identity: &Bytes) -> Option<u64> {
    std::str::from_utf8(identity).ok()?.rsplit_once('#')?.1.parse().ok()
}
