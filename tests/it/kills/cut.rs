//! A store that is cut off at a write, as a process is that is killed there.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;
use wharfinger::runtime::ActorName;
use wharfinger::store::{Entry, Last, Memory, Position, Receipt, Record, Store, StoreError};

/// When a process is cut off: after so many writes over all of its stores, before or after the last of them is durable.
#[derive(Clone)]
pub struct Fuse {
    left: Arc<AtomicI64>,
    after: bool,
    /// It was.
    pub blown: Arc<Notify>,
}

impl Fuse {
    /// One that never blows, or so.
    pub fn new(cut: Option<(i64, bool)>) -> Self {
        let left = Arc::new(AtomicI64::new(cut.map_or(i64::MAX, |(writes, _)| writes)));
        Self { left, after: cut.is_some_and(|(_, after)| after), blown: Arc::default() }
    }

    /// The stores of a process with this fuse.
    pub fn stores(&self, kept: &[Memory; 4]) -> Vec<(ActorName, Arc<dyn Store>)> {
        let store = |actor: ActorName| Arc::new(Cut { kept: kept[actor as usize].clone(), fuse: self.clone() }) as Arc<dyn Store>;
        ActorName::ALL.map(|actor| (actor, store(actor))).into()
    }
}

/// The store: whether a write is durable or not, nobody hears of it once the fuse has blown.
struct Cut {
    kept: Memory,
    fuse: Fuse,
}

impl Cut {
    fn write(&self, write: impl FnOnce() -> Receipt) -> Receipt {
        match self.fuse.left.fetch_sub(1, Ordering::Relaxed) {
            1.. => return write(),
            0 if self.fuse.after => drop(write()),
            _ => {}
        }
        self.fuse.blown.notify_one();
        let (sender, receipt) = Receipt::later();
        std::mem::forget(sender);
        receipt
    }
}

impl Store for Cut {
    fn append(&self, entry: Entry) -> Receipt {
        self.write(|| self.kept.append(entry))
    }
    fn snapshot(&self, position: Position, body: Vec<u8>) -> Receipt {
        self.write(|| self.kept.snapshot(position, body))
    }
    fn recover(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<Option<Last>, StoreError> {
        self.kept.recover(each)
    }
    fn last(&self) -> Result<Option<Last>, StoreError> {
        self.kept.last()
    }
    fn health(&self) -> Result<(), StoreError> {
        self.kept.health()
    }
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.kept.backup(to)
    }
}
