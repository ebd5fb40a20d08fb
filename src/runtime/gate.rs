//! Who may join: the tokens that the GlobalManager knows, as the links' threads ask for them.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use link::Gatekeeper;
use link::identity::PeerName;
use link::token::TokenHash;
use model::{Name, Request, Token};
use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::door::Asked;

/// The gate of this system's ports.
#[derive(Debug)]
pub(super) struct Gate {
    tokens: RwLock<BTreeMap<Name, Token>>,
    /// Those of this process alone.
    own: Vec<Token>,
    clock: Clock,
    certificate: Duration,
    requests: mpsc::Sender<Asked>,
}

impl Gate {
    pub fn new(own: Vec<Token>, clock: Clock, certificate: Duration, requests: mpsc::Sender<Asked>) -> Self {
        Self { tokens: RwLock::default(), own, clock, certificate, requests }
    }

    /// These tokens open it from now on.
    pub fn set(&self, tokens: BTreeMap<Name, Token>) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }
}

impl Gatekeeper for Gate {
    fn admit(&self, token_id: &str, secret: &TokenHash, _wanted: &PeerName) -> Result<Duration, String> {
        let now = self.clock.now();
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let own = self.own.iter().find(|token| token.id.as_str() == token_id);
        let good = tokens.get(token_id).or(own).is_some_and(|token| TokenHash::from(token.hash) == *secret && now < token.expires);
        if !good {
            return Err("this token lets nobody in: it is unknown, revoked or has expired; make one with `management token create`".into());
        }
        if tokens.get(token_id).is_some_and(|token| token.once)
            && let Some(token) = tokens.remove(token_id)
        {
            // The FrontEnd makes it durable; here it is spent already. Nobody waits for the answer.
            let _ = self.requests.try_send(Asked { request: Request::RevokeToken(token.id), answer: oneshot::channel().0 });
        }
        Ok(self.certificate)
    }

    fn renew(&self, _peer: &PeerName) -> Result<Duration, String> {
        Ok(self.certificate)
    }
}
