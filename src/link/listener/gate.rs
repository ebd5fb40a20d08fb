//! What somebody without a certificate may do: ask for one, once. And what a peer with one may: ask for the next.

use std::time::{Duration, SystemTime};

use secrecy::SecretString;

use super::Shared;
use crate::LinkError;
use crate::counters::add;
use crate::identity::{Facts, PeerName};
use crate::relay::{Channel, Control, Frame, PROTOCOL};
use crate::token::{TokenHash, id_of};

/// Certificates shorter than this would end before they are used.
const LEAST_LIFETIME: Duration = Duration::from_secs(1);

/// A peer that is let in.
pub(super) struct Guest {
    pub(super) channel: Channel,
    pub(super) facts: Facts,
    pub(super) hello: Vec<u8>,
}

impl Shared {
    /// Reads the first frame and decides who this is: a peer, or a stranger who has been answered. An error ends the connection.
    pub(super) async fn greet(&self, mut channel: Channel) -> Result<Option<Guest>, LinkError> {
        let facts = channel.certificate.as_ref().map(Facts::of).transpose()?;
        if facts.is_some() {
            channel.reader.trust(&self.limits);
        }
        let first = channel.reader.next(self.limits.handshake).await?;
        match (facts, first) {
            (Some(facts), Frame::Control(Control::Hello { protocol, hello })) => {
                if let Err(reason) = self.enter(protocol, &facts.peer) {
                    channel.writer.say(&Control::Refused { reason: reason.clone() }).await?;
                    return Err(LinkError::Certificate(format!("{} may not enter: {reason}", facts.peer)));
                }
                Ok(Some(Guest { channel, facts, hello }))
            }
            (None, Frame::Control(Control::Join { protocol, id, secret, wanted, request })) => {
                let secret = SecretString::from(secret);
                let answer = if protocol == PROTOCOL { self.admit(&id, &secret, &wanted, &request) } else { Err(other_version(protocol)) };
                let answer = match answer {
                    Ok(chain) => {
                        add(&self.counters.joins);
                        tracing::info!(peer = %wanted, "a peer joined");
                        Control::Issued { chain }
                    }
                    Err(reason) => {
                        add(&self.counters.joins_refused);
                        if let Some(held) = self.quiet.may(self.clock.now_ms()) {
                            tracing::warn!(code = "link-refused", %reason, held, "a join was refused");
                        }
                        Control::Refused { reason }
                    }
                };
                channel.writer.say(&answer).await?;
                Ok(None)
            }
            (Some(_), _) => Err(LinkError::Malformed("a peer begins with a hello")),
            (None, _) => Err(LinkError::Malformed("who has no certificate may only join")),
        }
    }

    fn enter(&self, protocol: u8, peer: &PeerName) -> Result<(), String> {
        if protocol != PROTOCOL {
            return Err(other_version(protocol));
        }
        if !self.accepts.contains(&peer.role()) {
            return Err(format!("no {} may open sessions here", peer.role().as_str()));
        }
        self.gatekeeper.enter(peer)
    }

    fn admit(&self, id: &str, secret: &SecretString, wanted: &PeerName, request: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let authority = self.authority.as_ref().ok_or("nobody can join here; ask the global manager")?;
        id_of(id).map_err(|error| error.to_string())?;
        let lifetime = self.gatekeeper.admit(id, &TokenHash::of(secret), wanted)?;
        authority.issue(request, wanted, lifetime.max(LEAST_LIFETIME)).map_err(|error| error.to_string())
    }

    /// The answer to a request for a new certificate, and until when it is valid.
    pub(super) fn renew(&self, peer: &PeerName, request: &[u8]) -> Result<(Vec<Vec<u8>>, SystemTime), String> {
        let issued = (|| {
            let authority = self.authority.as_ref().ok_or("certificates are not renewed here; ask the global manager")?;
            let lifetime = self.gatekeeper.renew(peer)?.max(LEAST_LIFETIME);
            let chain = authority.issue(request, peer, lifetime).map_err(|error| error.to_string())?;
            let until = Facts::of(&chain[0].as_slice().into()).map_err(|error| error.to_string())?.valid_until;
            Ok((chain, until))
        })();
        add(if issued.is_ok() { &self.counters.renewals } else { &self.counters.renewals_refused });
        issued
    }
}

fn other_version(protocol: u8) -> String {
    format!("version {protocol} of the protocol is not spoken here, {PROTOCOL} is; both sides should be of one release")
}
