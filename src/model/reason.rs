//! Why a task waits, and why an attempt ended: typed, so that nobody parses a sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tagged::tagged;
use crate::{Bytes, Cores, JobId, Millis, NodeId, TaskKey};

tagged! {
    "WaitReason", "code";
    /// Why a task instance is not placed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum WaitReason {
        /// The next round has not come yet.
        NextRound,
        /// No node is open for new tasks.
        NoNode,
        /// No node has so many free cores.
        CoresShort {
            /// How many cores are missing on the nearest node.
            short_by: Cores,
            /// The allowed node with the most free cores.
            nearest: NodeId,
        },
        /// Nodes with enough cores lack memory.
        MemoryShort {
            /// How many bytes are missing on the nearest node.
            short_by: Bytes,
            /// The allowed node with enough cores and the most free memory.
            nearest: NodeId,
        },
        /// No open node's labels meet the constraints.
        Constraints,
        /// Every node with room holds another instance of the task.
        AntiAffinity,
        /// The pinned node is closed, unknown, or the pinned cores are taken.
        PinTaken {
            /// How many of the pinned cores are taken.
            short_by: Cores,
        },
        /// On every allowed node with room other tasks hold host ports of it.
        PortsTaken {
            /// The lowest of its ports that is taken on the nearest node.
            port: u16,
            /// The allowed node with room that has the fewest of its ports taken; the lowest index among equals.
            nearest: NodeId,
        },
        /// The policy places only what the client pinned.
        NotPinned,
        /// The gang does not fit as a whole: with some of its tasks placed, the next one finds no room.
        GangShort {
            /// Tasks that found a place together.
            fitted: u32,
            /// Tasks of the gang.
            of: u32,
            /// Cores that the next task lacks on the nearest node.
            cores: Cores,
            /// Bytes that the next task lacks on the nearest node, where the cores would do.
            memory: Bytes,
            /// The nearest node, where one is open.
            nearest: Option<NodeId>,
        },
        /// Strict admission: an earlier task waits.
        BehindHead {
            /// The first that waits.
            head: TaskKey,
        },
        /// Backfill: it has no estimate, so it might delay what waits before it.
        NoEstimate {
            /// The first that waits.
            head: TaskKey,
        },
        /// Backfill: it would delay the promised start of one that waits before it.
        WouldDelay {
            /// Whose start would be delayed.
            head: TaskKey,
            /// The start that was promised.
            promised: Millis,
        },
        /// Lower-priority tasks are being evicted for it.
        Evicting {
            /// How many tasks.
            victims: u32,
        },
        /// It waits for other tasks of its job.
        Dependencies,
        /// A migration waits for room.
        NoTarget,
    }
}

impl WaitReason {
    /// The stable code, as documents write it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NextRound => "next_round",
            Self::NoNode => "no_node",
            Self::CoresShort { .. } => "cores_short",
            Self::MemoryShort { .. } => "memory_short",
            Self::Constraints => "constraints",
            Self::AntiAffinity => "anti_affinity",
            Self::PinTaken { .. } => "pin_taken",
            Self::PortsTaken { .. } => "ports_taken",
            Self::NotPinned => "not_pinned",
            Self::GangShort { .. } => "gang_short",
            Self::BehindHead { .. } => "behind_head",
            Self::NoEstimate { .. } => "no_estimate",
            Self::WouldDelay { .. } => "would_delay",
            Self::Evicting { .. } => "evicting",
            Self::Dependencies => "dependencies",
            Self::NoTarget => "no_target",
        }
    }

    /// What is missing, in cores or bytes, where that is the reason.
    #[must_use]
    pub fn short_by(&self) -> Option<u64> {
        match *self {
            Self::CoresShort { short_by, .. } | Self::PinTaken { short_by } => Some(u64::from(short_by.0)),
            Self::MemoryShort { short_by, .. } => Some(short_by.0),
            Self::GangShort { cores, memory, .. } => Some(if memory == Bytes::ZERO { u64::from(cores.0) } else { memory.0 }),
            _ => None,
        }
    }

    /// Whether what is short is memory, in bytes; else it is cores.
    #[must_use]
    pub fn lacks_memory(&self) -> bool {
        match *self {
            Self::MemoryShort { .. } => true,
            Self::GangShort { memory, .. } => memory > Bytes::ZERO,
            _ => false,
        }
    }

    /// The node that comes nearest, where one does.
    #[must_use]
    pub fn nearest(&self) -> Option<NodeId> {
        match *self {
            Self::CoresShort { nearest, .. } | Self::MemoryShort { nearest, .. } | Self::PortsTaken { nearest, .. } => Some(nearest),
            Self::GangShort { nearest, .. } => nearest,
            _ => None,
        }
    }

    /// The job that it waits behind, where it does.
    #[must_use]
    pub fn behind(&self) -> Option<JobId> {
        match *self {
            Self::BehindHead { head } | Self::NoEstimate { head } | Self::WouldDelay { head, .. } => Some(head.job),
            _ => None,
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NextRound => f.write_str("the next scheduling round has not come yet"),
            Self::NoNode => f.write_str("no node is open for new tasks"),
            Self::CoresShort { short_by, nearest } => write!(f, "{short_by} short on the nearest node, {nearest}"),
            Self::MemoryShort { short_by, nearest } => write!(f, "{short_by} of memory short on the nearest node, {nearest}"),
            Self::Constraints => f.write_str("no open node meets the label constraints"),
            Self::AntiAffinity => f.write_str("every node with room holds another instance of the task"),
            Self::PinTaken { short_by } => write!(f, "the pinned place is not free: {short_by} of it taken, or its node closed"),
            Self::PortsTaken { port, nearest } => write!(f, "host port {port} is taken on the nearest node, {nearest}"),
            Self::NotPinned => f.write_str("the policy places only tasks that the client pinned"),
            Self::GangShort { fitted, of, cores, memory, nearest } => {
                write!(f, "only {fitted} of the gang's {of} tasks fit at once")?;
                match nearest {
                    Some(node) if *memory > Bytes::ZERO => write!(f, "; the next lacks {memory} of memory on the nearest node, {node}"),
                    Some(node) => write!(f, "; the next lacks {cores} on the nearest node, {node}"),
                    None => Ok(()),
                }
            }
            Self::BehindHead { head } => write!(f, "strict admission: {head} waits before it"),
            Self::NoEstimate { head } => write!(f, "it has no run-time estimate, so it may not be backfilled before {head}"),
            Self::WouldDelay { head, promised } => write!(f, "it would delay {head}, promised to start at {promised}"),
            Self::Evicting { victims } => write!(f, "{victims} tasks of lower priority are being evicted for it"),
            Self::Dependencies => f.write_str("it waits for other tasks of its job"),
            Self::NoTarget => f.write_str("no other node has room for the move"),
        }
    }
}

