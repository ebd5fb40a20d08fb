//! Who may join: the tokens that the GlobalManager knows, as the links' threads ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::Gatekeeper;
use link::identity::{PeerName, Role};
use link::token::TokenHash;
use model::{Name, Request, Token};
use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::door::Asked;
use super::links::actor_named;
use super::machine::ActorName;

/// The gate of this system's ports.
#[derive(Debug)]
pub(super) struct Gate {
    known: Mutex<Known>,
    /// Those of this process alone.
    own: Vec<Token>,
    clock: Clock,
    certificate: Duration,
    requests: mpsc::Sender<Asked>,
    /// The actors of this process.
    here: [bool; ActorName::ALL.len()],
}

#[derive(Debug, Default)]
struct Known {
    tokens: BTreeMap<Name, Token>,
    /// Tokens for one join that have had it, until they are not known any more.
    spent: BTreeSet<Name>,
}

impl Gate {
    pub fn new(
        own: Vec<Token>,
        clock: Clock,
        certificate: Duration,
        requests: mpsc::Sender<Asked>,
        here: [bool; ActorName::ALL.len()],
    ) -> Self {
        Self { known: Mutex::default(), own, clock, certificate, requests, here }
    }

    /// An actor that is here is nobody else: whoever says so would be heard in its place.
    fn refuse_impostor(&self, peer: &PeerName) -> Result<(), String> {
        match actor_named(peer) {
            Some(actor) if peer.role() == Role::Actor && self.here[actor as usize] => {
                Err(format!("{} runs in this process, and nobody else is it", actor.word()))
            }
            _ => Ok(()),
        }
    }

    /// These tokens open it from now on.
    pub fn set(&self, tokens: BTreeMap<Name, Token>) {
        let mut known = self.known();
        known.spent.retain(|id| tokens.contains_key(id));
        known.tokens = tokens;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing below panics halfway through a change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gatekeeper for Gate {
    fn admit(&self, token_id: &str, secret: &TokenHash, wanted: &PeerName) -> Result<Duration, String> {
        self.refuse_impostor(wanted)?;
        let now = self.clock.now();
        let mut known = self.known();
        let own = self.own.iter().find(|token| token.id.as_str() == token_id);
        let good = |token: &&Token| TokenHash::from(token.hash) == *secret && now < token.expires && !known.spent.contains(&token.id);
        let Some(token) = own.or_else(|| known.tokens.get(token_id)).filter(good) else {
            return Err("this token lets nobody in: it is unknown, revoked or has expired; make one with `management token create`".into());
        };
        if !token.role.joins() || wanted.role() == Role::Actor && token.role != model::Role::Actor {
            return Err("this token lets no actor in: make one with `management token create --role actor`".into());
        }
        if token.once {
            let id = token.id.clone();
            // Nobody waits for the answer: here it is spent already.
            let revoke = Asked { request: Request::RevokeToken(id.clone()), answer: oneshot::channel().0 };
            self.requests.try_send(revoke).map_err(|_| "too much waits here for a token to be spent; try again")?;
            known.spent.insert(id);
        }
        Ok(self.certificate)
    }

    fn renew(&self, peer: &PeerName) -> Result<Duration, String> {
        self.refuse_impostor(peer)?;
        Ok(self.certificate)
    }

    fn enter(&self, peer: &PeerName) -> Result<(), String> {
        self.refuse_impostor(peer)
    }
}

#[cfg(test)]
mod tests {
    use model::Millis;
    use secrecy::SecretString;

    use super::*;

    #[tokio::test]
    async fn a_token_for_one_join_lets_one_in_whatever_is_heard_meanwhile() {
        let (requests, mut asked) = mpsc::channel(1);
        let gate = Gate::new(Vec::new(), Clock::starting_at(Millis::ZERO), Duration::from_secs(60), requests, [true, true, true, false]);
        let hash = TokenHash::of(&SecretString::from("secret"));
        let id: Name = "t".parse().unwrap();
        let (role, note, made, expires) = (model::Role::Join, String::new(), Millis::ZERO, Millis(1_000_000));
        let token = Token { id: id.clone(), note, role, hash: hash.into(), made, expires, once: true };
        let tokens = BTreeMap::from([(id, token)]);
        let peer = "worker:n1".parse().unwrap();
        gate.set(tokens.clone());
        let actor = |name: &str| PeerName::new(Role::Actor, name).unwrap();
        let guessed = TokenHash::of(&SecretString::from("guessed"));
        assert!(gate.admit("t", &guessed, &peer).is_err(), "its id alone is no secret");
        assert!(gate.admit("t", &hash, &actor("discovery")).is_err(), "it is for workers");
        assert!(gate.admit("t", &hash, &peer).is_ok());
        // Another token became known before the first was revoked.
        gate.set(tokens.clone());
        assert!(gate.admit("t", &hash, &peer).is_err());
        assert!(matches!(asked.recv().await, Some(Asked { request: Request::RevokeToken(_), .. })));
        let for_actors = tokens.into_iter().map(|(id, token)| (id, Token { role: model::Role::Actor, once: false, ..token })).collect();
        gate.set(BTreeMap::new());
        assert!(gate.admit("t", &hash, &peer).is_err());
        gate.set(for_actors);
        assert!(gate.admit("t", &hash, &actor("discovery")).is_ok() && gate.admit("t", &hash, &peer).is_ok());
        assert!(gate.admit("t", &hash, &actor("job-manager")).is_err(), "it is here");
        for name in ["front-end", "job-manager", "global-manager"] {
            assert!(gate.enter(&actor(name)).is_err() && gate.renew(&actor(name)).is_err(), "{name} is here");
        }
        assert!(gate.enter(&actor("discovery")).is_ok() && gate.enter(&peer).is_ok());
    }
}
