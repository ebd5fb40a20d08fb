//! What is known of a run at a moment, and what has changed since the frame before.

use std::collections::{BTreeMap, BTreeSet};

use model::{CpuSet, Millis, NodeState};

use super::{Known, Row};
use crate::api::body::TASK_STATES;
use crate::api::body::cells::{Frame, Freed, Held, JobLabel, NodeCells, runs};
use crate::report::files::event_kind;

/// A node, a job, and an instance of it.
type Place = (u32, u32, u32);

/// A node as it stands.
#[derive(Debug, Default)]
struct Node {
    name: String,
    state: String,
    since: Millis,
    cordoned: bool,
    suspect: bool,
    cores: CpuSet,
    memory: u64,
}

/// What an instance holds.
#[derive(Debug, Default)]
struct Hold {
    cpuset: CpuSet,
    state: String,
    since: Millis,
    started: Option<Millis>,
}

/// The book.
#[derive(Debug)]
pub struct Book {
    policy: String,
    jobs: Vec<Known>,
    nodes: BTreeMap<u32, Node>,
    held: BTreeMap<Place, Hold>,
    waiting: u64,
    placed: u64,
    changed_nodes: BTreeSet<u32>,
    changed: BTreeSet<Place>,
    placed_jobs: BTreeSet<u32>,
    begun: bool,
    frames: Vec<u8>,
}

impl Book {
    /// An empty book of a run that begins under a policy, with the jobs of it by id.
    pub(super) fn new(policy: String, jobs: Vec<Known>) -> Self {
        Self {
            policy,
            jobs,
            nodes: BTreeMap::new(),
            held: BTreeMap::new(),
            waiting: 0,
            placed: 0,
            changed_nodes: BTreeSet::new(),
            changed: BTreeSet::new(),
            placed_jobs: BTreeSet::new(),
            begun: false,
            frames: Vec::new(),
        }
    }

    /// Takes an event in.
    pub(super) fn take(&mut self, row: &Row) {
        let place = (row.node, row.job, row.instance);
        match row.kind {
            event_kind::JOINED => {
                let node = self.node(row.node);
                (node.cores, node.memory) = (row.cpuset.parse().unwrap_or_default(), row.memory);
                row.name.clone_into(&mut node.name);
            }
            event_kind::NODE => {
                let node = self.node(row.node);
                (node.state, node.since) = (row.to.to_owned(), row.time);
            }
            event_kind::CORDONED | event_kind::UNCORDONED => self.node(row.node).cordoned = row.kind == event_kind::CORDONED,
            event_kind::SUSPECT | event_kind::HEARD => self.node(row.node).suspect = row.kind == event_kind::SUSPECT,
            event_kind::RESERVED => self.reserve(place, row),
            event_kind::RESIZED => {
                if let Some(hold) = self.held.get_mut(&place) {
                    hold.cpuset = row.cpuset.parse().unwrap_or_default();
                    self.changed.insert(place);
                }
            }
            event_kind::RELEASED => {
                self.held.remove(&place);
                self.changed.insert(place);
            }
            event_kind::TASK => {
                self.waiting = (self.waiting + u64::from(row.to == "ready")).saturating_sub(u64::from(row.from == "ready"));
                if let Some(hold) = self.held.get_mut(&place) {
                    (hold.state, hold.since) = (row.to.to_owned(), row.time);
                    if row.to == "running" {
                        hold.started.get_or_insert(row.time);
                    }
                    self.changed.insert(place);
                }
            }
            event_kind::POLICY => row.policy.clone_into(&mut self.policy),
            _ => {}
        }
    }

    fn node(&mut self, node: u32) -> &mut Node {
        self.changed_nodes.insert(node);
        self.nodes.entry(node).or_default()
    }

    fn reserve(&mut self, place: Place, row: &Row) {
        let cpuset = row.cpuset.parse().unwrap_or_default();
        self.held.insert(place, Hold { cpuset, state: "scheduled".to_owned(), since: row.time, started: None });
        self.changed.insert(place);
        self.placed_jobs.insert(place.1);
        self.placed += 1;
    }