/// Why an attempt ended, or why the system stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It exited with this code.
    Exit(i32),
    /// It ran longer than its `timeout_s`.
    Timeout,
    /// It ran longer than its estimate, and the policy kills such attempts.
    Overrun,
    /// Its node was lost.
    NodeLost,
    /// The node refused to start it.
    StartRefused,
    /// Evicted for a task of higher priority.
    Preempted,
    /// Evicted because its node is drained.
    Drained,
    /// Its gang could not start whole.
    RolledBack,
    /// A mate or a task that it waited for failed.
    FailFast,
    /// A user stopped it.
    Requested,
    /// No node could ever hold it.
    Unplaceable,
    /// It used more memory than it has.
    OutOfMemory,
    /// Its health check failed.
    Unhealthy,
    /// Its image is not on the node, and is not to be had.
    ImageMissing,
    /// The registry does not give its image to this node: wrong credentials, or none.
    ImageDenied,
    /// One of its host ports is taken by something that is not a task.
    PortTaken,
    /// The node's engine was stopped or restarted under it.
    EngineLost,
    /// Somebody had the node's engine kill it, past this system.
    Killed,
}

impl Cause {
    /// Whether an attempt that ended so counts against the task's attempts.
    #[must_use]
    pub fn charges_attempt(self) -> bool {
        !matches!(self, Self::Preempted | Self::Drained | Self::RolledBack)
    }

    /// The stable code, as documents write it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Exit(_) => "exit",
            Self::Timeout => "timeout",
            Self::Overrun => "overrun",
            Self::NodeLost => "node_lost",
            Self::StartRefused => "start_refused",
            Self::Preempted => "preempted",
            Self::Drained => "drained",
            Self::RolledBack => "rolled_back",
            Self::FailFast => "fail_fast",
            Self::Requested => "requested",
            Self::Unplaceable => "unplaceable",
            Self::OutOfMemory => "out_of_memory",
            Self::Unhealthy => "unhealthy",
            Self::ImageMissing => "image_missing",
            Self::ImageDenied => "image_denied",
            Self::PortTaken => "port_taken",
            Self::EngineLost => "engine_lost",
            Self::Killed => "killed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_back_from_text_and_from_bytes() {
        let gang = WaitReason::GangShort { fitted: 1, of: 3, cores: Cores(2), memory: Bytes::ZERO, nearest: Some(NodeId(7)) };
        let behind = WaitReason::BehindHead { head: TaskKey { job: JobId(300), instance: 4 } };
        for reason in [gang, behind, WaitReason::NoNode, WaitReason::MemoryShort { short_by: Bytes(1 << 40), nearest: NodeId(0) }] {
            let text = serde_json::to_value(reason).unwrap();
            assert_eq!((&text["code"], serde_json::from_value(text.clone()).ok()), (&reason.code().into(), Some(reason)));
            // Something after it shows that no more and no less is read.
            let bytes = postcard::to_stdvec(&(Some(reason), 77u8)).unwrap();
            assert_eq!(postcard::from_bytes(&bytes), Ok((Some(reason), 77u8)));
        }
        assert!(postcard::from_bytes::<WaitReason>(b"\x02no").is_err());
    }
}
