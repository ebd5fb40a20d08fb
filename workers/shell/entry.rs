//! How a worker gets in: the identity that it has, or a new one for a join token.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use link::LinkError;
use link::identity::{Identity, PeerName, Role};
use link::token::JoinToken;

use super::state::State;
use crate::Error;
use crate::arguments::Arguments;
use crate::run::read_text;

/// Between two tries to reach a manager that is not there yet.
const PAUSE: Duration = Duration::from_secs(1);

/// The most that is read of it: more than any token has.
const MOST_STDIN: u64 = 4096;

/// Where a token comes from.
#[derive(Clone, Debug)]
pub struct Entry {
    manager: String,
    peer: PeerName,
    folder: PathBuf,
    token: Option<JoinToken>,
    file: PathBuf,
    /// Whether the file was named by the user; if not, a management on this machine may still write it.
    named: bool,
}

impl Entry {
    /// What the command line says of it.
    ///
    /// # Errors
    /// When a token is none, or the name cannot be a peer's.
    pub fn new(arguments: &Arguments, name: &str, state: &State) -> Result<Self, Error> {
        let peer = PeerName::new(Role::Worker, name).map_err(Error::Link)?;
        let token = if arguments.token_is_on_stdin() {
            Some(from_stdin()?)
        } else {
            arguments.token.as_deref().map(str::parse).transpose().map_err(Error::Link)?
        };
        let (manager, file, named) = (arguments.manager.clone(), arguments.token_file(), arguments.token_file.is_some());
        Ok(Self { manager, peer, folder: state.identity(), token, file, named })
    }

    /// The identity to come with. It waits for a manager that is not there yet, and says so.
    ///
    /// # Errors
    /// When the manager refuses, or the folder cannot be used.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let mut said = String::new();
        loop {
            let token = self.token()?;
            if let Some(identity) =
                Identity::load(&self.folder).map_err(Error::Link)?.filter(|identity| self.fits(identity, token.as_ref()))
            {
                return Ok(identity);
            }
            let why = match &token {
                None => format!(
                    "there is no join token in {} yet: start `management` on this machine, or give --token-file",
                    self.file.display()
                ),
                Some(token) => match link::join(&self.manager, token, &self.peer, &self.folder).await {
                    Ok(identity) => {
                        tracing::info!(peer = %self.peer, "the join token was taken");
                        return Ok(identity);
                    }
                    Err(error @ (LinkError::Refused(_) | LinkError::Folder { .. })) => return Err(Error::Link(error)),
                    // Waiting helps only where a management of this machine may write another token.
                    Err(LinkError::Certificate(_)) if self.token.is_some() || self.named => {
                        let cause = "is of another cluster than the token: take a token of that one, or name another --manager";
                        return Err(Error::Link(LinkError::Certificate(format!("{} {cause}", self.manager))));
                    }
                    Err(error) => format!("cannot join at {} yet: {error}", self.manager),
                },
            };
            if said != why {
                tracing::warn!("{why}");
                said = why;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether an identity is of no more use, and another may be had.
    #[must_use]
    pub fn is_stale(&self, identity: &Identity) -> bool {
        self.token().ok().flatten().is_some_and(|token| !self.fits(identity, Some(&token)))
    }

    /// Whether an identity is this worker's, has not ended, and is of the cluster that the token at hand lets into.
    fn fits(&self, identity: &Identity, token: Option<&JoinToken>) -> bool {
        *identity.peer() == self.peer
            && SystemTime::now() < identity.valid_until()
            && token.is_none_or(|token| token.digest == identity.authority())
    }

    fn token(&self) -> Result<Option<JoinToken>, Error> {
        if let Some(token) = &self.token {
            return Ok(Some(token.clone()));
        }
        match read(&self.file)? {
            None if self.named => Err(Error::Token { path: self.file.clone(), reason: "there is no such file".into() }),
            None => Ok(None),
            Some(text) => {
                let token = text.parse().map_err(|error: LinkError| Error::Token { path: self.file.clone(), reason: error.to_string() })?;
                Ok(Some(token))
            }
        }
    }
}

/// A token from standard input.
fn from_stdin() -> Result<JoinToken, Error> {
    let wrong = |reason: String| Error::Token { path: "standard input".into(), reason };
    let mut text = String::new();
    std::io::stdin().lock().take(MOST_STDIN).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    text.parse().map_err(|error: LinkError| wrong(error.to_string()))
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    read_text(path).map_err(|error| Error::Token { path: path.to_owned(), reason: error.to_string() })
}
