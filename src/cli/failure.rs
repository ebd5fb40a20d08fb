//! How a command ends: its exit code, and what is said where it failed. The codes are documented in docs/cli.md.

use std::fmt;
use std::path::Path;

use crate::client::ClientError;
use crate::journal::ReplayError;
use crate::report::files::OutputError;
use crate::report::why::WhyError;
use crate::sim::input::InputError;
use crate::sim::simulation::RunError;
use crate::sim::sizing::SizeError;

/// How a command ended that came to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Done,
    /// A replay came to other plans than its journal; said already.
    Parted,
    /// What was asked about is not well: a check of the host, or a job that was waited for; said already.
    Failed,
    /// A job was rejected, and `--strict` was given.
    Strict,
    /// The result is partial, and says so.
    Interrupted,
}

impl Outcome {
    /// The exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Parted => 4,
            Self::Strict => 6,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command came to no result: cause and fix in a sentence, the code that names its page in docs/errors, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit_code: u8,
    /// Absent where the sentence says all: a wrong command line, or what the system alone is at fault for.
    code: Option<String>,
    message: String,
}

impl Failure {
    /// Exit code of a wrong command line.
    pub const USAGE: u8 = 2;
    /// Exit code of a failure that is nobody's input.
    const OTHER: u8 = 1;
    /// Exit code of a server that does not answer.
    const UNREACHABLE: u8 = 5;

    /// A command line that makes no sense as a whole.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit_code: Self::USAGE, code: None, message: message.into() }
    }

    /// The system refuses something.
    pub fn system(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self { exit_code: Self::OTHER, code: None, message: format!("{what}: {error}") }
    }

    /// A failure that is nobody's input.
    pub fn other(error: impl fmt::Display) -> Self {
        Self { exit_code: Self::OTHER, code: None, message: error.to_string() }
    }

    /// Something given that cannot be used.
    pub fn input(message: impl Into<String>) -> Self {
        Self { exit_code: InputError::EXIT_CODE, code: None, message: message.into() }
    }

    /// An error that has a page of its own.
    fn coded(exit_code: u8, code: &str, message: impl Into<String>) -> Self {
        Self { exit_code, code: Some(code.into()), message: message.into() }
    }

    /// A journal that cannot be read. One that parts from its replay is no failure but an outcome.
    pub fn journal(file: &Path, error: &ReplayError) -> Self {
        Self::coded(InputError::EXIT_CODE, error.code(), format!("{}: {error}", file.display()))
    }

    /// Names the file that it is about.
    pub fn of_file(self, file: &str) -> Self {
        Self { message: format!("{file}: {}", self.message), ..self }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, " [{code}]"))
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::coded(InputError::EXIT_CODE, error.code(), error.to_string())
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::coded(Self::OTHER, error.code(), error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit_code = match &error {
            ClientError::Address { .. } => Self::USAGE,
            ClientError::Token { .. }
            | ClientError::Authorities { .. }
            | ClientError::PlainToken { .. }
            | ClientError::Untrusted { .. } => InputError::EXIT_CODE,
            ClientError::Unreachable { .. } | ClientError::Timeout { .. } => Self::UNREACHABLE,
            ClientError::Answer { .. } => Self::OTHER,
            // What the server blames on itself is nobody's input.
            ClientError::Refused(problem) if problem.status >= 500 => Self::OTHER,
            ClientError::Refused(_) => InputError::EXIT_CODE,
        };
        Self::coded(exit_code, error.code(), error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Input(error) => error.into(),
            RunError::Journal(_) | RunError::Output(_) => Self::coded(Self::OTHER, error.code(), error.to_string()),
        }
    }
}

impl From<SizeError> for Failure {
    fn from(error: SizeError) -> Self {
        match error {
            SizeError::Run(error) => error.into(),
            SizeError::TooLarge { .. } | SizeError::NeverEnough { .. } => Self::input(error.to_string()),
            SizeError::Interrupted => Self { exit_code: Outcome::Interrupted.exit_code(), code: None, message: error.to_string() },
        }
    }
}

impl From<WhyError> for Failure {
    fn from(error: WhyError) -> Self {
        let exit_code = match error {
            WhyError::Files(_) => Self::OTHER,
            WhyError::NoRun { .. } | WhyError::UnknownJob { .. } | WhyError::Ambiguous { .. } => InputError::EXIT_CODE,
        };
        Self::coded(exit_code, error.code(), error.to_string())
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        let exit_code = if matches!(error, crate::store::StoreError::Address { .. }) { InputError::EXIT_CODE } else { Self::OTHER };
        Self::coded(exit_code, error.code(), error.to_string())
    }
}

impl From<link::LinkError> for Failure {
    fn from(error: link::LinkError) -> Self {
        Self::coded(Self::OTHER, error.code(), error.to_string())
    }
}

impl From<crate::runtime::StartError> for Failure {
    fn from(error: crate::runtime::StartError) -> Self {
        Self::coded(Self::OTHER, error.code(), error.to_string())
    }
}

impl From<crate::api::StartError> for Failure {
    fn from(error: crate::api::StartError) -> Self {
        let exit_code = match error {
            crate::api::StartError::Address { .. } => Self::OTHER,
            crate::api::StartError::OpenAddress { .. } | crate::api::StartError::Tls { .. } => InputError::EXIT_CODE,
        };
        Self::coded(exit_code, error.code(), format!("{error}: {}", error.fix()))
    }
}
