//! How the loop sees a machine: a name, inputs, timers. All four alike.

use std::sync::{Arc, PoisonError, RwLock};

use actors::{Discovery, FrontEnd, GlobalManager, JobManager};
use model::{Answer, Message, Millis, Outbox, Timer, ToDiscovery, ToFrontEnd, ToGlobalManager, ToJobManager};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The actors. Their numbers are part of logs and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ActorName {
    /// REST, ids, events.
    FrontEnd,
    /// Queue and rounds.
    JobManager,
    /// Nodes and the ledger.
    GlobalManager,
    /// What workers report.
    Discovery,
}

impl ActorName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::FrontEnd, Self::JobManager, Self::GlobalManager, Self::Discovery];

    /// Its name in addresses, files and certificates.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::FrontEnd => "front-end",
            Self::JobManager => "job-manager",
            Self::GlobalManager => "global-manager",
            Self::Discovery => "discovery",
        }
    }

    /// The actor that takes a message; none: an agent does.
    pub(super) fn of(message: &Message) -> Option<Self> {
        match message {
            Message::FrontEnd(_) => Some(Self::FrontEnd),
            Message::JobManager(_) => Some(Self::JobManager),
            Message::GlobalManager(_) => Some(Self::GlobalManager),
            Message::Discovery(_) => Some(Self::Discovery),
            Message::Agent(..) => None,
        }
    }
}

/// A machine as the loop drives it.
pub(super) trait Machine {
    /// What it takes.
    type Input: Serialize + DeserializeOwned;
    /// Which actor it is.
    const NAME: ActorName;
    /// Takes an input; only the FrontEnd answers.
    fn step(&mut self, now: Millis, input: Self::Input, out: &mut Outbox) -> Option<Answer>;
    /// A timer that it asked for has come.
    fn wake(&mut self, now: Millis, timer: Timer, out: &mut Outbox);
    /// Its state, encoded.
    fn save(&self) -> Result<Vec<u8>, postcard::Error>;
    /// The state that was saved.
    fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error>;
}

impl Machine for JobManager {
    type Input = ToJobManager;
    const NAME: ActorName = ActorName::JobManager;

    fn step(&mut self, now: Millis, input: ToJobManager, out: &mut Outbox) -> Option<Answer> {
        Self::step(self, now, input, out);
        None
    }
    fn wake(&mut self, now: Millis, _timer: Timer, out: &mut Outbox) {
        Self::wake(self, now, out);
    }
    fn save(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }
    fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        *self = postcard::from_bytes(saved)?;
        Ok(())
    }
}

impl Machine for GlobalManager {
    type Input = ToGlobalManager;
    const NAME: ActorName = ActorName::GlobalManager;

    fn step(&mut self, now: Millis, input: ToGlobalManager, out: &mut Outbox) -> Option<Answer> {
        Self::step(self, now, input, out);
        None
    }
    fn wake(&mut self, _now: Millis, _timer: Timer, _out: &mut Outbox) {}
    fn save(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }
    fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        *self = postcard::from_bytes(saved)?;
        Ok(())
    }
}

impl Machine for Discovery {
    type Input = ToDiscovery;
    const NAME: ActorName = ActorName::Discovery;

    fn step(&mut self, now: Millis, input: ToDiscovery, out: &mut Outbox) -> Option<Answer> {
        Self::step(self, now, input, out);
        None
    }
    fn wake(&mut self, now: Millis, timer: Timer, out: &mut Outbox) {
        Self::wake(self, now, timer, out);
    }
    fn save(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }
    fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        *self = postcard::from_bytes(saved)?;
        Ok(())
    }
}

/// The FrontEnd, which the API reads while the loop does not write.
#[derive(Clone, Debug)]
pub(super) struct SharedFrontEnd(pub Arc<RwLock<FrontEnd>>);

impl Machine for SharedFrontEnd {
    type Input = ToFrontEnd;
    const NAME: ActorName = ActorName::FrontEnd;

    fn step(&mut self, now: Millis, input: ToFrontEnd, out: &mut Outbox) -> Option<Answer> {
        Some(self.0.write().unwrap_or_else(PoisonError::into_inner).step(now, input, out))
    }
    fn wake(&mut self, _now: Millis, _timer: Timer, _out: &mut Outbox) {}
    fn save(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(&*self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
    fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = postcard::from_bytes(saved)?;
        Ok(())
    }
}
