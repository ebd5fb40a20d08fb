//! Which task holds which core, as a stream of packed frames: everything at first, then what changed, at most ten times a second.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;

use actors::View;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use model::{Event, JobId, NodeId, TaskKey, TaskState};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::api::body::cells::{Frame, Freed};
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::QueryOf;
use crate::api::render;

/// The time between two frames of changes.
const PACE: Duration = Duration::from_millis(100);
/// A frame comes at the latest after this time, so that a reader knows that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Nodes that are told at once of all there is: the system stands still meanwhile.
const NODES_AT_ONCE: usize = 512;
/// Events that are read at once: more of them are the next frame's.
const EVENTS_AT_ONCE: usize = 16_384;

/// How much is sent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CellsQuery {
    /// How many frames; absent: until the reader goes.
    #[param(minimum = 1)]
    frames: Option<u32>,
}

/// Follow which task holds which core
#[utoipa::path(get, path = "/v1/cells", operation_id = "follow_cells", tag = "events", params(CellsQuery),
    responses((status = 200, description = "Frames (docs/formats/cells.md), compressed where the reader takes gzip", body = String,
        content_type = "application/octet-stream")))]
pub async fn follow_cells(State(desk): State<Desk>, QueryOf(query): QueryOf<CellsQuery>, headers: HeaderMap) -> Result<Response, ApiError> {
    let frames = match query.frames {
        Some(0) => return Err(ApiError::field("frames", "it is 0: at least one")),
        frames => frames.unwrap_or(u32::MAX),
    };
    let place = desk.stream()?;
    let gzip = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"));
    let reader = Reader {
        latest: desk.door.latest(),
        desk,
        frames,
        since: 0,
        waiting: 0,
        untold: Some(0),
        sent: Instant::now(),
        gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        _place: place,
    };
    let kind = (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let body = Body::from_stream(stream::unfold(reader, Reader::next));
    Ok(match gzip {
        true => ([kind, (CONTENT_ENCODING, HeaderValue::from_static("gzip"))], body).into_response(),
        false => ([kind], body).into_response(),
    })
}

/// Somebody who follows. A slow one gets fewer frames, never more of them at once: the next is made when the last is gone.
struct Reader {
    desk: Desk,
    frames: u32,
    /// The latest event that was told.
    since: u64,
    /// Task instances that wait for a place.
    waiting: u64,
    /// The first node of which not all was told yet; none: only changes are left to tell.
    untold: Option<usize>,
    sent: Instant,
    latest: watch::Receiver<u64>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    _place: OwnedSemaphorePermit,
}

/// What some events were about.
#[derive(Default)]
struct Touched {
    nodes: BTreeSet<NodeId>,
    /// Jobs of which something was placed.
    placed: BTreeSet<JobId>,
    held: BTreeMap<(NodeId, TaskKey), bool>,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        self.frames = self.frames.checked_sub(1)?;
        if self.untold.is_none() {
            self.pause().await?;
        }
        let frame = self.frame();
        self.sent = Instant::now();
        Some((Ok(self.compressed(frame.packed())), self))
    }

    /// Waits until it is time for the next frame; none where the system stops.
    async fn pause(&mut self) -> Option<()> {
        let desk = self.desk.clone();
        let due = async {
            tokio::time::sleep_until(self.sent + PACE).await;
            let _ = tokio::time::timeout_at(self.sent + KEEP_ALIVE, self.latest.changed()).await;
        };
        tokio::select! {
            () = desk.options.shutdown.cancelled() => None,
            () = due => Some(()),
        }
    }

    fn compressed(&mut self, packed: Vec<u8>) -> Bytes {
        let Some(gzip) = &mut self.gzip else { return packed.into() };
        gzip.write_all(&packed).and_then(|()| gzip.flush()).expect("memory takes what is written");
        std::mem::take(gzip.get_mut()).into()
    }

    fn frame(&mut self) -> Frame {
        let desk = self.desk.clone();
        self.latest.borrow_and_update();
        desk.door.view(|view| {
            let mut frame = match self.untold {
                Some(from) => self.part(view, from),
                None => self.changes(view),
            };
            (frame.seq, frame.time) = (self.since, desk.door.now().0);
            (frame.policy, frame.waiting, frame.placed) = (view.policy().to_string(), self.waiting, view.totals().placed);
            frame
        })
    }

    /// Some nodes with all that is on them. What changes meanwhile is told afterwards, and is true whatever was told before.
    fn part(&mut self, view: &View, from: usize) -> Frame {
        let now = self.desk.door.now();
        let mut frame = Frame { anew: from == 0, ..Frame::default() };
        if from == 0 {
            self.since = view.latest_seq();
            let tasks = view.jobs().filter(|job| !job.is_over()).flat_map(|job| &job.tasks);
            self.waiting = tasks.filter(|task| task.state == TaskState::Ready).count() as u64;
        }
        let mut jobs = BTreeSet::new();
        for (index, node) in view.nodes().iter().enumerate().skip(from).take(NODES_AT_ONCE) {
            let id = NodeId(index as u32);
            frame.nodes.push(render::node_cells(id, node, now));
            jobs.extend(node.held.keys().map(|task| task.job));
            frame.held.extend(node.held.iter().map(|(task, (_, cpuset))| render::held(view, id, *task, cpuset, now)));
        }
        frame.jobs.extend(jobs.into_iter().filter_map(|job| render::job_label(view, job, now)));
        self.untold = Some(from + NODES_AT_ONCE).filter(|next| *next < view.nodes().len());
        frame.whole = self.untold.is_none();
        frame
    }

    /// What the next events changed, as it is now. Where some of them are gone, everything is told anew.
    fn changes(&mut self, view: &View) -> Frame {
        let (events, gone) = view.events_after(self.since);
        if gone {
            return self.part(view, 0);
        }
        let mut touched = Touched::default();
        for numbered in events.take(EVENTS_AT_ONCE) {
            self.since = numbered.seq;
            self.waiting = touched.take_in(&numbered.event, self.waiting);
        }
        touched.told(view, self.desk.door.now())
    }
}

