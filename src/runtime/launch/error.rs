//! Why a worker was not launched, with the fix and whether trying again may help.

use std::io;
use std::path::PathBuf;

/// Why what was asked for did not come about on a host.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Nobody takes the connection.
    #[error("cannot connect to {place}: {source}")]
    Unreachable {
        /// Host and port.
        place: String,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody takes the connection and then says nothing.
    #[error("no answer in {seconds} s at: {step}")]
    Timeout {
        /// What was being done.
        step: &'static str,
        /// How long was waited.
        seconds: f64,
    },
    /// The host's key is not among those that are trusted.
    #[error("{file} does not know this host, which shows the {kind} key {fingerprint}", file = file.display())]
    HostKeyUnknown {
        /// The file of trusted keys.
        file: PathBuf,
        /// Its kind.
        kind: String,
        /// `SHA256:` and so on, as ssh shows it.
        fingerprint: String,
        /// The command that trusts it.
        accept: String,
    },
    /// The host's key is another than the trusted one.
    #[error("the host's key has changed, or somebody stands between: it shows the {kind} key {fingerprint}, and {file} has another",
        file = file.display())]
    HostKeyChanged {
        /// The file of trusted keys.
        file: PathBuf,
        /// Its kind.
        kind: String,
        /// `SHA256:` and so on, as ssh shows it.
        fingerprint: String,
        /// The command that trusts it in place of the other.
        accept: String,
    },
    /// The trusted keys cannot be read.
    #[error("{file}: {source}", file = file.display())]
    KnownHosts {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no key to log in by.
    #[error("no key to log in by: {0}")]
    Key(String),
    /// The host does not take the key.
    #[error("the host does not let `{user}` in by {by}: {cause}")]
    Login {
        /// Who.
        user: String,
        /// By which key.
        by: String,
        /// What it says.
        cause: String,
    },
    /// SSH itself fails.
    #[error("the connection failed at: {step}: {cause}")]
    Protocol {
        /// What was being done.
        step: &'static str,
        /// What was said.
        cause: String,
    },
    /// The program cannot be put there.
    #[error("the worker's program cannot be written to {folder}: {cause}")]
    Upload {
        /// The folder on the host.
        folder: String,
        /// What was said.
        cause: String,
    },
    /// The program does not run there.
    #[error("the worker's program does not run on this host: {0}")]
    Program(String),
    /// The worker cannot reach the manager.
    #[error("`{0}` is an address of this machine alone, which that host cannot reach")]
    Manager(String),
    /// No join token can be had.
    #[error("no join token for the worker: {0}")]
    Token(String),
    /// The worker ended, or was not started.
    #[error("the worker ended at once: {0}")]
    Worker(String),
    /// The worker runs, and has not joined.
    #[error("the worker runs and has not joined yet; last in its log: {0}")]
    NotJoined(String),
    /// The worker was told to end and still runs.
    #[error("the worker does not end: {0}")]
    Stop(String),
}

impl LaunchError {
    /// The stable code; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "launch-unreachable",
            Self::Timeout { .. } => "launch-timeout",
            Self::HostKeyUnknown { .. } => "launch-host-key-unknown",
            Self::HostKeyChanged { .. } => "launch-host-key-changed",
            Self::KnownHosts { .. } => "launch-known-hosts",
            Self::Key(_) => "launch-key",
            Self::Login { .. } => "launch-login",
            Self::Protocol { .. } => "launch-protocol",
            Self::Upload { .. } => "launch-upload",
            Self::Program(_) => "launch-program",
            Self::Manager(_) => "launch-manager",
            Self::Token(_) => "launch-token",
            Self::Worker(_) => "launch-worker",
            Self::NotJoined(_) => "launch-not-joined",
            Self::Stop(_) => "launch-stop",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Unreachable { .. } => "start the host or its sshd, or mend `address`".into(),
            Self::Timeout { .. } => "look whether that is an sshd, and how busy it is; `timeout_s` gives it longer".into(),
            Self::HostKeyUnknown { accept, .. } => format!("compare the fingerprint with the host's own, then: {accept}"),
            Self::HostKeyChanged { accept, .. } => {
                format!("find out why it has changed; only if the fingerprint is the host's own: {accept}")
            }
            Self::KnownHosts { .. } => "make it readable, or name another file as `known_hosts`".into(),
            Self::Key(_) => "name a private key without passphrase as `key`, or give the key to an agent: ssh-add".into(),
            Self::Login { .. } => "put the public key into the user's authorized_keys there, or name another `key` or `user`".into(),
            Self::Protocol { .. } => "look into the sshd's log on the host".into(),
            Self::Upload { .. } => "make room or give the user the right to write there, or name another `folder`".into(),
            Self::Program(_) => "build `worker` for that host, and name it with --program".into(),
            Self::Manager(_) => {
                "give GM.address and DC.address in the actors file an address of this host, or `manager` and `discovery`".into()
            }
            Self::Token(_) => "see why the system makes no token; `management token create` needs the role admin".into(),
            Self::Worker(_) => "do what its log says; its log is worker.log in its folder on the host".into(),
            Self::NotJoined(_) => "look whether the host reaches the manager: `manager` and `discovery` say where".into(),
            Self::Stop(_) => "its tasks may need longer: look at its log, and stop it again".into(),
        }
    }

    /// Whether it may pass by itself, so that trying again makes sense.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Protocol { .. }
                | Self::Upload { .. }
                | Self::Token(_)
                | Self::Worker(_)
                | Self::NotJoined(_)
                | Self::Stop(_)
        )
    }
}
