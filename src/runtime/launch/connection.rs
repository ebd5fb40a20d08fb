//! One connection to a host: by SSH, opened to a host that is trusted, by a key, with a limit on every step; or none, to this very host. Everything
//! here blocks.
//!
//! What runs on the host is run by the user's shell there. So a command is one line of words, each quoted for a shell; no name, path or
//! argument is ever part of a shell's program.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use ssh2::{Channel, Error, ErrorCode, Session};

use super::trust::Trust;
use super::{LaunchError, here};
use crate::config::WorkerHost;

/// The most that is taken of what a command says.
const MOST_SAID: u64 = 64 << 10;
/// How much of an upload is written at a time.
const PIECE: usize = 256 << 10;
/// Errors of libssh2 that say that time is over: `LIBSSH2_ERROR_TIMEOUT`, `_SOCKET_TIMEOUT`, `_EAGAIN`.
const TIME_IS_OVER: [i32; 3] = [-9, -30, -37];

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; 127 where there is no such program.
    pub code: i32,
    /// What it said.
    pub stdout: String,
    /// What it said of errors.
    pub stderr: String,
}

/// What a command reads.
pub enum Input<'a> {
    /// Nothing.
    None,
    /// A secret.
    Secret(&'a SecretString),
    /// A file's bytes.
    Bytes(&'a [u8]),
}

/// A connection of a user who is logged in.
pub struct Connection {
    /// Absent: the host is this one, and no SSH is needed.
    session: Option<Session>,
    timeout: Duration,
    /// The address by which this machine reaches the host, and so is most likely reached from it.
    pub local: IpAddr,
    /// The host is this machine.
    pub is_here: bool,
}

impl Connection {
    /// Connects and logs in.
    pub fn open(host: &WorkerHost) -> Result<Self, LaunchError> {
        let Some(user) = &host.user else {
            return Ok(Self { session: None, timeout: host.timeout, local: Ipv4Addr::LOCALHOST.into(), is_here: true });
        };
        let trust = Trust::read(&host.known_hosts, &host.place)?;
        let stream = connect(host)?;
        let end = |address: io::Result<std::net::SocketAddr>| {
            address.map(|address| address.ip()).map_err(|source| LaunchError::Unreachable { place: host.place.to_string(), source })
        };
        let (local, peer) = (end(stream.local_addr())?, end(stream.peer_addr())?);
        let mut session = Session::new().map_err(|error| trouble("connecting", &error))?;
        session.set_timeout(millis(host.timeout));
        trust.prefer_known(&session)?;
        session.set_tcp_stream(stream);
        session.handshake().map_err(|error| timed("key exchange", host.timeout, &error))?;
        trust.check(&session)?;
        log_in(&session, host, user)?;
        let session = Some(session);
        Ok(Self { session, timeout: host.timeout, local, is_here: peer.is_loopback() || peer == local })
    }

    /// Runs a command that may take so much longer than any step, and waits for its end.
    pub fn run(&self, words: &[&str], input: &Input<'_>, patience: Duration) -> Result<Ran, LaunchError> {
        let step = "running a command";
        let (timeout, limit) = (self.timeout, self.timeout + patience);
        let Some(session) = &self.session else { return here::run(words, input, limit) };
        session.set_timeout(millis(timeout));
        let line = shlex::try_join(words.iter().copied()).map_err(|error| LaunchError::Protocol { step, cause: error.to_string() })?;
        let failed = |error: Error| timed(step, timeout, &error);
        let mut channel = session.channel_session().map_err(failed)?;
        channel.exec(&line).map_err(failed)?;
        // A command that has ended early says more by its exit code than by what it did not read.
        let written = write(&mut channel, input);
        let ended = channel.send_eof();
        session.set_timeout(millis(limit));
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let said = read(&mut channel, &mut stdout).and_then(|()| read(&mut channel.stderr(), &mut stderr));
        said.map_err(|error| slow(step, limit, &error))?;
        channel.close().and_then(|()| channel.wait_close()).map_err(failed)?;
        let code = channel.exit_status().map_err(failed)?;
        if code == 0 {
            written.map_err(|error| slow(step, timeout, &error))?;
            ended.map_err(failed)?;
        }
        Ok(Ran { code, stdout, stderr: stderr.trim().to_owned() })
    }
}

fn connect(host: &WorkerHost) -> Result<TcpStream, LaunchError> {
    let unreachable = |source| LaunchError::Unreachable { place: host.place.to_string(), source };
    let addresses = (host.place.host.as_str(), host.place.port).to_socket_addrs().map_err(unreachable)?;
    let mut last = io::Error::other("the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, host.timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

fn log_in(session: &Session, host: &WorkerHost, user: &str) -> Result<(), LaunchError> {
    match &host.key {
        Some(key) => log_in_by_file(session, host, user, key),
        None => log_in_by_agent(session, user),
    }
}

fn log_in_by_file(session: &Session, host: &WorkerHost, user: &str, key: &Path) -> Result<(), LaunchError> {
    let shown = key.display().to_string();
    // Read first, since libssh2 says of one that is not there only that something is wrong with it.
    let text = std::fs::read_to_string(key).map(SecretString::from).map_err(|error| LaunchError::Key(format!("{shown}: {error}")))?;
    session.userauth_pubkey_memory(user, None, text.expose_secret(), None).map_err(|error| match error.code() {
        // LIBSSH2_ERROR_FILE, _METHOD_NOT_SUPPORTED, _PROTO: the key itself.
        ErrorCode::Session(-16 | -33 | -14) => LaunchError::Key(format!("{shown}: {}", error.message())),
        // LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED is also what it says where the connection breaks off meanwhile.
        ErrorCode::Session(-19) if error.message().starts_with("Waiting") => trouble("logging in", &error),
        // LIBSSH2_ERROR_AUTHENTICATION_FAILED and _KEYFILE_AUTH_FAILED: the host's answer.
        ErrorCode::Session(-18 | -19 | -48) => LaunchError::Login { user: user.to_owned(), by: shown, cause: error.message().to_owned() },
        _ => timed("logging in", host.timeout, &error),
    })
}

fn log_in_by_agent(session: &Session, user: &str) -> Result<(), LaunchError> {
    let none = |error: Error| LaunchError::Key(format!("no `key` is named, and the SSH agent does not answer: {}", error.message()));
    let mut agent = session.agent().map_err(none)?;
    agent.connect().and_then(|()| agent.list_identities()).map_err(none)?;
    let keys = agent.identities().map_err(none)?;
    if keys.is_empty() {
        return Err(LaunchError::Key("no `key` is named, and the SSH agent has none".into()));
    }
    let mut cause = String::new();
    for key in &keys {
        match agent.userauth(user, key) {
            Ok(()) => return Ok(()),
            Err(error) => cause = error.message().to_owned(),
        }
    }
    Err(LaunchError::Login { user: user.to_owned(), by: format!("any of the agent's {} keys", keys.len()), cause })
}

impl Input<'_> {
    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Input::None => &[],
            Input::Secret(secret) => secret.expose_secret().as_bytes(),
            Input::Bytes(bytes) => bytes,
        }
    }
}