    /// Writes the frame of a moment, where anything has changed.
    pub fn flush(&mut self, now: Millis) {
        if self.begun && self.changed.is_empty() && self.changed_nodes.is_empty() {
            return;
        }
        let mut frame = Frame {
            anew: !self.begun,
            whole: !self.begun,
            time: now.0,
            policy: self.policy.clone(),
            waiting: self.waiting,
            placed: self.placed,
            ..Frame::default()
        };
        frame.nodes.extend(std::mem::take(&mut self.changed_nodes).iter().map(|id| cells(*id, &self.nodes[id], now)));
        for job in std::mem::take(&mut self.placed_jobs) {
            frame.jobs.extend(self.job(job).map(|job| JobLabel { submitted_ms: now.since(job.submitted).0, ..job.label.clone() }));
        }
        for place in std::mem::take(&mut self.changed) {
            let (node, job, instance) = place;
            match self.held.get(&place) {
                None => frame.freed.push(Freed { node, job, instance }),
                Some(hold) => frame.held.push(Held {
                    node,
                    job,
                    instance,
                    state: TASK_STATES.iter().position(|known| known.word() == hold.state).unwrap_or_default() as u8,
                    cores: runs(&hold.cpuset),
                    for_ms: now.since(hold.since).0,
                    started_ms: hold.started.map(|started| now.since(started).0),
                    expected_ms: self.job(job).map_or(0, |job| job.expected(instance)),
                }),
            }
        }
        self.begun = true;
        self.frames.extend(frame.packed());
    }

    fn job(&self, job: u32) -> Option<&Known> {
        self.jobs.binary_search_by_key(&job, |known| known.label.job).ok().map(|at| &self.jobs[at])
    }

    /// All frames.
    pub fn frames(self) -> Vec<u8> {
        self.frames
    }
}

impl Known {
    /// How long an instance is expected to run; they are numbered through the tasks.
    fn expected(&self, instance: u32) -> u64 {
        let ends = self.label.tasks.iter().scan(0, |end, (_, count)| {
            *end += count;
            Some(*end)
        });
        ends.zip(&self.expected).find(|(end, _)| instance < *end).map_or(0, |(_, expected)| *expected)
    }
}

fn cells(id: u32, node: &Node, now: Millis) -> NodeCells {
    NodeCells {
        node: id,
        name: node.name.clone(),
        state: NodeState::WORDS.iter().position(|(_, word)| *word == node.state).unwrap_or_default() as u8,
        for_ms: now.since(node.since).0,
        cordoned: node.cordoned,
        suspect: node.suspect,
        cores: runs(&node.cores),
        memory_bytes: node.memory,
        ..NodeCells::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(time: u64, kind: &'a str, to: &'a str) -> Row<'a> {
        Row { time: Millis(time), kind, to, instance: 2, memory: 1 << 30, ..Row::default() }
    }

    /// The frames, read back.
    fn read(mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let (frame, after) = rest.split_at(u32::from_le_bytes(*length) as usize);
            frames.push(postcard::from_bytes(frame).unwrap());
            bytes = after;
        }
        frames
    }

    #[test]
    fn frames_tell_what_changed_since_the_one_before() {
        let label = JobLabel { name: "tide".into(), tasks: vec![("begin".into(), 2), ("go".into(), 1)], ..JobLabel::default() };
        let mut book = Book::new("best-fit".into(), vec![Known { label, submitted: Millis(5), expected: vec![0, 70] }]);
        book.take(&Row { cpuset: "2-5", name: "alpha", ..row(0, event_kind::JOINED, "") });
        book.take(&row(0, event_kind::NODE, "ready"));
        book.take(&Row { from: "blocked", ..row(5, event_kind::TASK, "ready") });
        book.flush(Millis(9));
        book.take(&Row { cpuset: "4-5", ..row(10, event_kind::RESERVED, "") });
        book.take(&Row { from: "ready", ..row(10, event_kind::TASK, "scheduled") });
        book.take(&Row { from: "scheduled", ..row(12, event_kind::TASK, "running") });
        book.flush(Millis(20));
        book.flush(Millis(21));
        book.take(&row(30, event_kind::RELEASED, ""));
        book.take(&Row { policy: "l2", ..row(30, event_kind::POLICY, "") });
        book.flush(Millis(30));
        let frames = read(&book.frames());
        assert_eq!(frames.len(), 3, "nothing happened between the second and the last: {frames:?}");
        assert!(frames[0].anew && frames[0].whole && !frames[1].anew);
        assert_eq!((frames[0].nodes[0].state, frames[0].waiting, frames[1].waiting), (1, 1, 0));
        // The host keeps the lowest two.
        assert_eq!((frames[0].nodes[0].name.as_str(), frames[0].nodes[0].cores.as_slice()), ("alpha", &[(2, 4)][..]));
        assert_eq!((frames[1].held[0].state, frames[1].held[0].started_ms, frames[1].jobs[0].submitted_ms), (3, Some(8), 15));
        assert_eq!(frames[1].held[0].expected_ms, 70, "its third instance is that of the second task");
        assert_eq!((frames[2].freed.len(), frames[2].policy.as_str()), (1, "l2"));
    }
}
