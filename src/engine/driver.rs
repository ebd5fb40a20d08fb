//! The one driver trait: commands in, signals out.

use model::{Bytes, Cause, CpuSet, Image, Millis, NodeId, Run, Start, TaskKey};

/// What an agent tells its driver to do with a run.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// Start it.
    Start(&'a Start),
    /// Ask it to stop, wait its grace period, kill it.
    Stop,
    /// Checkpoint it and stop it.
    Checkpoint {
        /// Keep a copy of the image for a later attempt.
        keep: bool,
    },
    /// Make ready what a restore here will need, and keep it so until the run has started or is stopped.
    Prepare(&'a Start),
    /// Continue it from an image.
    Restore {
        /// How it is to run here.
        start: &'a Start,
        /// The image.
        image: Image,
        /// The other node where the image lies; none: it lies here.
        source: Option<NodeId>,
    },
    /// Let it have these cores and this memory.
    Resize {
        /// The number to answer with.
        number: u16,
        /// All of its cores.
        cpuset: &'a CpuSet,
        /// All of its memory.
        memory: Bytes,
    },
}

/// What became of a command, or of a run by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It runs.
    Started,
    /// It ended by itself with this exit code.
    Exited(i32),
    /// It ended because it was stopped.
    Stopped,
    /// It could not be started.
    Refused,
    /// It could not be started, or ended, for a reason that the engine knows.
    Failed(Cause),
    /// What its restore needs is ready.
    Prepared,
    /// It is stopped and its image is kept.
    Checkpointed(Box<Image>),
    /// It could not be checkpointed, and runs on; where it has ended meanwhile, that is said next.
    CheckpointRefused,
    /// It has the cores and the memory of the resize with this number; or, not done, what it had before.
    Resized {
        /// Of the command.
        number: u16,
        /// It has them.
        done: bool,
    },
    /// It surely runs no more, and nobody knows how it ended.
    Lost,
}

/// A signal of a driver about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The task instance.
    pub task: TaskKey,
    /// Which run of it.
    pub run: Run,
    /// What became of it.
    pub what: What,
}

/// Where a driver puts its signals, each with the time at which it holds: now, or later in virtual time.
pub type Signals = Vec<(Millis, Signal)>;

/// An engine that runs tasks on one node.
///
/// A command never waits: its outcome is a signal. A stopped run gives no `Exited`; a run that has ended gives no more.
pub trait Driver {
    /// Carries out a command for a run.
    fn command(&mut self, now: Millis, task: TaskKey, run: Run, command: Command, signals: &mut Signals);
}
