//! Dialing, and one connection from its hello to its end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_rustls::rustls::ClientConfig;

use super::{FromServer, Shared};
use crate::LinkError;
use crate::counters::add;
use crate::crypto::random;
use crate::identity::{Facts, Identity, NewKey, PeerName};
use crate::relay::{Channel, Control, Frame, Outgoing, PROTOCOL, Reader, connect, pump};
use crate::session::Session;

type Events = mpsc::Sender<FromServer>;

/// Dials, holds the session, waits, dials again; until it is stopped or nobody takes the events.
pub(super) async fn dial_for_ever(shared: Arc<Shared>, config: Arc<ClientConfig>, events: Events) {
    let limits = shared.options.limits;
    let mut wait = limits.dial_first;
    loop {
        let begun = tokio::time::Instant::now();
        let opened = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            opened = open(&shared, config.clone()) => opened,
        };
        let event = match opened {
            Ok((channel, session, server)) => {
                add(&shared.counters.sessions);
                let reason = hold(&shared, channel, session, server, &events).await;
                shared.counters.ended(&reason);
                *shared.session() = None;
                // A session that held is a reason to try again at once; one that broke at once is not.
                if begun.elapsed() > limits.dial_most {
                    wait = limits.dial_first;
                }
                FromServer::Closed { session, reason }
            }
            Err(reason) => {
                shared.counters.ended(&reason);
                FromServer::Failed { reason, again_in: wait }
            }
        };
        let again_in = jittered(wait);
        wait = (wait * 2).min(limits.dial_most);
        let pause = async {
            let told = events.send(event).await;
            tokio::time::sleep(again_in).await;
            told
        };
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            told = pause => if told.is_err() { return },
        }
    }
}

/// Between half and all of the wait: a thousand workers whose server comes back do not come in the same millisecond.
fn jittered(wait: Duration) -> Duration {
    let [dice] = random::<1>();
    wait / 2 + wait / 2 * u32::from(dice) / 255
}

async fn open(shared: &Shared, config: Arc<ClientConfig>) -> Result<(Channel, u64, PeerName), LinkError> {
    let limits = &shared.options.limits;
    let mut channel = connect(&shared.options.address, config, limits).await?;
    add(&shared.counters.connections);
    let certificate = channel.certificate.as_ref().ok_or_else(|| LinkError::Certificate("the server has none".to_owned()))?;
    let server = Facts::of(certificate)?.peer;
    let hello = shared.hello.lock().expect("nobody panics while holding it").to_vec();
    channel.writer.say(&Control::Hello { protocol: PROTOCOL, hello }).await?;
    match channel.reader.next(limits.handshake).await? {
        Frame::Control(Control::Welcome { session }) => Ok((channel, session, server)),
        Frame::Control(Control::Refused { reason } | Control::Bye { reason }) => Err(LinkError::Refused(reason)),
        _ => Err(LinkError::Malformed("another answer to a hello")),
    }
}

/// Holds the session until it ends, and says why it did.
async fn hold(shared: &Shared, channel: Channel, session: u64, server: PeerName, events: &Events) -> LinkError {
    let limits = &shared.options.limits;
    let Channel { mut reader, mut writer, .. } = channel;
    reader.trust(limits);
    *shared.session() = Some(Session::new(session, limits.session));
    let (controls, to_say) = mpsc::channel(4);
    let identity = &shared.options.identity;
    let renewal = Renewal { identity, renew_at: Mutex::new(identity.renew_at()), key: Mutex::new(None), controls };
    let mut outgoing = FromSession { shared, controls: to_say };
    let opened = events.send(FromServer::Opened { session, server });
    let reading = async {
        if opened.await.is_err() {
            return LinkError::Closed("nobody takes what arrives".to_owned());
        }
        read(shared, &mut reader, session, &renewal, events).await.err().unwrap_or_else(|| LinkError::Closed(String::new()))
    };
    let (reason, ours) = tokio::select! {
        reason = reading => (reason, false),
        reason = pump(&mut outgoing, &mut writer, limits) => (reason, false),
        never = renewal.keep_renewing() => match never {},
        () = shared.stop.cancelled() => (LinkError::Closed("this side stops".to_owned()), true),
    };
    if ours {
        writer.leave("the other side stops").await;
    }
    reason
}

