//! The queue before a store's one writer: bounded, never waiting, with one receipt for each order. What came while the last group was made
//! durable is the next group. How it is written is the store's affair.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{Entry, Position, Receipt, StoreError};

/// How many records and snapshots may wait for the writer.
const QUEUE: usize = 4096;

/// What to write.
#[derive(Debug)]
pub(super) enum Deed {
    Append(Entry),
    Snapshot(Position, Vec<u8>),
}

/// How a store writes.
pub(super) trait Pen: Send + 'static {
    /// Writes deeds in order, and puts an answer for each that is settled: durable, or refused because it does not follow.
    ///
    /// # Errors
    /// Why the first deed without an answer, and those after it, are not in the log.
    fn write(&mut self, deeds: &[Deed], answers: &mut Vec<Result<Position, StoreError>>) -> Result<(), StoreError>;
}

/// What to write, and whom to answer.
struct Order {
    deed: Deed,
    /// How many groups had failed when it was asked.
    failures: u64,
    answer: oneshot::Sender<Result<Position, StoreError>>,
}

/// How the writer fares, for all to see.
#[derive(Debug, Default)]
struct Standing(Mutex<Fares>);

#[derive(Debug, Default)]
struct Fares {
    failures: u64,
    latest: Option<StoreError>,
    well: bool,
}

impl Standing {
    fn fares(&self) -> MutexGuard<'_, Fares> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue and the writer's thread. Dropping it writes what is queued.
#[derive(Debug)]
pub(super) struct Queue {
    store: String,
    /// None once it is being dropped, which ends the writer.
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    standing: Arc<Standing>,
}

impl Queue {
    /// Starts the writer's thread. `store` is what errors call the store.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(thread: &str, store: String, pen: impl Pen) -> io::Result<Queue> {
        let standing = Arc::new(Standing::default());
        let (orders, queue) = sync_channel(QUEUE);
        let seen = Arc::clone(&standing);
        let writer = std::thread::Builder::new().name(thread.into()).spawn(move || write_all(pen, &queue, &seen))?;
        Ok(Queue { store, orders: Some(orders), writer: Some(writer), standing })
    }

    /// Queues a deed.
    pub fn ask(&self, deed: Deed) -> Receipt {
        let (answer, receipt) = Receipt::later();
        let orders = self.orders.as_ref().expect("the queue closes when the store is dropped");
        let failures = self.standing.fares().failures;
        match orders.try_send(Order { deed, failures, answer }) {
            Ok(()) => receipt,
            Err(TrySendError::Full(_)) => Receipt::now(Err(StoreError::Queue { store: self.store.clone(), waiting: QUEUE })),
            Err(TrySendError::Disconnected(_)) => receipt,
        }
    }

    /// What the latest attempt to write came to.
    ///
    /// # Errors
    /// Why it failed.
    pub fn health(&self) -> Result<(), StoreError> {
        let fares = self.standing.fares();
        fares.latest.clone().filter(|_| !fares.well).map_or(Ok(()), Err)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so on stderr, and its receipts say it too.
            let _ = writer.join();
        }
    }
}

/// Writes until the store is dropped and nothing is queued.
fn write_all(mut pen: impl Pen, queue: &Receiver<Order>, standing: &Standing) {
    while let Ok(first) = queue.recv() {
        // All that came while the last group was made durable shares the next wait.
        let group = std::iter::once(first).chain(queue.try_iter()).take(QUEUE).collect();
        commit(&mut pen, group, standing);
    }
}

fn commit(pen: &mut impl Pen, group: Vec<Order>, standing: &Standing) {
    let failures = standing.fares().failures;
    // Who asked before a failure was known meant to follow a record that is not there.
    let (orders, late): (Vec<_>, Vec<_>) = group.into_iter().partition(|order| order.failures == failures);
    if let Some(error) = standing.fares().latest.clone() {
        late.into_iter().for_each(|order| tell(order.answer, Err(error.clone())));
    }
    let (deeds, receipts): (Vec<Deed>, Vec<_>) = orders.into_iter().map(|order| (order.deed, order.answer)).unzip();
    let mut answers = Vec::with_capacity(deeds.len());
    let written = pen.write(&deeds, &mut answers);
    {
        let mut fares = standing.fares();
        match &written {
            Ok(()) if answers.iter().any(Result::is_ok) => fares.well = true,
            Ok(()) => {}
            Err(error) => *fares = Fares { failures: failures + 1, latest: Some(error.clone()), well: false },
        }
    }
    let failed = written.err();
    let unanswered = std::iter::repeat_with(|| Err(failed.clone().expect("every deed is answered, or why it is not")));
    receipts.into_iter().zip(answers.into_iter().chain(unanswered)).for_each(|(receipt, answer)| tell(receipt, answer));
}

/// Who dropped the receipt does not want to know.
fn tell(receipt: oneshot::Sender<Result<Position, StoreError>>, answer: Result<Position, StoreError>) {
    let _ = receipt.send(answer);
}
