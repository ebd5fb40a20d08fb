//! What notebooks of the earlier system read, written from the view: jobs, workers and how busy they are, in that system's words. It is best
//! effort, behind the events and never in their way: what waits to be written is a set of names, and each is written as it stands then.

use std::collections::BTreeSet;
use std::time::Duration;

use actors::{JobView, NodeView, View};
use model::{Event, JobId, JobState, Millis, NodeId, NodeState};
use serde_json::{Map, Value, json};

use super::door::Door;
use crate::store::{Notebook, StoreError};

/// Between two rounds: changes meanwhile are written once.
const ROUND: Duration = Duration::from_secs(1);
/// How long is waited before writing is tried again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many jobs are copied from the view at once.
const COPIED: usize = 256;

/// Writes until the system ends.
pub async fn keep_notebook(door: Door, notebook: Notebook) {
    let mut latest = door.latest();
    let mut due = Due::default();
    loop {
        let _ = *latest.borrow_and_update();
        door.view(|view| due.look(view));
        match due.write(&door, &notebook).await {
            Ok(()) => {
                tokio::time::sleep(ROUND).await;
                if latest.changed().await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "the notebooks' collections cannot be written yet: {error}");
                tokio::time::sleep(PATIENCE).await;
                if latest.has_changed().is_err() {
                    return;
                }
            }
        }
    }
}

/// What is to be written.
#[derive(Debug, Default)]
struct Due {
    /// The latest event that was looked at.
    seen: u64,
    jobs: BTreeSet<JobId>,
    nodes: BTreeSet<NodeId>,
}

impl Due {
    /// Notes what changed; everything, where that is not known.
    fn look(&mut self, view: &View) {
        let (events, gap) = view.events_after(self.seen);
        if self.seen == 0 || gap {
            self.jobs.extend(view.jobs().map(|job| job.id));
            self.nodes.extend((0..view.nodes().len()).map(|index| NodeId(index as u32)));
        } else {
            events.for_each(|numbered| self.note(&numbered.event));
        }
        self.seen = view.latest_seq();
    }

    fn note(&mut self, event: &Event) {
        let (job, node) = match event {
            Event::Job { job, .. } => (Some(*job), None),
            Event::Task { task, .. } => (Some(task.job), None),
            Event::Reserved { task, node, .. } | Event::Released { task, node, .. } | Event::Resized { task, node, .. } => {
                (Some(task.job), Some(*node))
            }
            Event::Node { node, .. } | Event::Joined { node, .. } => (None, Some(*node)),
            _ => (None, None),
        };
        self.jobs.extend(job);
        self.nodes.extend(node);
    }

    /// Writes it. What was written is no longer due, also where the rest fails; one document that the server refuses does not hold up others.
    async fn write(&mut self, door: &Door, notebook: &Notebook) -> Result<(), StoreError> {
        let (now, nodes) = (door.now(), self.nodes.clone());
        let copied: Vec<_> = door.view(|view| nodes.iter().filter_map(|id| Some((*id, worker(view.nodes().get(id.index())?)))).collect());
        let mut refused = Ok(());
        for (id, (name, document, used)) in copied {
            let written = async {
                notebook.worker(&name, document.as_ref()).await?;
                notebook.sample(&name, seconds(now), used).await
            };
            if let Some(error) = refusal(written.await)? {
                refused = Err(error);
            } else {
                self.nodes.remove(&id);
            }
        }
        let due: Vec<JobId> = self.jobs.iter().copied().collect();
        for some in due.chunks(COPIED) {
            let copied: Vec<_> = door.view(|view| some.iter().map(|id| (*id, view.job(*id).map(|of| job(view, of)))).collect());
            for (id, document) in copied {
                let written = match document {
                    Some(document) => notebook.job(&id.to_string(), &document).await,
                    None => Ok(()),
                };
                if let Some(error) = refusal(written)? {
                    refused = Err(error);
                } else {
                    self.jobs.remove(&id);
                }
            }
        }
        refused
    }
}

/// Why one document was not written, if it was not.
///
/// # Errors
/// Where no server is there for any other either.
fn refusal(written: Result<(), StoreError>) -> Result<Option<StoreError>, StoreError> {
    match written {
        Ok(()) => Ok(None),
        Err(error @ StoreError::Unreachable { .. }) => Err(error),
        Err(error) => Ok(Some(error)),
    }
}

/// Seconds since the epoch, as the earlier system wrote times.
fn seconds(at: Millis) -> f64 {
    at.0 as f64 / 1000.0
}

/// A job in the earlier system's form.
fn job(view: &View, job: &JobView) -> Value {
    let status = match job.state {
        JobState::Accepted | JobState::Queued => "Ready",
        JobState::Deploying | JobState::Running | JobState::Stopping => "Deployed",
        JobState::Succeeded | JobState::Failed | JobState::Stopped => "Down",
    };
    let time = |at: Option<Millis>| at.map_or(json!(0), |at| json!(seconds(at)));
    let tasks: Map<String, Value> = (0..job.spec.body.tasks.len()).map(|index| task(view, job, index, status)).collect();
    json!({
        "job_name": job.spec.name,
        "job_info": { "network": {}, "tasks": tasks },
        "status": status,
        "submit_time": seconds(job.submitted),
        "start_time": time(job.started),
        "end_time": time(job.ended),
    })
}

/// A task with the place of its first instance; the earlier system had one of each.
fn task(view: &View, job: &JobView, index: usize, status: &str) -> (String, Value) {
    let spec = &job.spec.body.tasks[index];
    let first = job.spec.body.instances_of(index).start as usize;
    let place = job.tasks.get(first);
    let node = place.and_then(|place| view.nodes().get(place.node?.index()));
    let held = place.and_then(|place| place.held.as_ref()).map(|(cpuset, _)| cpuset.to_string());
    let container = spec.container.as_deref();
    let name = format!("{}_{}", job.spec.name, spec.name);
    let words = container.map(|container| container.command.iter().map(String::as_str));
    // A word that no shell can hold, with a zero in it, was refused with its document.
    let command = words.and_then(|words| shlex::try_join(words).ok());
    let document = json!({
        "container_name": name,
        "node": node.map_or("", |node| node.spec.name.as_str()),
        "image": container.map(|container| &container.image),
        "detach": true,
        "command": command.unwrap_or_default(),
        "req_cores": spec.cores.0,
        "cpuset_cpus": held.unwrap_or_default(),
        "mem_limit": format!("{}b", spec.memory.0),
        "ports": container.map(|container| &container.ports),
        "environment": container.map(|container| &container.environment),
        "count": spec.count,
        "status": status,
    });
    (name, document)
}

/// A worker in the earlier system's form, none of one that has left, and the share of its cores that are used.
fn worker(node: &NodeView) -> (String, Option<Value>, f64) {
    let class = &node.spec.class;
    let taken: BTreeSet<u32> = node.held.values().flat_map(|(_, cpuset)| cpuset.iter()).collect();
    let cpus: Map<String, Value> = class.offered.iter().map(|core| (core.to_string(), json!(taken.contains(&core)))).collect();
    let free = class.memory.0.saturating_sub(node.used_memory.0);
    let hostname = node.spec.name.to_string();
    let document = json!({ "hostname": hostname, "CPUs": cpus, "MemFree": format!("{:.1}m", free as f64 / f64::from(1 << 20)) });
    let used = f64::from(node.used_cores.0) / f64::from(class.task_cores().0.max(1));
    (hostname, (node.state != NodeState::Left).then_some(document), used)
}