async fn read(
    shared: &Shared,
    reader: &mut Reader,
    session: u64,
    renewal: &Renewal<'_>,
    events: &Events,
) -> Result<std::convert::Infallible, LinkError> {
    let gone = |_| LinkError::Closed("nobody takes what arrives".to_owned());
    loop {
        match reader.next(shared.options.limits.idle).await? {
            Frame::Segment(segment) => {
                let received = {
                    let mut current = shared.session();
                    let current = current.as_mut().expect("it is open while its connection is held");
                    let received = current.receive(shared.clock.now_ms(), segment);
                    // Asked here, once, rather than on every message: the pump sleeps until it is told.
                    shared.wake.notify_one();
                    received
                };
                if received.dropped {
                    add(&shared.counters.frames_dropped);
                }
                if let Some(upto) = received.acked {
                    events.send(FromServer::Acked { session, upto }).await.map_err(gone)?;
                }
                if let Some(payload) = received.message {
                    events.send(FromServer::Message { session, payload }).await.map_err(gone)?;
                }
            }
            Frame::Control(Control::Ping) => {}
            Frame::Control(Control::Issued { chain }) => {
                renewal.take(chain)?;
                add(&shared.counters.renewals);
            }
            Frame::Control(Control::Refused { reason }) => {
                add(&shared.counters.renewals_refused);
                tracing::warn!(code = "link-refused", %reason, "the certificate was not renewed");
            }
            Frame::Control(Control::Bye { reason }) => return Err(LinkError::Closed(reason)),
            Frame::Control(_) => return Err(LinkError::Malformed("a frame that a server does not send")),
        }
    }
}

/// What the session has to send, and control frames before it.
struct FromSession<'a> {
    shared: &'a Shared,
    controls: mpsc::Receiver<Bytes>,
}

impl Outgoing for FromSession<'_> {
    async fn next(&mut self) -> Result<Bytes, LinkError> {
        loop {
            let due = {
                let mut session = self.shared.session();
                let session = session.as_mut().ok_or_else(|| LinkError::Closed("the session is over".to_owned()))?;
                match session.transmit(self.shared.clock.now_ms()) {
                    Some(segment) => return Ok(Frame::of_segment(&segment)),
                    None => session.due(),
                }
            };
            tokio::select! {
                biased;
                Some(control) = self.controls.recv() => return Ok(control),
                () = self.shared.wake.notified() => {}
                () = self.shared.clock.until(due) => {}
            }
        }
    }

    fn written(&mut self) {}
}

/// Asks for a new certificate when two thirds of the old one's time are over.
struct Renewal<'a> {
    identity: &'a Identity,
    /// For the certificate that this connection's server knows of: an identity may be shared with other dialers, that renew it too.
    renew_at: Mutex<SystemTime>,
    /// The key that was asked for and has no certificate yet.
    key: Mutex<Option<NewKey>>,
    controls: mpsc::Sender<Bytes>,
}

impl Renewal<'_> {
    async fn keep_renewing(&self) -> std::convert::Infallible {
        loop {
            let now = SystemTime::now();
            match self.renew_at().duration_since(now) {
                // The wall clock may be set meanwhile, so it is looked at again now and then.
                Ok(wait) if !wait.is_zero() => tokio::time::sleep(wait.clamp(Duration::from_millis(10), Duration::from_secs(60))).await,
                _ => {
                    if let Err(error) = self.ask().await {
                        tracing::warn!(code = error.code(), %error, "no renewal can be asked for");
                    }
                    // No answer, or no: again while a certificate is left, the more eagerly the less is left.
                    let left = self.identity.valid_until().duration_since(now).unwrap_or_default();
                    tokio::time::sleep((left / 8).clamp(Duration::from_millis(200), Duration::from_secs(600))).await;
                }
            }
        }
    }

    fn renew_at(&self) -> SystemTime {
        *self.renew_at.lock().expect("nobody panics while holding it")
    }

    async fn ask(&self) -> Result<(), LinkError> {
        let key = NewKey::new()?;
        let request = key.request()?;
        *self.key.lock().expect("nobody panics while holding it") = Some(key);
        let asked = self.controls.send(Control::Renew { request }.encode()).await;
        asked.map_err(|_| LinkError::Closed("the connection ends".to_owned()))
    }

    fn take(&self, chain: Vec<Vec<u8>>) -> Result<(), LinkError> {
        let key = self.key.lock().expect("nobody panics while holding it").take();
        self.identity.renew(key.ok_or(LinkError::Malformed("a certificate that nobody asked for"))?, chain)?;
        *self.renew_at.lock().expect("nobody panics while holding it") = self.identity.renew_at();
        Ok(())
    }
}
