//! The messages between the machines: the same types in virtual time, in mailboxes, on links and in logs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Amendment, Bytes, Cause, Cores, CpuSet, Event, Fence, Image, JobId, JobSpec, Join, Kept, Labels, Millis, Name, NodeId, NodeSpec, Order,
    Placement, Plan, Policy, Request, Run, Size, Stop, TaskKey, Token,
};

/// A message; its variant names the machine that it goes to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// To the FrontEnd.
    FrontEnd(ToFrontEnd),
    /// To the JobManager.
    JobManager(ToJobManager),
    /// To the GlobalManager.
    GlobalManager(ToGlobalManager),
    /// To the agent on a node.
    Agent(NodeId, ToAgent),
    /// To Discovery.
    Discovery(ToDiscovery),
}

/// To the FrontEnd.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToFrontEnd {
    /// What a client asks for.
    Request(Request),
    /// What became public at an actor, in order, to be numbered.
    Events(Vec<(Millis, Event)>),
}

/// Operations, passed on to the machine that owns the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Stop a job.
    Stop(JobId),
    /// Stop one task instance; what waits for it never runs.
    StopTask(TaskKey),
    /// Use another policy from the next round on; the queue is kept.
    SetPolicy(Policy),
    /// Give a node no new tasks, or give it new ones again.
    Cordon {
        /// Which node.
        node: Name,
        /// No new tasks.
        cordoned: bool,
    },
    /// Empty a node: its tasks move or start again elsewhere.
    Drain {
        /// Which node.
        node: Name,
        /// Move running tasks with their state where possible.
        migrate: bool,
    },
    /// Take a drained node back.
    Undrain {
        /// Which node.
        node: Name,
    },
    /// Drain a node, then let it go; its worker ends, and its name may be given anew.
    Remove {
        /// Which node.
        node: Name,
        /// At once: what runs there is lost.
        force: bool,
    },
    /// Move one running task instance.
    Migrate {
        /// Which instance.
        task: TaskKey,
        /// Where to; absent: where the policy says.
        to: Option<Name>,
    },
    /// Give a node other labels, until its worker joins with nothing running; what runs there stays.
    Label {
        /// Which node.
        node: Name,
        /// All that it has from now on.
        labels: Labels,
    },
    /// Change what waits of a job, from the next round on.
    Amend {
        /// Which job.
        job: JobId,
        /// What is changed.
        amendment: Amendment,
    },
    /// Give a running task instance other cores or other memory, as soon as its node has room.
    Resize {
        /// Which instance.
        task: TaskKey,
        /// What it shall have.
        size: Size,
    },
    /// Checkpoint a running task instance where it is, and keep the image; it goes on.
    Checkpoint(TaskKey),
}

/// What a saved state knows of one task instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Not started.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended otherwise and shall be tried again.
    Again {
        /// As a run later than this one.
        after: Run,
        /// From this checkpoint, and from its beginning where there is none.
        from: Option<Kept>,
    },
    /// Runs on these cores of this node.
    Running {
        /// Where.
        node: Name,
        /// On which cores.
        cpuset: CpuSet,
        /// Which attempt.
        attempt: u16,
        /// When it started.
        started: Millis,
        /// When it will end, where that is known; else its duration is drawn as that of a new attempt.
        ends: Option<Millis>,
    },
}

/// To the JobManager.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToJobManager {
    /// A durable job to queue.
    Admit {
        /// Its id.
        job: JobId,
        /// Its spec.
        spec: JobSpec,
        /// When it was submitted.
        submitted: Millis,
        /// What a saved state knows of its instances; empty for a new job.
        progress: Vec<Progress>,
    },
    /// An operation that changes the queue, the policy, or what runs where.
    Operate(Operation),
    /// The GlobalManager's answer to the plan in flight.
    Planned {
        /// Placements that it refused, whole gangs at a time; all others hold.
        refused: Vec<Placement>,
    },
    /// A new node, or one that came back with a new epoch and nothing running.
    NodeReady {
        /// Its id.
        node: NodeId,
        /// What it offers.
        spec: Arc<NodeSpec>,
    },
    /// A node was lost; what it held is reported task by task before this.
    NodeLost(NodeId),
    /// A later state of a run.
    Changed {
        /// Which instance.
        task: TaskKey,
        /// Which run.
        run: Run,
        /// Where.
        node: NodeId,
        /// What happened.
        change: Change,
    },
    /// A node was not heard of for a while, or is heard of again. Its lease holds, and so do its tasks.
    NodeSuspect {
        /// Its id.
        node: NodeId,
        /// Not heard of.
        suspect: bool,
    },
}

