//! Every reason why a request is refused, with its code, its status and its fix: the one place where they are given.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::document::BadDocument;
use model::{JobId, Name, Refusal};

use super::body::Problem;
use crate::runtime::{Silence, Trouble};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// A field, parameter or header means nothing there.
    #[error("{cause}")]
    Field { field: String, cause: String },
    /// No route has this path.
    #[error("there is no such path")]
    UnknownRoute,
    /// No job has this id.
    #[error("there is no job `{0}`")]
    UnknownJob(String),
    /// The job has no such task, or the task no such instance.
    #[error("job {job} has no {what}")]
    UnknownTask { job: JobId, what: String },
    /// No node has this name.
    #[error("there is no node `{0}`")]
    UnknownNode(String),
    /// No token has this id.
    #[error("there is no token `{0}`")]
    UnknownToken(String),
    /// The run has written nothing that is kept.
    #[error("{0}")]
    NoLog(String),
    /// The path has only these methods.
    #[error("the path takes only {0}")]
    Method(String),
    /// The answer took too long.
    #[error("the request was not answered in time")]
    Timeout,
    /// The key stands for another document.
    #[error("the key was used for job {0} with another document")]
    KeyConflict(JobId),
    /// What is asked for does not go with the present state.
    #[error("{0}")]
    WrongState(String),
    /// The system cannot do that yet.
    #[error("{what}")]
    Unsupported { what: String, possible: &'static str },
    /// Events before these are no longer kept.
    #[error("events after {since} are asked for, but those before {first} are no longer kept")]
    EventsGone { since: u64, first: u64 },
    /// The body is too large.
    #[error("the body is larger than {most} bytes")]
    TooLarge { most: usize },
    /// The body is of another type.
    #[error("the body is `{0}`")]
    ContentType(String),
    /// The request is for another host.
    #[error("the Host header names no host of this system")]
    Host,
    /// A page of another site sent it.
    #[error("the request comes from a page of another site")]
    Origin,
    /// Nobody knows who asks.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// Who asks may not do that.
    #[error("the token has the role {has}, and this needs {needs}")]
    Forbidden { has: &'static str, needs: &'static str },
    /// As many requests or streams are open as may.
    #[error("too many {0} are open")]
    Busy(&'static str),
    /// As many task instances have not ended as the cluster keeps.
    #[error("{open} task instances have not ended; the most is {most}")]
    QueueFull { open: u64, most: u64 },
    /// The store does not write.
    #[error("the store does not write: {0}")]
    Store(String),
    /// The store has no room.
    #[error("the store is full: {0}")]
    StoreFull(String),
    /// The system is stopping.
    #[error("the system is stopping")]
    Stopping,
    /// The node of the run does not answer.
    #[error("the node of the run does not answer")]
    NodeAway,
}

impl ApiError {
    /// A field at fault.
    pub fn field(field: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Field { field: field.into(), cause: cause.to_string() }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "api-field",
            Self::UnknownRoute => "api-unknown-route",
            Self::UnknownJob(_) => "api-unknown-job",
            Self::UnknownTask { .. } => "api-unknown-task",
            Self::UnknownNode(_) => "api-unknown-node",
            Self::UnknownToken(_) => "api-unknown-token",
            Self::NoLog(_) => "api-no-log",
            Self::Method(_) => "api-method",
            Self::Timeout => "api-timeout",
            Self::KeyConflict(_) => "api-key-conflict",
            Self::WrongState(_) => "api-wrong-state",
            Self::Unsupported { .. } => "api-unsupported",
            Self::EventsGone { .. } => "api-events-gone",
            Self::TooLarge { .. } => "api-too-large",
            Self::ContentType(_) => "api-content-type",
            Self::Host => "api-host",
            Self::Origin => "api-origin",
            Self::Unauthorized(_) => "api-unauthorized",
            Self::Forbidden { .. } => "api-forbidden",
            Self::Busy(_) => "api-busy",
            Self::QueueFull { .. } => "api-queue-full",
            Self::Store(_) => "api-store",
            Self::StoreFull(_) => "api-store-full",
            Self::Stopping => "api-stopping",
            Self::NodeAway => "api-node-away",
        }
    }

    /// The status of the answer, and what kind of problem it is.
    #[must_use]
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Field { .. } => (StatusCode::BAD_REQUEST, "A field is wrong"),
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "No such path"),
            Self::UnknownJob(_) => (StatusCode::NOT_FOUND, "No such job"),
            Self::UnknownTask { .. } => (StatusCode::NOT_FOUND, "No such task"),
            Self::UnknownNode(_) => (StatusCode::NOT_FOUND, "No such node"),
            Self::UnknownToken(_) => (StatusCode::NOT_FOUND, "No such token"),
            Self::NoLog(_) => (StatusCode::NOT_FOUND, "No output"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "Too late"),
            Self::KeyConflict(_) => (StatusCode::CONFLICT, "The key is taken"),
            Self::WrongState(_) => (StatusCode::CONFLICT, "Not in this state"),
            Self::Unsupported { .. } => (StatusCode::CONFLICT, "Not possible yet"),
            Self::EventsGone { .. } => (StatusCode::GONE, "Events are gone"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
            Self::ContentType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Wrong type"),
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "Another host"),
            Self::Origin => (StatusCode::FORBIDDEN, "Another site"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "Who asks is not known"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "Busy"),
            Self::QueueFull { .. } => (StatusCode::TOO_MANY_REQUESTS, "The queue is full"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "The store does not write"),
            Self::StoreFull(_) => (StatusCode::INSUFFICIENT_STORAGE, "The store is full"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "Stopping"),
            Self::NodeAway => (StatusCode::SERVICE_UNAVAILABLE, "The node is away"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Field { .. } => "Change the field that is named and send the request again; /openapi.json has the form.",
            Self::UnknownRoute => "Take a path of /openapi.json; /docs shows them.",
            Self::UnknownJob(_) => {
                "Take an id that `management jobs` or GET /v1/jobs lists, such as `j12`; a job that ended long ago may have been forgotten."
            }
            Self::UnknownTask { .. } => "Take a task and an index that `management job` or GET /v1/jobs/{job} shows.",
            Self::UnknownNode(_) => "Take a name that `management nodes` or GET /v1/nodes lists.",
            Self::UnknownToken(_) => "Take an id that `management token list` or GET /v1/tokens lists.",
            Self::NoLog(_) => "Wait until the task has started, or take an attempt that `management job` or GET /v1/jobs/{job} shows.",
            Self::Method(_) => "Take a method that the Allow header names.",
            Self::Timeout => "Send it again; with an Idempotency-Key a job is not taken twice.",
            Self::KeyConflict(_) => "Use a new key (or job_name) for another document.",
            Self::WrongState(_) => {
                "Look at `management job` or GET /v1/jobs/{job}, `management node` or GET /v1/nodes/{node}, and ask for what its state allows."
            }
            Self::Unsupported { possible, .. } => possible,
            Self::EventsGone { .. } => {
                "Read the present state (`management jobs` or GET /v1/jobs, `management nodes` or GET /v1/nodes), then follow events without `since`."
            }
            Self::TooLarge { .. } => "Send a smaller body; a job of many equal tasks needs one task with a count.",
            Self::ContentType(_) => "Send JSON with `Content-Type: application/json`.",
            Self::Host => "Use an address of this system, or add the name to its allowed hosts.",
            Self::Origin => "Send it from a page of this system, or without a browser.",
            Self::Unauthorized(_) => "Send `Authorization: Bearer` with a token that POST /v1/tokens made.",
            Self::Forbidden { .. } => "Use a token with that role.",
            Self::Busy(_) => "Wait as long as Retry-After says and send it again.",
            Self::QueueFull { .. } => "Wait until tasks have ended, then send it again.",
            Self::Store(_) => "Look at the logs of the system; nothing was taken, so send it again once the store writes.",
            Self::StoreFull(_) => "Make room on the disk of the store; nothing was taken, so send it again then.",
            Self::Stopping => "Send it again once the system is back.",
            Self::NodeAway => "Wait until the node is back; its outputs are kept there.",
        }
    }

    /// The field at fault.
    #[must_use]
    pub fn at(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::EventsGone { .. } => Some("since"),
            Self::ContentType(_) => Some("Content-Type"),
            Self::Host => Some("Host"),
            Self::Origin => Some("Origin"),
            Self::Unauthorized(_) => Some("Authorization"),
            _ => None,
        }
    }

    /// How many seconds to wait before it is worth another try.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy(_) => Some(1),
            Self::QueueFull { .. } | Self::Store(_) | Self::Stopping | Self::NodeAway => Some(5),
            Self::StoreFull(_) => Some(60),
            _ => None,
        }
    }

    /// The problem as it is answered.
    #[must_use]
    pub fn problem(&self, request_id: String) -> Problem {
        let (status, title) = self.status();
        Problem {
            kind: format!("docs/errors/{}.md", self.code()),
            title: title.to_owned(),
            status: status.as_u16(),
            code: self.code().to_owned(),
            detail: self.to_string(),
            fix: self.fix().to_owned(),
            field: self.at().map(str::to_owned),
            request_id,
        }
    }
}

