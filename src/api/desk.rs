//! What every handler has at hand: the door, the options, the counters, and the bounds on what may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use link::token::ApiToken;
use model::{Answer, Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use super::metrics::Metrics;
use super::options::ApiOptions;
use crate::runtime::Door;

/// The most requests that are answered at once on a port.
const MOST_REQUESTS: usize = 1024;
/// The most streams (events, followed logs) that are open at once on a port.
const MOST_STREAMS: usize = 256;

/// The state of a router; cheap to clone.
pub type Desk = Arc<Fittings>;

/// What lies on a desk.
#[derive(Debug)]
pub struct Fittings {
    /// The way to the system.
    pub door: Door,
    /// What the API was told.
    pub options: ApiOptions,
    /// What is counted.
    pub metrics: Metrics,
    /// The document of the port.
    pub document: Bytes,
    pub(super) requests: Semaphore,
    streams: Arc<Semaphore>,
    whatifs: Arc<Semaphore>,
    /// Parts the ids of this process from those of the one before it.
    launch: String,
    next: AtomicU64,
}

impl Fittings {
    pub(super) fn new(door: Door, options: ApiOptions, document: Bytes) -> Desk {
        Arc::new(Self {
            metrics: Metrics::new(),
            door,
            options,
            document,
            requests: Semaphore::new(MOST_REQUESTS),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            // Each keeps a core busy.
            whatifs: Arc::new(Semaphore::new(1)),
            launch: ApiToken::new().id[..6].to_owned(),
            next: AtomicU64::new(1),
        })
    }

    /// A new request's id.
    pub(super) fn request_id(&self) -> String {
        format!("{}-{}", self.launch, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A place among the streams, held until it is dropped.
    ///
    /// # Errors
    /// When all places are taken.
    pub fn stream(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| ApiError::Busy("streams"))
    }

    /// The place of who asks for a what-if, held until it is dropped.
    ///
    /// # Errors
    /// While another is answered.
    pub fn whatif(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.whatifs).try_acquire_owned().map_err(|_| ApiError::Busy("what-ifs"))
    }

    /// Asks the FrontEnd.
    ///
    /// # Errors
    /// When it refuses, or nothing was taken.
    pub async fn ask(&self, request: Request) -> Result<Answer, ApiError> {
        match self.door.ask(request).await? {
            Answer::Refused(refusal) => Err(refusal.into()),
            answer => Ok(answer),
        }
    }
}
