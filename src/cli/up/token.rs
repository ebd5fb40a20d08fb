//! The join token of this machine: made at the first start, kept in the state folder, so that a worker of the same user needs no words.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use link::identity::Digest;
use link::token::{ApiToken, JoinToken};
use model::{Millis, Name, Request, Role, Token};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::failure::Failure;
use crate::runtime::Door;

/// The token's id.
const LOCAL: &str = "local";
/// How long it is good for; at a start after half of that a new one is made.
const LIFETIME: Millis = Millis(365 * 86_400_000);
/// How long a token for one worker is good for.
const ONE_JOIN: Millis = Millis(3_600_000);
/// The first administrator's token, where one is needed.
const FIRST: &str = "first-admin";

/// Where the join token lies.
pub fn file(state: &Path) -> PathBuf {
    state.join("join-token")
}

/// Reads a join token.
pub fn read(file: &Path) -> Result<Option<JoinToken>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.parse()?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::system(file.display(), &error)),
    }
}

/// The token of the state folder as its file and the system have it, or a new one; true: it is new. `known` is what the system knows of it,
/// where there is somebody who knows.
pub fn local(state: &Path, authority: Digest, role: Role, known: Option<&Token>, now: Millis) -> Result<(bool, Token), Failure> {
    let path = file(state);
    let kept = read(&path).ok().flatten().filter(|token| token.digest == authority && token.id == LOCAL);
    let record = |token: &JoinToken| Token {
        id: LOCAL.parse().expect("letters are a name"),
        note: "workers of this machine's user".into(),
        role,
        hash: token.hash().into(),
        made: now,
        expires: now.plus(LIFETIME),
        once: false,
    };
    if let Some(kept) = kept {
        let record = record(&kept);
        let lasts = |known: &Token| known.hash == record.hash && now.plus(Millis(LIFETIME.0 / 2)) < known.expires;
        if known.is_none_or(lasts) {
            return Ok((false, record));
        }
    }
    let made = JoinToken { id: LOCAL.into(), ..JoinToken::new(authority) };
    write(&path, &made.reveal())?;
    Ok((true, record(&made)))
}

/// Makes the token of the state folder known to the system, if it is not.
pub async fn make_known(door: &Door, state: &Path, authority: Digest) -> Result<(), Failure> {
    let known = door.token(LOCAL);
    let (new, record) = local(state, authority, Role::Join, known.as_ref(), door.now())?;
    if new || known.is_none() {
        add(door, record).await?;
    }
    Ok(())
}

/// Makes a token by which this one worker joins, once, soon.
pub async fn for_worker(door: &Door, authority: Digest, name: &Name) -> Result<SecretString, Failure> {
    let (made, now) = (JoinToken::new(authority), door.now());
    let id: Name = made.id.parse().map_err(|_| Failure::other("a token's id is no name"))?;
    let (hash, expires) = (made.hash().into(), now.plus(ONE_JOIN));
    add(door, Token { id, note: format!("launch of {name}"), role: Role::Join, hash, made: now, expires, once: true }).await?;
    Ok(made.reveal())
}

/// Makes a token of an administrator where tokens are required and nobody has one, for otherwise nobody could make any. The answer is its
/// file.
pub async fn first_admin(door: &Door, state: &Path) -> Result<Option<PathBuf>, Failure> {
    let now = door.now();
    if door.tokens().iter().any(|(_, token)| token.role == Role::Admin && now < token.expires) {
        return Ok(None);
    }
    let (made, path) = (ApiToken::new(), state.join("admin-token"));
    write(&path, &made.reveal())?;
    let id: Name = made.id.parse().map_err(|_| Failure::other("a token's id is no name"))?;
    let hash = made.hash().into();
    add(door, Token { id, note: FIRST.into(), role: Role::Admin, hash, made: now, expires: now.plus(LIFETIME), once: false }).await?;
    Ok(Some(path))
}

async fn add(door: &Door, token: Token) -> Result<(), Failure> {
    door.ask(Request::AddToken(Box::new(token))).await.map(drop).map_err(Failure::other)
}

/// Writes a secret for this user alone, whole or not at all.
fn write(path: &Path, secret: &SecretString) -> Result<(), Failure> {
    let failed = |error| Failure::system(path.display(), &error);
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(failed)?;
    writeln!(file, "{}", secret.expose_secret()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path)).map_err(failed)
}