impl IntoResponse for ApiError {
    /// Only a status; the guard writes the body, because it knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<BadDocument> for ApiError {
    fn from(BadDocument { field, cause }: BadDocument) -> Self {
        Self::Field { field, cause }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::KeyConflict(job) => Self::KeyConflict(job),
            Refusal::UnknownJob(job) => Self::UnknownJob(job.to_string()),
            Refusal::UnknownNode(node) => Self::UnknownNode(node.to_string()),
            Refusal::UnknownToken(token) => Self::UnknownToken(token.to_string()),
            Refusal::Placed => Self::Unsupported {
                what: refusal.to_string(),
                possible: "`resources` can be changed while every instance of the task waits, or runs as a container; else stop the job and submit it anew.",
            },
            Refusal::WrongState { .. } | Refusal::Unmovable(_) | Refusal::NoCheckpoint(_) | Refusal::NothingWaits => {
                Self::WrongState(refusal.to_string())
            }
            Refusal::FixedLabel(label) => Self::field(format!("labels.{label}"), refusal),
            Refusal::QueueFull { open, most } => Self::QueueFull { open, most },
        }
    }
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy => Self::Busy("requests"),
            Trouble::StoreFull(cause) => Self::StoreFull(cause),
            Trouble::Store(cause) => Self::Store(cause),
            Trouble::Stopping => Self::Stopping,
        }
    }
}

impl From<Silence> for ApiError {
    fn from(trouble: Silence) -> Self {
        match trouble {
            Silence::Away => Self::NodeAway,
            Silence::None => Self::NoLog(trouble.to_string()),
        }
    }
}

/// A name of a path, shortened and made printable, for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

/// A name of a path; what is no name names nothing.
pub(super) fn name(text: &str, unknown: fn(String) -> ApiError) -> Result<Name, ApiError> {
    text.parse().map_err(|_| unknown(shown(text)))
}