impl Touched {
    /// Takes an event in; how many instances wait after it.
    fn take_in(&mut self, event: &Event, waiting: u64) -> u64 {
        match event {
            Event::Reserved { task, node, .. } => {
                self.placed.insert(task.job);
                self.held.entry((*node, *task)).or_default();
            }
            Event::Resized { task, node, .. } => {
                self.held.entry((*node, *task)).or_default();
            }
            Event::Released { task, node, .. } => {
                self.held.insert((*node, *task), true);
            }
            Event::Task { task, node, from, to, .. } => {
                if let Some(node) = node.filter(|_| to.holds_cores()) {
                    self.held.entry((node, *task)).or_default();
                }
                let (came, went) = (u64::from(*to == TaskState::Ready), u64::from(*from == TaskState::Ready));
                return (waiting + came).saturating_sub(went);
            }
            Event::Node { node, .. }
            | Event::Joined { node, .. }
            | Event::Cordoned { node, .. }
            | Event::Suspected { node, .. }
            | Event::Labelled { node, .. } => {
                self.nodes.insert(*node);
            }
            Event::Job { .. }
            | Event::Shaped { .. }
            | Event::Waiting { .. }
            | Event::PolicyChanged { .. }
            | Event::Prepared { .. }
            | Event::Checkpointed { .. } => {}
        }
        waiting
    }

    /// How it stands now with all of it.
    fn told(self, view: &View, now: model::Millis) -> Frame {
        let mut frame = Frame::default();
        let known = |id: &NodeId| view.nodes().get(id.index());
        frame.nodes.extend(self.nodes.iter().filter_map(|id| known(id).map(|node| render::node_cells(*id, node, now))));
        frame.jobs.extend(self.placed.into_iter().filter_map(|job| render::job_label(view, job, now)));
        for ((id, task), released) in self.held {
            match known(&id).and_then(|node| node.held.get(&task)) {
                Some((_, cpuset)) => frame.held.push(render::held(view, id, task, cpuset, now)),
                None if released => frame.freed.push(Freed { node: id.0, job: task.job.0, instance: task.instance }),
                None => {}
            }
        }
        frame
    }
}
