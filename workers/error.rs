//! Why a worker cannot serve. Each error has a code, and a page in docs/errors.

use std::io;
use std::path::{Path, PathBuf};

use link::LinkError;
use model::{Bytes, CpuSet, JoinRefusal, Name};

use crate::shell::Ending;

/// Why a worker cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cores were claimed that the host does not have.
    #[error("--cores: there is no core {missing} here; this process may use {usable}")]
    Cores {
        /// What of the claim is not there.
        missing: CpuSet,
        /// What is there.
        usable: CpuSet,
    },
    /// More memory was claimed than there is.
    #[error("--memory {claimed}: there are only {usable} here")]
    Memory {
        /// What was claimed.
        claimed: Bytes,
        /// What is there.
        usable: Bytes,
    },
    /// The host does not say what it has.
    #[error("cannot read {path}: {source}", path = path.display())]
    Host {
        /// What was read.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The folder of the runs cannot be used.
    #[error("the runs' folder {path}: {source}", path = path.display())]
    Root {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Another worker has the folder.
    #[error("the runs' folder {path} belongs to another worker that is still alive", path = path.display())]
    RootTaken {
        /// The folder.
        path: PathBuf,
    },
    /// The join token cannot be read.
    #[error("the join token in {path}: {reason}", path = path.display())]
    Token {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The manager refuses, or cannot be dialed at all.
    #[error(transparent)]
    Link(LinkError),
    /// Another worker has the name.
    #[error(
        "another worker called `{name}` is alive, or was until a moment ago: give this one another --name, or start it again in a while"
    )]
    NameTaken {
        /// The name.
        name: Name,
    },
    /// The system takes other engines alone.
    #[error(
        "this system takes no workers with the engine `{engine}`: give another --engine, or name it under `engines` in the actors file"
    )]
    EngineRefused {
        /// The engine.
        engine: &'static str,
    },
    /// The system refuses what any program needs.
    #[error("the worker cannot run: {0}")]
    Runtime(io::Error),
}

impl Error {
    /// The stable code, as the pages of docs/errors are called.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cores { .. } => "worker-cores",
            Self::Memory { .. } => "worker-memory",
            Self::Host { .. } => "worker-host",
            Self::Root { .. } => "worker-root",
            Self::RootTaken { .. } => "worker-root-taken",
            Self::Token { .. } => "worker-token",
            Self::Link(error) => error.code(),
            Self::NameTaken { .. } => "worker-name-taken",
            Self::EngineRefused { .. } => "worker-engine-refused",
            Self::Runtime(_) => "worker-runtime",
        }
    }

    /// How a worker ends on it.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match self {
            Self::Token { .. } | Self::Link(_) => Ending::NotAdmitted,
            Self::NameTaken { .. } => Ending::Refused(JoinRefusal::NameTaken),
            Self::EngineRefused { .. } => Ending::Refused(JoinRefusal::Engine),
            _ => Ending::Failed,
        }
    }

    /// For `map_err` of what is done with a file of the host.
    pub(crate) fn host(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Host { path: path.to_owned(), source }
    }

    /// For `map_err` of what is done with a file of the runs' folder.
    pub(crate) fn root(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Root { path: path.to_owned(), source }
    }
}
