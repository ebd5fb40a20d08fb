//! What is counted of the API, and how the system stands when it is asked. No label has more values than there are routes or states.

mod names;
mod scrape;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

pub use names::NAMES;
use names::PREFIX;

/// One label with one of a few words.
type Labelled = Family<[(&'static str, &'static str); 1], Gauge>;

/// How long requests took, by route.
type Durations = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

/// The series of the API.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Durations,
    standing: Standing,
}

/// How a request was answered.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    method: &'static str,
    status: u32,
}

/// What is set anew whenever it is read.
#[derive(Debug, Default)]
struct Standing {
    ready: Gauge,
    resident: Gauge,
    jobs: Labelled,
    tasks: Labelled,
    nodes: Labelled,
    cores: Labelled,
    memory: Labelled,
    submitted: Counter,
    ended: Family<[(&'static str, &'static str); 1], Counter>,
    placed: Counter,
    lost: Counter,
    events: Counter,
    turns: Counter,
    inputs: Counter,
    heartbeats: Counter,
    logged: Counter,
    store_failures: Counter,
    dropped_frames: Counter,
    refused_joins: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        // From half a millisecond to 16 s.
        let durations: Durations = Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 2.0, 16)));
        let (requests, standing) = (Family::<Answered, Counter>::default(), Standing::default());
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let help = "From the head of a request to that of its answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, durations.clone());
        standing.register(&mut registry);
        Self { registry, requests, durations, standing }
    }

    /// A request was answered.
    pub(super) fn answered(&self, route: &'static str, method: &Method, status: StatusCode, took: Duration) {
        let answered = Answered { route, method: word(method), status: u32::from(status.as_u16()) };
        self.requests.get_or_create(&answered).inc();
        self.durations.get_or_create(&[("route", route)]).observe(took.as_secs_f64());
    }
}

impl Standing {
    fn register(&self, registry: &mut Registry) {
        registry.register("ready", "1 while recovery is done and the stores write", self.ready.clone());
        let help = "Memory of the process that is in RAM";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, self.resident.clone());
        registry.register("jobs", "Jobs that are kept, by state", self.jobs.clone());
        registry.register("tasks", "Task instances of the jobs that are kept, by state", self.tasks.clone());
        registry.register("nodes", "Nodes, by state", self.nodes.clone());
        registry.register("cores", "Cores that tasks may have (capacity) and hold (allocated)", self.cores.clone());
        let help = "Memory that tasks may have (capacity) and hold (allocated)";
        registry.register_with_unit("memory", help, Unit::Bytes, self.memory.clone());
        registry.register("jobs_submitted", "Jobs that were taken", self.submitted.clone());
        registry.register("jobs_ended", "Jobs that ended, by their last state", self.ended.clone());
        registry.register("tasks_placed", "Placements of task instances, each attempt and move", self.placed.clone());
        registry.register("tasks_lost", "Attempts whose node was lost", self.lost.clone());
        registry.register("events", "Public events", self.events.clone());
        registry.register("loop_turns", "Turns of the loop that had something to do", self.turns.clone());
        registry.register("loop_inputs", "Inputs that the machines took", self.inputs.clone());
        registry.register("heartbeats", "Heartbeats of workers", self.heartbeats.clone());
        registry.register_with_unit("store_logged", "Written to the logs of the stores", Unit::Bytes, self.logged.clone());
        registry.register("store_failures", "Writes that the store refused", self.store_failures.clone());
        registry.register("link_dropped_frames", "Frames that links dropped", self.dropped_frames.clone());
        registry.register("link_refused_joins", "Joins, handshakes and connections that were refused", self.refused_joins.clone());
    }
}

/// The method's word; whatever a client makes up is one of them.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
