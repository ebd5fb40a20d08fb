//! The vocabulary of Wharfinger: ids, units, jobs, tasks, nodes, cpusets, states, reasons and the protocol.
//!
//! What lives here is said by every machine; what decides (a policy's algorithm) or touches the world (a socket, a
//! clock) may not.

mod container;
mod cpuset;
mod distribution;
pub mod document;
mod event;
mod ids;
mod job;
mod join;
mod label;
mod name;
mod node;
mod order;
mod plan;
mod policy;
mod port;
mod protocol;
mod reason;
mod request;
mod state;
mod tagged;
mod time;
mod topology;
mod units;

pub use container::{ContainerSpec, HealthCheck, Network, Volume};
pub use cpuset::{BadCpuSet, CpuSet, MOST_CORES};
pub use distribution::Distribution;
pub use event::{Event, Numbered};
pub use ids::{Fence, JobId, NodeId, PlanId, Run, ShapeId, TaskKey};
pub use job::{Amendment, Condition, JobBody, JobSpec, OnFailure, Pin, PlacementRules, Simulate, TaskKind, TaskSpec};
pub use join::{Join, Memory, PastEnd};
pub use label::{Constraint, Labels, Operator, Preference, label_matches};
pub use name::{BadName, LONGEST_NAME, Name};
pub use node::{NodeClass, NodeSpec, NodeState};
pub use order::{Action, Image, Kept, Order, Start};
pub use plan::{Checkpoint, CoreWish, Move, Placement, Plan, Resize, Size, Stop};
pub use policy::{Admission, CoreChoice, Fit, Order as QueueOrder, Policy, PolicyName, UnknownWord};
pub use port::{HostPort, Protocol};
pub use protocol::{
    Change, Finding, JoinRefusal, Message, Operation, Outbox, Progress, Report, ReportBody, Status, Timer, ToAgent, ToDiscovery,
    ToFrontEnd, ToGlobalManager, ToJobManager,
};
pub use reason::{Cause, WaitReason};
pub use request::{Answer, Refusal, Request, Role, Submission, SubmitKey, Token};
pub use state::{JobState, TaskState};
pub use time::{Millis, Seconds};
pub use topology::{BadTopology, Topology, TopologySpec};
pub use units::{BadBytes, Bytes, Cores};
