//! Public events as server-sent events. Whoever reconnects with the last number that it saw misses none.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use actors::View;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::JobId;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

use crate::api::body::EventBody;
use crate::api::desk::Desk;
use crate::api::error::ApiError;
use crate::api::extract::QueryOf;
use crate::api::render;

/// Events that are read at once: the system stands still meanwhile.
const BATCH: usize = 256;
/// A quiet stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The types that there are.
const TYPES: [&str; 8] =
    ["job.state", "task.state", "task.prepared", "task.checkpoint", "task.resized", "node.state", "node.action", "policy.changed"];

/// Which events are sent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Those after this number; absent: those that happen from now on. The header `Last-Event-ID` says the same.
    since: Option<u64>,
    /// Only those of these types, separated by commas.
    #[serde(rename = "type")]
    #[param(example = "job.state,task.state")]
    kinds: Option<String>,
    /// Only those of this job.
    #[param(example = "j12")]
    job: Option<String>,
    /// Only those that happened on this node.
    node: Option<String>,
}

/// Follow what happens
#[utoipa::path(get, path = "/v1/events", operation_id = "follow_events", tag = "events",
    params(EventQuery, ("Last-Event-ID" = Option<u64>, Header, description = "Those after this number")),
    responses((status = 200, description = "A stream that ends when the system stops; the data of each event is JSON", body = EventBody, content_type = "text/event-stream")))]
pub async fn follow_events(
    State(desk): State<Desk>,
    QueryOf(query): QueryOf<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wanted = Wanted::new(&query)?;
    // Before the view is read, so that nothing happens unseen between the two.
    let latest = desk.door.latest();
    let since = match (last_seen(&headers)?, query.since) {
        (Some(seen), _) | (None, Some(seen)) => desk.door.view(|view| start(view, seen))?,
        (None, None) => desk.door.view(View::latest_seq),
    };
    let place = desk.stream()?;
    let reader = Reader { desk, wanted, since, ready: VecDeque::new(), latest, over: false, _place: place };
    let events = Sse::new(stream::unfold(reader, Reader::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(events.into_response())
}

/// The number that a client that reconnects has seen.
fn last_seen(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(seen) = headers.get("last-event-id") else { return Ok(None) };
    let number = seen.to_str().ok().and_then(|seen| seen.parse().ok());
    number.map(Some).ok_or_else(|| ApiError::field("Last-Event-ID", "it is no number of an event"))
}

/// Whether all events after a number are still there.
fn start(view: &View, since: u64) -> Result<u64, ApiError> {
    if since > view.latest_seq() {
        return Err(ApiError::field("since", format!("it is {since}, and the latest event is {}", view.latest_seq())));
    }
    let (mut events, gone) = view.events_after(since);
    match events.next() {
        Some(first) if gone => Err(ApiError::EventsGone { since, first: first.seq }),
        _ => Ok(since),
    }
}

struct Wanted {
    kinds: Option<Vec<String>>,
    job: Option<JobId>,
    node: Option<String>,
}

impl Wanted {
    fn new(query: &EventQuery) -> Result<Self, ApiError> {
        let known = |kind: &str| match TYPES.contains(&kind) {
            true => Ok(kind.to_owned()),
            false => Err(ApiError::field("type", format!("a type is one of {}", TYPES.join(", ")))),
        };
        let kinds = query.kinds.as_deref().map(|kinds| kinds.split(',').map(known).collect()).transpose()?;
        let job = query
            .job
            .as_deref()
            .map(|job| JobId::parse(job).ok_or_else(|| ApiError::field("job", "it is no id such as `j12`")))
            .transpose()?;
        Ok(Self { kinds, job, node: query.node.clone() })
    }

    fn takes(&self, event: &EventBody) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.kind))
            && self.job.is_none_or(|job| event.job.as_deref() == Some(&job.to_string()))
            && self.node.as_ref().is_none_or(|node| event.node.as_ref().is_some_and(|known| known.as_str() == node))
    }
}

struct Reader {
    desk: Desk,
    wanted: Wanted,
    since: u64,
    ready: VecDeque<Event>,
    latest: watch::Receiver<u64>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if self.over {
                return None;
            }
            self.latest.borrow_and_update();
            let before = self.since;
            self.read();
            if !self.ready.is_empty() || self.since > before {
                continue;
            }
            let desk = self.desk.clone();
            tokio::select! {
                () = desk.options.shutdown.cancelled() => return None,
                changed = self.latest.changed() => changed.ok()?,
            }
        }
    }

    /// Reads the next events; a reader that is too slow to get all of them is told so, and its stream ends.
    fn read(&mut self) {
        let Self { desk, wanted, since, ready, over, .. } = self;
        desk.door.view(|view| {
            let (events, gone) = view.events_after(*since);
            if gone {
                let first = events.into_iter().next().map_or(0, |first| first.seq);
                let problem = ApiError::EventsGone { since: *since, first }.problem("stream".to_owned());
                ready.extend(Event::default().event("problem").json_data(problem));
                *over = true;
                return;
            }
            for numbered in events.take(BATCH) {
                *since = numbered.seq;
                let Some(body) = render::event(view, numbered).filter(|body| wanted.takes(body)) else { continue };
                ready.extend(Event::default().id(body.seq.to_string()).event(&body.kind).json_data(&body));
            }
        });
    }
}
