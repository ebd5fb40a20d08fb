//! From what the view knows to what the API shows.

mod cells;
mod event;
mod history;
mod job;
mod node;
mod queue;

pub use cells::{held, job_label, node_cells};
pub use event::event;
pub use history::history;
pub use job::{instance, job, reason_code, summary, task, waiting};
pub use node::{detail, node, node_word};
pub use queue::queue;

use actors::View;
use model::{Name, NodeId};

/// The name of a node.
pub fn node_name(view: &View, node: NodeId) -> Option<Name> {
    Some(view.nodes().get(node.index())?.spec.name.clone())
}
