//! The names of all series, as Prometheus shows them. Dashboards may use no other.

/// What every name begins with.
pub(super) const PREFIX: &str = "wharfinger";

/// Every name, with its labels.
pub const NAMES: &[(&str, &[&str])] = &[
    ("wharfinger_http_requests_total", &["route", "method", "status"]),
    ("wharfinger_http_request_duration_seconds", &["route"]),
    ("wharfinger_ready", &[]),
    ("wharfinger_process_resident_memory_bytes", &[]),
    ("wharfinger_jobs", &["state"]),
    ("wharfinger_tasks", &["state"]),
    ("wharfinger_nodes", &["state"]),
    ("wharfinger_cores", &["kind"]),
    ("wharfinger_memory_bytes", &["kind"]),
    ("wharfinger_jobs_submitted_total", &[]),
    ("wharfinger_jobs_ended_total", &["state"]),
    ("wharfinger_tasks_placed_total", &[]),
    ("wharfinger_tasks_lost_total", &[]),
    ("wharfinger_events_total", &[]),
    ("wharfinger_loop_turns_total", &[]),
    ("wharfinger_loop_inputs_total", &[]),
    ("wharfinger_heartbeats_total", &[]),
    ("wharfinger_store_logged_bytes_total", &[]),
    ("wharfinger_store_failures_total", &[]),
    ("wharfinger_link_dropped_frames_total", &[]),
    ("wharfinger_link_refused_joins_total", &[]),
];
