//! Bodies of requests and answers: the types that the API writes and its clients read.
//!
//! What has a document of its own in `model` (jobs, policies, saved states) is not repeated here.

mod action;
mod carried;
pub mod cells;
mod event;
mod gc;
mod history;
mod job;
mod node;
mod policy;
mod problem;
mod queue;
mod submit;
mod summary;
mod system;
mod time;
mod token;
mod whatif;
mod words;

pub use action::{Action, GroupMigration, JobAction, Migration, NodeAction, NodeDeed, TaskAction, TaskDeed};
pub use carried::{Fetch, Fetched, KeptCheckpoint, Move, Progress};
pub use event::EventBody;
pub use gc::{Gc, GcQuestion, LeftoverFound, LeftoverKind};
pub use history::{History, HistoryMark, HistorySample, MarkKind};
pub use job::{Attempt, Instance, Job, Placement, Reason, ShortUnit, Task};
pub use node::{Amount, Holder, Node, NodeDetail, NodeList, NodePatch, NodeTaken};
pub use policy::{Policies, PolicyBody};
pub use problem::Problem;
pub use queue::{Queue, QueuedJob};
pub use submit::{Checked, CheckedTask, Taken, TaskPatch, WantedResources, submission_key};
pub use summary::{JobList, JobSummary, TaskCounts, WaitingTask, Why};
pub use system::{ActorBody, Actors, Health, WhoAmI};
pub use time::Time;
pub use token::{MadeToken, NewToken, NewWorker, TokenBody, TokenList};
pub use whatif::{Forecast, WhatIf, WhatIfQuestion};
pub use words::{JOB_STATES, TASK_STATES};
pub(in crate::api) use words::{job_state, node_state, placeholder};
