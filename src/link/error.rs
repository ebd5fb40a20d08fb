//! The one error of links: what went wrong, in words for a log, and a stable code with a page in `docs/errors`.

use std::path::PathBuf;

/// Why a link cannot be made, or why it ended. No secret is ever part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The address means nothing, is in use, or nobody listens there.
    #[error("address `{address}`: {reason}")]
    Address {
        /// As it was given.
        address: String,
        /// What the operating system says.
        reason: String,
    },
    /// TLS did not come about: the other side speaks something else, or stopped in the middle.
    #[error("no TLS session: {0}")]
    Handshake(String),
    /// A certificate is not of our authority, has ended, or is of another role than is needed.
    #[error("certificate refused: {0}")]
    Certificate(String),
    /// A text is no token.
    #[error("this is no token: {0}")]
    Token(&'static str),
    /// The other side answered no to a join or a renewal.
    #[error("refused: {0}")]
    Refused(String),
    /// A folder or file of keys or sockets cannot be used, or others could read it.
    #[error("{}: {reason}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The other side sent what the protocol does not have.
    #[error("the other side broke the protocol: {0}")]
    Malformed(&'static str),
    /// The other side announced a longer frame than is allowed.
    #[error("a frame is longer than the {most} bytes that are allowed")]
    Oversized {
        /// The limit, bytes.
        most: usize,
    },
    /// The other side fell silent, or does not take what is sent.
    #[error("no progress in time: {0}")]
    Timeout(&'static str),
    /// The session is over.
    #[error("closed: {0}")]
    Closed(String),
    /// The local ZeroMQ sockets failed; they are made anew.
    #[error("local queue: {0}")]
    Queue(String),
}

impl LinkError {
    /// The stable code; `docs/errors/<code>.md` says what to do.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "link-address",
            Self::Handshake(_) => "link-handshake",
            Self::Certificate(_) => "link-certificate",
            Self::Token(_) => "link-token",
            Self::Refused(_) => "link-refused",
            Self::Folder { .. } => "link-folder",
            Self::Malformed(_) => "link-malformed",
            Self::Oversized { .. } => "link-oversized",
            Self::Timeout(_) => "link-timeout",
            Self::Closed(_) => "link-closed",
            Self::Queue(_) => "link-queue",
        }
    }

    pub(crate) fn address(address: impl ToString, reason: impl ToString) -> Self {
        Self::Address { address: address.to_string(), reason: reason.to_string() }
    }

    pub(crate) fn folder(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::Folder { path: path.to_owned(), reason: reason.to_string() }
    }
}