fn write(channel: &mut Channel, input: &Input<'_>) -> io::Result<()> {
    input.bytes().chunks(PIECE).try_for_each(|piece| channel.write_all(piece)).and_then(|()| channel.flush())
}

pub fn read(from: &mut impl Read, into: &mut String) -> io::Result<()> {
    let mut bytes = Vec::new();
    from.take(MOST_SAID).read_to_end(&mut bytes)?;
    into.push_str(&String::from_utf8_lossy(&bytes));
    Ok(())
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

/// What went wrong at a step that had so long.
fn timed(step: &'static str, limit: Duration, error: &Error) -> LaunchError {
    match error.code() {
        ErrorCode::Session(code) if TIME_IS_OVER.contains(&code) => LaunchError::Timeout { step, seconds: limit.as_secs_f64() },
        _ => trouble(step, error),
    }
}

fn slow(step: &'static str, limit: Duration, error: &io::Error) -> LaunchError {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => LaunchError::Timeout { step, seconds: limit.as_secs_f64() },
        _ => LaunchError::Protocol { step, cause: error.to_string() },
    }
}

/// What went wrong at a step.
pub fn trouble(step: &'static str, error: &Error) -> LaunchError {
    LaunchError::Protocol { step, cause: error.message().to_owned() }
}
