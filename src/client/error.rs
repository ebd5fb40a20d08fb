//! Why a request has no good answer.

use std::path::PathBuf;

use super::Address;
use crate::api::body::Problem;

/// Why a request has no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The server's address cannot be used.
    Address {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The token cannot be used.
    Token {
        /// What is wrong with it, without a word of it.
        cause: String,
    },
    /// The authorities cannot be used.
    Authorities {
        /// Their file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A token would go to another host unencrypted.
    PlainToken {
        /// Where to.
        address: Address,
    },
    /// Nobody answers.
    Unreachable {
        /// Who was asked.
        address: Address,
        /// As the system says it.
        cause: String,
    },
    /// Who answers is not trusted.
    Untrusted {
        /// Who was asked.
        address: Address,
        /// What is wrong with the certificate.
        cause: String,
    },
    /// The answer does not come.
    Timeout {
        /// Who was asked.
        address: Address,
        /// What took too long.
        step: String,
    },
    /// Whoever answers does not speak as the API does.
    Answer {
        /// Who was asked.
        address: Address,
        /// What is wrong with the answer.
        cause: String,
    },
    /// The API refuses, and says why.
    Refused(Box<Problem>),
}

impl ClientError {
    /// The stable code of the error; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Address { .. } => "client-address",
            Self::Token { .. } => "client-token",
            Self::Authorities { .. } => "client-authorities",
            Self::PlainToken { .. } => "client-plain-token",
            Self::Unreachable { .. } => "client-unreachable",
            Self::Untrusted { .. } => "client-untrusted",
            Self::Timeout { .. } => "client-timeout",
            Self::Answer { .. } => "client-answer",
            Self::Refused(problem) => &problem.code,
        }
    }

    /// The status of the answer, where there was one that said no.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        if let Self::Refused(problem) = self { Some(problem.status) } else { None }
    }
}

impl std::error::Error for ClientError {}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { text, cause } => write!(f, "`{text}`: {cause}: write it as in http://127.0.0.1:5001"),
            Self::Token { cause } => write!(f, "the token cannot be used: {cause}: name a file that holds a token and nothing else"),
            Self::Authorities { file, cause } => {
                write!(f, "{}: {cause}: name a PEM file of certificates with --ca", file.display())
            }
            Self::PlainToken { address } => {
                write!(f, "the token would go to {address} for everybody to read: use https, with --ca for an authority of your own")
            }
            Self::Unreachable { address, cause } => {
                write!(f, "{address} does not answer: {cause}: start `management` there, or name another one with --server")
            }
            Self::Untrusted { address, cause } => {
                write!(f, "{address} shows a certificate that is not trusted: {cause}: name the file of its authority with --ca")
            }
            Self::Timeout { address, step } => {
                write!(f, "{address}: {step} took too long: see how it is with `management doctor`, or wait longer with --timeout")
            }
            Self::Answer { address, cause } => {
                write!(f, "{address} answers, but not as Wharfinger does ({cause}): does another program have the port?")
            }
            Self::Refused(problem) => refused(problem, f),
        }
    }
}

/// Field, cause and fix. What the server says is shown without its line ends and control characters: an error is one line.
fn refused(problem: &Problem, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let line = |text: &str| text.trim().trim_end_matches('.').replace(char::is_control, " ");
    let cause = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    // `.` is the document itself.
    if let Some(field) = problem.field.as_deref().filter(|field| !["", "."].contains(field) && !cause.starts_with(*field)) {
        write!(f, "{}: ", line(field))?;
    }
    write!(f, "{}", line(cause))?;
    if problem.fix.is_empty() { Ok(()) } else { write!(f, ". {}", line(&problem.fix)) }
}
