//! The promise of a store to say when a record is durable.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::{Position, StoreError};

/// Resolves with the position of a record once it is durable, or with the reason why it is not. To be awaited, or waited for by a thread.
///
/// Dropping it changes nothing about the record.
#[must_use = "only the receipt says whether the record is durable"]
#[derive(Debug)]
pub struct Receipt(State);

#[derive(Debug)]
enum State {
    /// Known already. None once it was given away.
    Now(Option<Result<Position, StoreError>>),
    Later(oneshot::Receiver<Result<Position, StoreError>>),
}

impl Receipt {
    /// One that has resolved.
    pub fn now(result: Result<Position, StoreError>) -> Receipt {
        Receipt(State::Now(Some(result)))
    }

    /// One that resolves when the other half is told.
    pub fn later() -> (oneshot::Sender<Result<Position, StoreError>>, Receipt) {
        let (sender, receiver) = oneshot::channel();
        (sender, Receipt(State::Later(receiver)))
    }

    /// Blocks the thread until it resolves.
    ///
    /// # Errors
    /// When the record is not durable.
    ///
    /// # Panics
    /// In a task of an asynchronous runtime, whose threads must not block, unless it has resolved.
    pub fn wait(self) -> Result<Position, StoreError> {
        match self.0 {
            State::Now(result) => result.expect("a receipt is taken once"),
            State::Later(receiver) => receiver.blocking_recv().unwrap_or_else(|_| Err(gone())),
        }
    }
}

impl Future for Receipt {
    type Output = Result<Position, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Now(result) => Poll::Ready(result.take().expect("a receipt is taken once")),
            State::Later(receiver) => Pin::new(receiver).poll(context).map(|result| result.unwrap_or_else(|_| Err(gone()))),
        }
    }
}

/// A writer answers all that it took; it is gone only if it panicked.
fn gone() -> StoreError {
    StoreError::Io { store: "a store".into(), cause: "its writer is gone".into() }
}
