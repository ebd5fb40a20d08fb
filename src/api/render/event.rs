//! Events: those that say what changed. What the view alone needs (what a ledger holds, shapes of waiting tasks) is left out.

use actors::View;
use model::{Cause, Event, JobId, Name, NodeId, Numbered, Run, TaskKey};
use serde_json::{Value, json};

use super::{node_name, node_word, reason_code};
use crate::api::body::{EventBody, PolicyBody, Time};

/// The event as it is sent, where it is one that is.
pub fn event(view: &View, numbered: &Numbered) -> Option<EventBody> {
    let mut body = blank(numbered);
    match &numbered.event {
        Event::Job { job, from, to, cause } => {
            body.kind = "job.state".to_owned();
            of_job(view, &mut body, *job);
            states(&mut body, from.word(), to.word());
            body.reason = cause.map(reason_code);
        }
        Event::Task { task, run, node, from, to, cause } => {
            body.kind = "task.state".to_owned();
            of_task(view, &mut body, *task);
            states(&mut body, from.word(), to.word());
            (body.attempt, body.placement) = (Some(run.attempt), Some(run.placement));
            body.node = node.and_then(|node| node_name(view, node));
            body.reason = cause.map(reason_code);
            if let Some(Cause::Exit(code)) = cause {
                body.data = json!({"exit_code": code});
            }
        }
        Event::Node { node, from, to } => {
            body.kind = "node.state".to_owned();
            body.node = node_name(view, *node);
            states(&mut body, node_word(*from), node_word(*to));
        }
        Event::Joined { node, epoch, .. } => {
            of_action(view, &mut body, *node, json!({"action": "joined", "epoch": epoch}));
        }
        Event::Cordoned { node, cordoned } => {
            of_action(view, &mut body, *node, json!({"action": if *cordoned { "cordon" } else { "uncordon" }}));
        }
        Event::Suspected { node, suspect } => {
            of_action(view, &mut body, *node, json!({"action": if *suspect { "suspect" } else { "heard" }}));
        }
        Event::Labelled { node, labels } => {
            of_action(view, &mut body, *node, json!({"action": "label", "labels": labels}));
        }
        Event::Prepared { task, run, node } => {
            body.kind = "task.prepared".to_owned();
            of_run(view, &mut body, *task, *run, *node);
        }
        Event::Checkpointed { task, run, node, image, kept } => {
            body.kind = "task.checkpoint".to_owned();
            of_run(view, &mut body, *task, *run, *node);
            body.data = json!({"bytes": image.size.0, "kept": kept});
        }
        Event::Resized { task, run, node, cpuset, memory, settled: true, .. } => {
            body.kind = "task.resized".to_owned();
            of_run(view, &mut body, *task, *run, *node);
            body.data = json!({"cpuset": cpuset.to_string(), "memory_bytes": memory.0});
        }
        Event::PolicyChanged { policy } => {
            body.kind = "policy.changed".to_owned();
            body.data = serde_json::to_value(PolicyBody::from(*policy)).unwrap_or(Value::Null);
        }
        Event::Reserved { .. } | Event::Released { .. } | Event::Resized { .. } | Event::Shaped { .. } | Event::Waiting { .. } => {
            return None;
        }
    }
    Some(body)
}

/// What all events have, and nothing more.
fn blank(numbered: &Numbered) -> EventBody {
    EventBody {
        id: format!("e{}", numbered.seq),
        seq: numbered.seq,
        time: Time(numbered.time),
        kind: String::new(),
        tenant: None,
        job: None,
        task: None,
        index: None,
        node: None,
        attempt: None,
        placement: None,
        from: None,
        to: None,
        reason: None,
        data: json!({}),
    }
}

fn states(body: &mut EventBody, from: &str, to: &str) {
    (body.from, body.to) = (Some(from.to_owned()), Some(to.to_owned()));
}

fn of_action(view: &View, body: &mut EventBody, node: NodeId, data: Value) {
    (body.kind, body.node, body.data) = ("node.action".to_owned(), node_name(view, node), data);
}

fn of_job(view: &View, body: &mut EventBody, job: JobId) {
    body.job = Some(job.to_string());
    body.tenant = view.job(job).and_then(|job| job.spec.body.tenant.clone());
}

fn of_run(view: &View, body: &mut EventBody, task: TaskKey, run: Run, node: NodeId) {
    of_task(view, body, task);
    (body.attempt, body.placement, body.node) = (Some(run.attempt), Some(run.placement), node_name(view, node));
}

fn of_task(view: &View, body: &mut EventBody, task: TaskKey) {
    of_job(view, body, task.job);
    let known = view.job(task.job).map(|job| &job.spec.body).filter(|known| task.instance < known.instances());
    let place: Option<(Name, u32)> = known.map(|known| {
        let index = known.task_of(task.instance);
        (known.tasks[index].name.clone(), task.instance - known.instances_of(index).start)
    });
    // Of a job that is forgotten, the position among all of its instances is left.
    body.index = Some(place.as_ref().map_or(task.instance, |(_, index)| *index));
    body.task = place.map(|(name, _)| name);
}
