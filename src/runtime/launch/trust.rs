//! Which hosts are trusted: the keys of a known_hosts file, as OpenSSH writes it, hashed names included.
//!
//! Each line is asked by itself, so that lines which libssh2 does not read stand in nobody's way, and so that those which revoke are
//! obeyed. Patterns (`*.example.com`) and certificates of hosts are not understood: such a host is unknown.

use std::fs;
use std::io;
use std::path::Path;

use data_encoding::{BASE64, BASE64_NOPAD};
use ssh2::{CheckResult, HashType, KnownHostFileKind, MethodType, Session};

use super::LaunchError;
use super::connection::trouble;
use crate::config::Place;

/// The port that is not written down.
const SSH_PORT: u16 = 22;
/// No key: a line of the host differs from it, and so is found.
const NO_KEY: &[u8] = b"none";
const REVOKED: &str = "@revoked";

/// What is trusted of one host.
#[derive(Debug)]
pub struct Trust<'a> {
    file: &'a Path,
    name: String,
    lines: Vec<String>,
}

impl<'a> Trust<'a> {
    /// Reads the file; one that is not there trusts nobody.
    pub fn read(file: &'a Path, place: &Place) -> Result<Self, LaunchError> {
        let text = match fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(LaunchError::KnownHosts { file: file.to_owned(), source }),
        };
        let Place { host, port } = place;
        let name = if *port == SSH_PORT { host.clone() } else { format!("[{host}]:{port}") };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self { file, name, lines: lines.map(str::to_owned).collect() })
    }

    /// Asks the host for a key of a kind that the file has of it, as it may have several.
    pub fn prefer_known(&self, session: &Session) -> Result<(), LaunchError> {
        let mine = self.lines.iter().filter(|line| ask(session, line, &self.name, NO_KEY).is_some());
        let kinds: Vec<&str> = mine.filter_map(|line| line.split_whitespace().nth(1)).collect();
        let failed = |error| trouble("key exchange", &error);
        let mut methods = session.supported_algs(MethodType::HostKey).map_err(failed)?;
        // Signatures by RSA keys have names of their own.
        let is_known = |method: &&str| kinds.contains(method) || (method.starts_with("rsa-") && kinds.contains(&"ssh-rsa"));
        methods.sort_by_key(|method| !is_known(method));
        session.method_pref(MethodType::HostKey, &methods.join(",")).map_err(failed)
    }

    /// Whether the host has shown a key that is trusted.
    pub fn check(&self, session: &Session) -> Result<(), LaunchError> {
        let none = || LaunchError::Protocol { step: "key exchange", cause: "the host shows no key".into() };
        let (key, _) = session.host_key().ok_or_else(none)?;
        let digest = session.host_key_hash(HashType::Sha256).ok_or_else(none)?;
        let known = self.known(session, key);
        if known == Some(true) {
            return Ok(());
        }
        let (kind, fingerprint) = (kind(key), format!("SHA256:{}", BASE64_NOPAD.encode(digest)));
        let (file, shown) = (self.file.to_owned(), quoted(&self.file.display().to_string()));
        let add = format!("echo {} >> {shown}", quoted(&format!("{} {kind} {}", self.name, BASE64.encode(key))));
        match known {
            None => Err(LaunchError::HostKeyUnknown { file, kind, fingerprint, accept: add }),
            Some(_) => {
                let accept = format!("ssh-keygen -f {shown} -R {} && {add}", quoted(&self.name));
                Err(LaunchError::HostKeyChanged { file, kind, fingerprint, accept })
            }
        }
    }

    /// Whether one line has this key of the host and none takes it back; nothing where no line is of this host.
    fn known(&self, session: &Session, key: &[u8]) -> Option<bool> {
        let (revoking, trusting): (Vec<&String>, Vec<_>) = self.lines.iter().partition(|line| line.starts_with(REVOKED));
        let revoked = revoking.iter().filter_map(|line| ask(session, line.trim_start_matches(REVOKED).trim_start(), &self.name, key));
        if revoked.into_iter().any(|same| same) {
            return Some(false);
        }
        trusting.iter().filter_map(|line| ask(session, line, &self.name, key)).max()
    }
}

/// Whether a line has this key of the host, by its whole name: asked with a port, libssh2 would take a line of port 22 for one of another.
/// Nothing where it is of another host, or cannot be read.
fn ask(session: &Session, line: &str, name: &str, key: &[u8]) -> Option<bool> {
    let mut known = session.known_hosts().ok()?;
    known.read_str(line, KnownHostFileKind::OpenSSH).ok()?;
    match known.check(name, key) {
        CheckResult::Match => Some(true),
        CheckResult::Mismatch => Some(false),
        CheckResult::NotFound | CheckResult::Failure => None,
    }
}

/// The kind of a key, which stands first in it.
fn kind(key: &[u8]) -> String {
    let length = key.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let kind = key.get(4..4 + length.min(64)).unwrap_or_default();
    String::from_utf8_lossy(kind).into_owned()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| "''".to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_one_host_and_one_port() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let key = BASE64.encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x04abcd");
        std::fs::write(&file, format!("# note\n\na.example ssh-ed25519 {key}\nbroken\n@revoked c.example ssh-ed25519 {key}\n")).unwrap();
        let session = Session::new().unwrap();
        let found = |host: &str, port| {
            let trust = Trust::read(&file, &Place { host: host.into(), port }).unwrap();
            assert_eq!(trust.lines.len(), 3);
            trust.lines.iter().filter(|line| ask(&session, line, &trust.name, NO_KEY).is_some()).count()
        };
        assert_eq!((found("a.example", 22), found("a.example", 2222), found("c.example", 22)), (1, 0, 0));
        let trust = Trust::read(&file, &Place { host: "c.example".into(), port: 22 }).unwrap();
        assert_eq!(trust.known(&session, &BASE64.decode(key.as_bytes()).unwrap()), Some(false), "it is revoked");
        assert_eq!(trust.known(&session, b"another"), None);
        assert_eq!(kind(b"\0\0\0\x0bssh-ed25519xx"), "ssh-ed25519");
        assert_eq!(kind(b"\xff\xff\xff\xffx"), "");
        let absent = folder.path().join("absent");
        assert!(Trust::read(&absent, &Place { host: "a".into(), port: 22 }).unwrap().lines.is_empty());
        assert!(Trust::read(folder.path(), &Place { host: "a".into(), port: 22 }).is_err());
    }
}