/// What happened to a run, with what it gave back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It runs.
    Started,
    /// It ended; its cores and memory are free.
    Ended {
        /// Why.
        cause: Cause,
        /// The cores that it held.
        cpuset: CpuSet,
        /// The memory that it held.
        memory: Bytes,
    },
    /// It runs at the target of its move; what it held at the source is free.
    Moved {
        /// The node that it left.
        from: NodeId,
        /// The cores that it held there.
        cpuset: CpuSet,
        /// The memory that it held there.
        memory: Bytes,
    },
    /// Its move came to nothing; what was held at the target is free, and the source still has it or is lost too.
    MoveFailed {
        /// The target.
        target: NodeId,
        /// The cores that were held there.
        cpuset: CpuSet,
        /// The memory that was held there.
        memory: Bytes,
    },
    /// After a failed move it is restored at the source, as this later run.
    Resumed,
    /// Its move ended before its source was checkpointed, which runs on.
    Stayed,
    /// Its resize is over, whether it came to something or not.
    Resized {
        /// How many cores it has now.
        cores: Cores,
        /// How much memory it has now.
        memory: Bytes,
        /// The cores that are free again.
        freed: CpuSet,
        /// The memory that is free again.
        freed_memory: Bytes,
    },
}

/// To the GlobalManager.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToGlobalManager {
    /// A worker asks to join, or comes back.
    Join(Box<Join>),
    /// A plan to recheck, reserve and carry out.
    Propose(#[serde(with = "crate::plan::whole")] Box<Plan>),
    /// Stops outside a plan.
    Stop(Stop),
    /// From the FrontEnd: a token with which workers and actors may join.
    AddToken(Box<Token>),
    /// From the FrontEnd: it may not any more.
    RevokeToken(Name),
    /// An operation on a node.
    Operate(Operation),
    /// A job has ended: nobody asks about its runs any more.
    Forget(JobId),
    /// Discovery learned something.
    Found(Finding),
}

/// What Discovery reports once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// The node's lease has surely run out.
    NodeLost {
        /// Which node.
        node: NodeId,
        /// Which of its epochs.
        epoch: u32,
    },
    /// A later state of a run.
    Run {
        /// The node that reported it.
        node: NodeId,
        /// Which instance.
        task: TaskKey,
        /// Which run.
        run: Run,
        /// What was seen.
        status: Status,
    },
    /// Heartbeats of the node are missing, or it is heard of again; its lease holds.
    NodeSuspect {
        /// Which node.
        node: NodeId,
        /// Which of its epochs.
        epoch: u32,
        /// Not heard of.
        suspect: bool,
    },
}

/// To an agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToAgent {
    /// The answer to its join. Under the node and the epoch that it had, it keeps its runs.
    Welcome {
        /// The id of its node.
        node: NodeId,
        /// The fence that it lives under from now on.
        fence: Fence,
        /// The number of the join.
        join: u64,
    },
    /// It does not get in.
    NotAdmitted {
        /// The instance that asked.
        instance: u64,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The node was removed: stop everything, and do not come back.
    Removed,
    /// What to do with a run.
    Order(Order),
}

/// Why a worker does not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinRefusal {
    /// Another instance of its name is alive, or may be until its lease has run out.
    NameTaken,
    /// The actors file does not name its engine.
    Engine,
}

/// To Discovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToDiscovery {
    /// From the GlobalManager: watch this node's lease from now on.
    Watch {
        /// Which node.
        node: NodeId,
        /// Its name: reports come from whoever has it in its certificate.
        name: Name,
        /// Which of its epochs.
        epoch: u32,
        /// Between two of its heartbeats.
        heartbeat: Millis,
    },
    /// From the GlobalManager: nobody asks about this job any more.
    Forget(JobId),
    /// From the GlobalManager: the node came back without this run. Unless its end is known, its outcome never will be.
    Vanished {
        /// The node.
        node: NodeId,
        /// Which instance.
        task: TaskKey,
        /// Which run.
        run: Run,
    },
    /// From an agent.
    Report(Report),
}

/// What an agent reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which node.
    pub node: NodeId,
    /// The fence that it lives under.
    pub fence: Fence,
    /// Position in the node's stream of reports, from 1.
    pub seq: u64,
    /// What it has to say.
    pub body: ReportBody,
}

/// The body of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReportBody {
    /// It lives.
    Heartbeat,
    /// A run's status changed.
    Run {
        /// Which instance.
        task: TaskKey,
        /// Which run.
        run: Run,
        /// What it is now.
        status: Status,
    },
}

/// What an agent sees of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Its start, or its restore, is confirmed.
    Running,
    /// What its restore will need is ready.
    Prepared,
    /// It could not be made ready.
    Unprepared,
    /// It is stopped and its image is kept.
    Checkpointed(Image),
    /// It has ended.
    Ended(Cause),
    /// It could not be checkpointed for this placement, and runs on.
    CheckpointRefused {
        /// The placement that the order named.
        target: u16,
    },
    /// It was asked to take other cores or other memory.
    Resized {
        /// The number that the order had.
        number: u16,
        /// It has them; else it has what it had.
        done: bool,
    },
}

/// What a machine wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timer {
    /// The JobManager's next round.
    Round,
    /// Discovery looks at a node's lease.
    Lease(NodeId),
    /// An agent looks at a run's time limit.
    Limit(NodeId, TaskKey, Run),
    /// Discovery looks whether heartbeats of a node are missing.
    Suspect(NodeId),
}

/// What a step of a machine puts out. The carrier makes the step's record durable before it lets any of it leave.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Messages, in order.
    pub messages: Vec<Message>,
    /// Public events, in order.
    pub events: Vec<Event>,
    /// When to wake the machine again.
    pub timers: Vec<(Millis, Timer)>,
}
