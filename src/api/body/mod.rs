//! Bodies of requests and answers: the types that the API writes and its clients read.
//!
//! What has a document of its own in `model` (jobs, policies, saved states) is not repeated here.

mod action;
mod event;
mod job;
mod node;
mod policy;
mod problem;
mod submit;
mod summary;
mod system;
mod time;
mod token;
mod words;

pub use action::{Action, GroupMigration, JobAction, Migration, NodeAction, NodeDeed, TaskAction, TaskDeed};
pub use event::EventBody;
pub use job::{Attempt, Instance, Job, Move, Placement, Reason, Task};
pub use node::{Amount, Holder, Node, NodeDetail, NodeList, NodePatch, NodeTaken};
pub use policy::{Policies, PolicyBody};
pub use problem::Problem;
pub use submit::{Checked, CheckedTask, Taken, TaskPatch, WantedResources};
pub use summary::{JobList, JobSummary, TaskCounts, WaitingTask, Why};
pub use system::{ActorBody, Actors, Health};
pub use time::Time;
pub use token::{MadeToken, NewToken, NewWorker, TokenBody, TokenList};
pub use words::{JOB_STATES, TASK_STATES};
pub(in crate::api) use words::{job_state, node_state, placeholder};
