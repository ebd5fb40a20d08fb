//! The real driver, which implements `engine::Driver`; the agent does not know which engine is behind it.

pub mod guarded;

use std::io;

use engine::Driver;
use engine::question::{Fetch, Leftover, LogPart};
use model::{Millis, NodeId};

use crate::Error;
use crate::image::Source;
use crate::run::{RunId, Stream};

/// A driver whose runs outlive their worker, and end by themselves when its lease is over: what a worker needs of it beside commands.
pub trait Runner: Driver {
    /// Until when its runs may go on, by the last renewal of this worker or of one before it.
    fn lease(&self) -> Option<Millis>;

    /// Lets all runs go on until then. Without it none is started.
    ///
    /// # Errors
    /// When it cannot be noted; the lease before it then holds.
    fn renew(&self, deadline: Millis) -> io::Result<()>;

    /// Kills every run without any grace. Their ends come as signals, like all others.
    fn kill_all(&self);

    /// The end of a run is known where it matters: a restart says no more of it, and what is kept of it may go.
    ///
    /// # Errors
    /// When that cannot be noted.
    fn acknowledge(&self, id: RunId) -> io::Result<()>;

    /// Where another worker gives images away, in case one of its runs is to go on here.
    fn meet(&mut self, node: NodeId, source: Source) {
        let _ = (node, source);
    }

    /// In which term of the GlobalManager it is ordered about from now on.
    fn serve(&mut self, term: u32) {
        let _ = term;
    }

    /// Lets go of runs whose end was acknowledged, the oldest first, until so many of them are left for their logs.
    ///
    /// # Errors
    /// When they cannot be looked at or deleted.
    fn prune(&self, keep: usize) -> Result<(), Error>;

    /// What is left over here of runs that it does not have, after what is named of it was removed: work for a thread of its own.
    fn leftovers(&self, remove: Vec<Leftover>) -> Box<dyn FnOnce() -> Vec<Leftover> + Send> {
        drop(remove);
        Box::new(Vec::new)
    }

    /// How far the latest fetch for a run is; nothing where there is none, or the run has begun or ended.
    fn fetching(&self, id: RunId) -> Option<Fetch> {
        let _ = id;
        None
    }

    /// A part of what a run has put out; nothing where there is no such run.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn log(&self, id: RunId, stream: Stream, offset: u64, most: u32) -> io::Result<Option<LogPart>>;
}
