//! `management nodes` and `management node`: the nodes of a live system, and what runs on one.

use clap::Args;
use model::{Name, NodeState};

use super::failure::{Failure, Outcome};
use super::pages;
use super::server::ServerArguments;
use super::shape::{Shape, facts, grid, labels, memory, moment};
use crate::api::body::{Holder, Node, NodeDetail, NodeList};
use crate::client::Call;

/// List the nodes of a live system
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management nodes
  management nodes -o json")]
pub struct Nodes {
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Show a node of a live system, and what holds cores on it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management node pier-1
  management node n0 -o json")]
pub struct Arguments {
    /// The node's name or id
    node: String,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs `nodes`.
pub fn all(arguments: &Nodes) -> Result<Outcome, Failure> {
    let nodes = pages::nodes(&arguments.server.client()?)?;
    arguments.output.print(&NodeList { nodes, next_cursor: None }, |list| table(&list.nodes))?;
    Ok(Outcome::Done)
}

/// Runs `node`.
pub fn one(arguments: &Arguments) -> Result<Outcome, Failure> {
    let node: NodeDetail = arguments.server.client()?.read(&Call::get(&["v1", "nodes", &arguments.node]))?;
    arguments.output.print(&node, detail)?;
    Ok(Outcome::Done)
}

fn state(node: &Node) -> String {
    let word = NodeState::WORDS.iter().find(|(state, _)| *state == node.state).map_or("", |(_, word)| word);
    let flags = [(node.cordoned, "cordoned"), (node.suspect, "suspect")];
    let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag);
    std::iter::once(word).chain(flags).collect::<Vec<_>>().join(", ")
}

fn table(nodes: &[Node]) -> String {
    let row = |node: &Node| {
        vec![
            node.id.clone(),
            node.name.to_string(),
            state(node),
            format!("{} of {}", node.allocated.cores, node.capacity.cores),
            format!("{} of {}", memory(node.allocated.memory_bytes), memory(node.capacity.memory_bytes)),
            moment(node.since),
            labels(&node.labels),
        ]
    };
    let header = ["node", "name", "state", "cores held", "memory held", "since", "labels"];
    grid(&header, &["cores held", "memory held"], nodes.iter().map(row).collect())
}

fn detail(detail: &NodeDetail) -> String {
    let node = &detail.node;
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let told = facts(&[
        ("node", Some(format!("{} ({})", node.id, node.name))),
        ("state", Some(format!("{} since {}", state(node), moment(node.since)))),
        ("pressure", (node.pressure != "none").then(|| node.pressure.clone())),
        ("labels", known(labels(&node.labels))),
        ("cores", Some(format!("{} of {} held ({})", node.allocated.cores, node.capacity.cores, node.cpuset))),
        ("memory", Some(format!("{} of {} held", memory(node.allocated.memory_bytes), memory(node.capacity.memory_bytes)))),
        ("epoch", Some(node.epoch.to_string())),
    ]);
    let row = |holder: &Holder| {
        let task = holder.task.as_ref().map(Name::to_string).unwrap_or_default();
        vec![holder.job.clone(), format!("{task}[{}]", holder.index), holder.attempt.to_string(), holder.cpuset.to_string()]
    };
    told + &grid(&["job", "task", "attempt", "cores"], &["attempt"], detail.tasks.iter().map(row).collect())
}
