//! What a worker is told to do with a run.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Bytes, Cause, CpuSet, Fence, Millis, NodeId, Run, TaskKey, TaskSpec};

/// What to do with a run, fenced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Stale ones are refused.
    pub fence: Fence,
    /// Which instance.
    pub task: TaskKey,
    /// Which run.
    pub run: Run,
    /// What to do with it.
    pub action: Action,
}

/// What an agent is told to do with a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Action {
    /// Start it.
    Start(Box<Start>),
    /// Stop it: ask, wait the grace period, kill.
    Stop {
        /// Why.
        cause: Cause,
    },
    /// Checkpoint it and stop it; keep the image until a stop.
    Checkpoint {
        /// The placement that the image is for, so that a refusal is not taken for that of another move.
        target: u16,
        /// Keep a copy beyond that, for a later attempt.
        keep: bool,
    },
    /// Make ready what a restore will need: it is to come here. What cannot be made ready is said before anything stands still.
    Prepare(Box<Start>),
    /// It does not come: let go of what was made ready, and say nothing.
    Dismiss,
    /// Continue here from an image.
    Restore {
        /// How it is to run here.
        start: Box<Start>,
        /// The image.
        image: Image,
        /// Where the image lies: another node, or this one where a move came to nothing.
        source: NodeId,
    },
    /// Let it have these cores and this memory.
    Resize {
        /// Tells it from other orders for the run: a later one is higher.
        number: u16,
        /// All of its cores.
        cpuset: CpuSet,
        /// All of its memory.
        memory: Bytes,
    },
}

/// How a run is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// On which cores.
    pub cpuset: CpuSet,
    /// With how much memory.
    pub memory: Bytes,
    /// The spec of its task.
    pub spec: Arc<TaskSpec>,
    /// The longest that it may run, and what it is called when it does.
    pub limit: Option<(Millis, Cause)>,
    /// How long this attempt has run already.
    pub elapsed: Millis,
    /// When it will end: known only where a saved state is taken up again, and looked at by the simulated driver alone.
    pub ends: Option<Millis>,
    /// The checkpoint that it goes on from; absent: it begins.
    pub resume: Option<Box<Kept>>,
}

impl Start {
    /// The order that begins it.
    #[must_use]
    pub fn order(self: Box<Self>) -> Action {
        match self.resume.as_deref().copied() {
            Some(Kept { node, image }) => Action::Restore { start: self, image, source: node },
            None => Action::Start(self),
        }
    }
}

/// A checkpoint image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its size.
    pub size: Bytes,
    /// How long the attempt had run when it was made.
    pub elapsed: Millis,
    /// How long it has still to run, where the driver knows.
    pub remaining: Option<Millis>,
}

/// A checkpoint that is kept for a later attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where the image lies.
    pub node: NodeId,
    /// The image.
    pub image: Image,
}
