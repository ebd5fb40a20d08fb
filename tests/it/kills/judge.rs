//! What the public events of all lives of a system must say.

use std::collections::BTreeMap;

use model::{Event, JobId, NodeId, Run, TaskKey, TaskState};
use wharfinger::runtime::System;

/// No job that was answered is gone, no run was reserved or released twice, attempts follow each other, and what the events hold is what
/// the nodes hold.
pub fn judge(system: &System, accepted: &BTreeMap<String, JobId>) -> Result<(), String> {
    system.door.view(|view| {
        for (name, job) in accepted {
            let Some(shown) = view.job(*job) else { return Err(format!("{job} ({name}) was answered and is gone")) };
            if shown.spec.name.as_str() != name {
                return Err(format!("{job} is {} and was {name}", shown.spec.name));
            }
        }
        let (events, gone) = view.events_after(0);
        assert!(!gone, "the view keeps all events of so short a life");
        let mut held: BTreeMap<(TaskKey, Run), NodeId> = BTreeMap::new();
        let mut attempts: BTreeMap<TaskKey, u16> = BTreeMap::new();
        let mut seq = 0;
        for numbered in events {
            if numbered.seq != seq + 1 {
                return Err(format!("event {} follows {seq}", numbered.seq));
            }
            seq = numbered.seq;
            match &numbered.event {
                Event::Reserved { task, run, node, .. } => {
                    let before = held.insert((*task, *run), *node);
                    if before.is_some() {
                        return Err(format!("{task} {run:?} was reserved twice"));
                    }
                }
                Event::Released { task, run, .. } => {
                    let before = held.remove(&(*task, *run));
                    if before.is_none() {
                        return Err(format!("{task} {run:?} was released and not held"));
                    }
                }
                Event::Task { task, run, to: TaskState::Scheduled, .. } => {
                    let before = attempts.insert(*task, run.attempt).unwrap_or(0);
                    if run.attempt != before + 1 {
                        return Err(format!("{task}: attempt {} follows {before}", run.attempt));
                    }
                }
                _ => {}
            }
        }
        let live = held.keys().map(|(task, _)| task).collect::<Vec<_>>();
        if live.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a task has two live attempts".into());
        }
        let used: u32 = view.nodes().iter().map(|node| node.used_cores.0).sum();
        let holders: usize = view.nodes().iter().map(|node| node.held.len()).sum();
        match (held.len(), view.open_tasks()) {
            (0, 0) if used == 0 && holders == 0 => Ok(()),
            // Services and what fits nowhere are open for ever; what they hold is what the nodes hold.
            (held, _) if held == holders => Ok(()),
            (held, open) => Err(format!("{held} runs are held by the events, {holders} by the nodes; {open} tasks are open")),
        }
    })
}
